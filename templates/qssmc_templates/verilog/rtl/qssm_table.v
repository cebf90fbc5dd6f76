// qssm_table: the constant word of each element of a vector of N, in order, round after round; FIXED gives WORD to all.
`default_nettype none
module qssm_table #(
    parameter W = 8,             // bits of a word, 1 or more
    parameter N = 1,             // elements of a vector, 1 or more
    parameter FIXED = 1,         // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [W-1:0] WORD = 0,  // the word of all where FIXED
    parameter FILE = ""          // name of a .mem file of N words of W bits; not looked at where FIXED
) (
    input  wire clk,
    input  wire rst,
    input  wire next,
    output wire [W-1:0] word
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_table_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_table_N_must_be_1_or_more error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_table_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_table_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

    localparam IW = N > 1 ? $clog2(N) : 1;
    generate
        if (FIXED != 0) begin : g_fixed
            wire unused = &{1'b0, clk, rst, next};
            assign word = WORD;
        end else begin : g_table
            // The word of the next element is read while this one is used.
            localparam [31:0] TOP_INT = N - 1;
            localparam [IW-1:0] TOP = TOP_INT[IW-1:0];
            reg  [IW-1:0] index;
            wire [IW-1:0] after = index == TOP ? {IW{1'b0}} : index + 1'b1;
            wire [IW-1:0] ahead = rst ? {IW{1'b0}} : next ? after : index;
            always @(posedge clk) index <= ahead;
            qssm_rom #(.W(W), .N(N), .FILE(FILE)) rom (.clk(clk), .en(1'b1), .addr(ahead), .data(word));
        end
    endgenerate
endmodule
`default_nettype wire
