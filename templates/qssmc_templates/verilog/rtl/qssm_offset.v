// qssm_offset: x + value, element by element of a vector of N, modulo 2^OW.
`default_nettype none
module qssm_offset #(
    parameter XW = 8,             // bits of x, 1 or more
    parameter VW = 8,             // bits of a value, 1 or more
    parameter OW = 9,             // bits of the result, 1 or more
    parameter N = 1,              // elements of a vector, 1 or more
    parameter FIXED = 1,          // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [VW-1:0] WORD = 0,  // every value where FIXED
    parameter FILE = ""           // name of a .mem file of N words of VW bits; not looked at where FIXED
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_offset_XW_must_be_1_or_more error (); end
        if (VW < 1) begin : illegal_vw qssm_offset_VW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_offset_OW_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_offset_N_must_be_1_or_more error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_offset_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_offset_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

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
