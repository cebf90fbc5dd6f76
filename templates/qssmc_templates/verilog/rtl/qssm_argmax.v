// qssm_argmax: the index of the largest of each vector of N numbers, of equal ones the first.
`default_nettype none
module qssm_argmax #(
    parameter W = 8,  // bits of an element, 1 or more
    parameter N = 2,  // elements of a vector, 1 or more
    parameter OW = 2  // bits of the index, a signed number: $clog2(N) + 1 or more
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_argmax_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_argmax_N_must_be_1_or_more error (); end
        if (OW < $clog2(N) + 1) begin : illegal_ow qssm_argmax_OW_must_hold_N_minus_1_as_a_signed_number error (); end
    endgenerate

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
