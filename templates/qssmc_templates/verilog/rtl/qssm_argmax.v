// qssm_argmax: the index of the largest of each vector of N numbers, of equal ones the first.
`default_nettype none
module qssm_argmax #(
    parameter W = 8,
    parameter N = 2,
    parameter OW = 2
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    localparam [31:0] TOP_INT = N - 1;
    localparam [OW-1:0] TOP = TOP_INT[OW-1:0];
    reg [OW-1:0] index, best;
    reg signed [W-1:0] largest;
    wire take = s_valid && s_ready;
    wire larger = index == {OW{1'b0}} || $signed(s_data) > largest;
    wire close = take && index == TOP;
    assign s_ready = !m_valid || m_ready;
    always @(posedge clk) begin
        if (take && larger) begin
            largest <= s_data;
            best <= index;
        end
        if (close) m_data <= larger ? index : best;
    end
    always @(posedge clk) begin
        if (rst) begin
            index <= {OW{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (take) index <= close ? {OW{1'b0}} : index + 1'b1;
            if (s_ready) m_valid <= close;
        end
    end
endmodule
`default_nettype wire
