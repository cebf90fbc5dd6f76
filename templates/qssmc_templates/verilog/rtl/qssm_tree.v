// qssm_tree: the sum of P numbers but those that are off, modulo 2^W, a clock for each halving.
`default_nettype none
module qssm_tree #(
    parameter P = 4,  // numbers, 1 or more
    parameter W = 16  // bits of a number and of the sum, 1 or more
) (
    input  wire clk,
    input  wire [P*W-1:0] s,
    input  wire [P-1:0] off,
    output wire [W-1:0] m
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (P < 1) begin : illegal_p qssm_tree_P_must_be_1_or_more error (); end
        if (W < 1) begin : illegal_w qssm_tree_W_must_be_1_or_more error (); end
    endgenerate

    localparam LEVELS = P > 1 ? $clog2(P) : 0;
    localparam LEAVES = 1 << LEVELS;
    // Node n is the sum of nodes 2 n and 2 n + 1; node 0 is none.
    wire [2*LEAVES*W-1:0] nodes;
    genvar i;
    generate
        for (i = 0; i < P; i = i + 1) begin : g_leaf
            assign nodes[(LEAVES+i)*W +: W] = s[i*W +: W] & {W{!off[i]}};
        end
        for (i = P; i < LEAVES; i = i + 1) begin : g_no_leaf
            assign nodes[(LEAVES+i)*W +: W] = {W{1'b0}};
        end
        for (i = 1; i < LEAVES; i = i + 1) begin : g_node
            reg [W-1:0] sum;
            always @(posedge clk) sum <= nodes[2*i*W +: W] + nodes[(2*i+1)*W +: W];
            assign nodes[i*W +: W] = sum;
        end
    endgenerate
    assign nodes[W-1:0] = {W{1'b0}};
    wire unused = &{1'b0, clk, nodes[W-1:0]};
    assign m = nodes[W +: W];
endmodule
`default_nettype wire
