// qssm_multiplier: a * b, signed, one clock later.
// It is never flattened: yosys 0.23 loses one of two products where it packs the sum of both into one SB_MAC16.
`default_nettype none
(* keep_hierarchy *)
module qssm_multiplier #(
    parameter AW = 4,  // bits of a, 1 or more
    parameter BW = 8   // bits of b, 1 or more
) (
    input  wire clk,
    input  wire en,
    input  wire [AW-1:0] a,
    input  wire [BW-1:0] b,
    output reg  [AW+BW-1:0] m
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (AW < 1) begin : illegal_aw qssm_multiplier_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_multiplier_BW_must_be_1_or_more error (); end
    endgenerate

    localparam W = AW + BW;
    wire signed [W-1:0] a_wide = {{BW{a[AW-1]}}, a};
    wire signed [W-1:0] b_wide = {{AW{b[BW-1]}}, b};
    always @(posedge clk) if (en) m <= a_wide * b_wide;
endmodule
`default_nettype wire
