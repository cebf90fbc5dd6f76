// qssm_deserial: words of W bits from a stream of bits, the lowest first.
`default_nettype none
module qssm_deserial #(
    parameter W = 8
) (
    input  wire clk,
    input  wire rst,
    input  wire s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    localparam KW = $clog2(W);
    localparam [31:0] TOP_INT = W - 1;
    localparam [KW-1:0] TOP = TOP_INT[KW-1:0];
    reg [KW-1:0] k;
    assign s_ready = !m_valid;
    always @(posedge clk) if (s_valid && s_ready) m_data <= {s_data, m_data[W-1:1]};
    always @(posedge clk) begin
        if (rst) begin
            k <= {KW{1'b0}};
            m_valid <= 1'b0;
        end else if (m_valid) begin
            if (m_ready) m_valid <= 1'b0;
        end else if (s_valid) begin
            k <= k == TOP ? {KW{1'b0}} : k + 1'b1;
            m_valid <= k == TOP;
        end
    end
endmodule
`default_nettype wire
