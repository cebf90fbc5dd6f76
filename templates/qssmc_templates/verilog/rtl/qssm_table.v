// qssm_table: the constant word of each element of a vector of N, in order, round after round; FIXED gives WORD to all.
`default_nettype none
module qssm_table #(
    parameter W = 8,
    parameter N = 1,
    parameter FIXED = 1,
    parameter [W-1:0] WORD = {W{1'b0}},
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire next,
    output wire [W-1:0] word
);
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
