// qssm_const: a constant vector of N, given as often as it is asked for.
`default_nettype none
module qssm_const #(
    parameter W = 8,             // bits of an element, 1 or more
    parameter N = 1,             // elements of the vector, 1 or more
    parameter FIXED = 1,         // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [W-1:0] WORD = 0,  // every element where FIXED
    parameter FILE = ""          // name of a .mem file of N words of W bits; not looked at where FIXED
) (
    input  wire clk,
    input  wire rst,
    output wire [W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_const_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_const_N_must_be_1_or_more error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_const_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_const_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

    always @(posedge clk) m_valid <= !rst;
    qssm_table #(.W(W), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(m_valid && m_ready), .word(m_data)
    );
endmodule
`default_nettype wire
