// qssm_shift: x * 2^amount, element by element of a vector of N, modulo 2^OW.
`default_nettype none
module qssm_shift #(
    parameter XW = 8,
    parameter SW = 4,
    parameter OW = 16,
    parameter N = 1,
    parameter FIXED = 1,
    parameter [SW-1:0] WORD = {SW{1'b0}},
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
    wire [SW-1:0] amount;
    wire [OW-1:0] x;
    assign s_ready = !m_valid || m_ready;
    qssm_table #(.W(SW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(s_valid && s_ready), .word(amount)
    );
    qssm_resize #(.IW(XW), .OW(OW)) fit (.s(s_data), .m(x));
    always @(posedge clk) if (s_ready) m_data <= x << amount;
    always @(posedge clk) begin
        if (rst) m_valid <= 1'b0;
        else if (s_ready) m_valid <= s_valid;
    end
endmodule
`default_nettype wire
