// qssm_offset: x + value, element by element of a vector of N, modulo 2^OW.
`default_nettype none
module qssm_offset #(
    parameter XW = 8,
    parameter VW = 8,
    parameter OW = 9,
    parameter N = 1,
    parameter FIXED = 1,
    parameter [VW-1:0] WORD = {VW{1'b0}},
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    wire [VW-1:0] value;
    wire [OW-1:0] x, v;
    assign s_ready = !m_valid || m_ready;
    qssm_table #(.W(VW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(s_valid && s_ready), .word(value)
    );
    qssm_resize #(.IW(XW), .OW(OW)) fit_x (.s(s_data), .m(x));
    qssm_resize #(.IW(VW), .OW(OW)) fit_v (.s(value), .m(v));
    always @(posedge clk) if (s_ready) m_data <= x + v;
    always @(posedge clk) begin
        if (rst) m_valid <= 1'b0;
        else if (s_ready) m_valid <= s_valid;
    end
endmodule
`default_nettype wire
