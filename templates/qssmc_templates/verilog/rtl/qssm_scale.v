// qssm_scale: x * factor, element by element of a vector of N, modulo 2^OW; SERIAL goes by the narrower one's bits.
`default_nettype none
module qssm_scale #(
    parameter XW = 8,
    parameter FW = 8,
    parameter OW = 16,
    parameter N = 1,
    parameter SERIAL = 0,
    parameter SOFT = 0,
    parameter FIXED = 1,
    parameter [FW-1:0] WORD = {FW{1'b0}},
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    wire [FW-1:0] factor;
    wire factor_ready;
    wire unused = factor_ready;
    qssm_table #(.W(FW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(s_valid && s_ready), .word(factor)
    );
    generate
        if (FW < XW) begin : g_by_factor
            qssm_product #(.AW(FW), .BW(XW), .OW(OW), .SERIAL(SERIAL), .SOFT(SOFT)) product (
                .clk(clk), .rst(rst), .a_data(factor), .a_valid(1'b1), .a_ready(factor_ready),
                .b_data(s_data), .b_valid(s_valid), .b_ready(s_ready),
                .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
            );
        end else begin : g_by_x
            qssm_product #(.AW(XW), .BW(FW), .OW(OW), .SERIAL(SERIAL), .SOFT(SOFT)) product (
                .clk(clk), .rst(rst), .a_data(s_data), .a_valid(s_valid), .a_ready(s_ready),
                .b_data(factor), .b_valid(1'b1), .b_ready(factor_ready),
                .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
            );
        end
    endgenerate
endmodule
`default_nettype wire
