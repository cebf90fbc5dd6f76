// qssm_shift: x * 2^amount, element by element of a vector of N, modulo 2^OW.
`default_nettype none
module qssm_shift #(
    parameter XW = 8,             // bits of x, 1 or more
    parameter SW = 4,             // bits of an amount, 1 or more
    parameter OW = 16,            // bits of the result, 1 or more
    parameter N = 1,              // elements of a vector, 1 or more
    parameter FIXED = 1,          // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [SW-1:0] WORD = 0,  // every amount where FIXED
    parameter FILE = ""           // name of a .mem file of N words of SW bits; not looked at where FIXED
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
        if (XW < 1) begin : illegal_xw qssm_shift_XW_must_be_1_or_more error (); end
        if (SW < 1) begin : illegal_sw qssm_shift_SW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_shift_OW_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_shift_N_must_be_1_or_more error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_shift_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_shift_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

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
