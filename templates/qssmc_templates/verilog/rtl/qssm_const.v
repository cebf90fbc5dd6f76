// qssm_const: a constant vector of N, given as often as it is asked for.
`default_nettype none
module qssm_const #(
    parameter W = 8,
    parameter N = 1,
    parameter FIXED = 1,
    parameter [W-1:0] WORD = {W{1'b0}},
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    output wire [W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    always @(posedge clk) m_valid <= !rst;
    qssm_table #(.W(W), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(m_valid && m_ready), .word(m_data)
    );
endmodule
`default_nettype wire
