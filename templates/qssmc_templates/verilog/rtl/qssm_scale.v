// qssm_scale: x * factor, element by element of a vector of N, modulo 2^OW; SERIAL goes by the narrower one's bits.
`default_nettype none
module qssm_scale #(
    parameter XW = 8,             // bits of x, 1 or more
    parameter FW = 8,             // bits of a factor, 1 or more
    parameter OW = 16,            // bits of the result: more than SERIAL
    parameter N = 1,              // elements of a vector, 1 or more
    parameter SERIAL = 0,         // bits of the narrower one an adder does in a clock, 1 or 2; 0: a multiplier
    parameter SOFT = 0,           // 1: a multiplier built of adders, for devices that have few; 0 where SERIAL is not 0
    parameter FIXED = 1,          // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [FW-1:0] WORD = 0,  // every factor where FIXED
    parameter FILE = ""           // name of a .mem file of N words of FW bits; not looked at where FIXED
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_scale_XW_must_be_1_or_more error (); end
        if (FW < 1) begin : illegal_fw qssm_scale_FW_must_be_1_or_more error (); end
        if (SERIAL != 0 && SERIAL != 1 && SERIAL != 2) begin : illegal_serial
            qssm_scale_SERIAL_must_be_0_1_or_2 error ();
        end
        if (OW < 1 || OW <= SERIAL) begin : illegal_ow qssm_scale_OW_must_exceed_SERIAL error (); end
        if (N < 1) begin : illegal_n qssm_scale_N_must_be_1_or_more error (); end
        if (SOFT != 0 && SOFT != 1) begin : illegal_soft qssm_scale_SOFT_must_be_0_or_1 error (); end
        if (SERIAL != 0 && SOFT != 0) begin : illegal_soft_serial
            qssm_scale_SOFT_must_be_0_where_SERIAL_is_not_0 error ();
        end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_scale_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_scale_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

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
