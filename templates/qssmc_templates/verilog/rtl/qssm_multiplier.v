// qssm_multiplier: a * b, signed, one clock later; never flattened: yosys 0.23 loses one of two products in a block.
// a product where it packs the sum of two of them into one SB_MAC16.
`default_nettype none
(* keep_hierarchy *)
module qssm_multiplier #(
    parameter AW = 4,
    parameter BW = 8
) (
    input  wire clk,
    input  wire en,
    input  wire [AW-1:0] a,
    input  wire [BW-1:0] b,
    output reg  [AW+BW-1:0] m
);
    localparam W = AW + BW;
    wire signed [W-1:0] a_wide = {{BW{a[AW-1]}}, a};
    wire signed [W-1:0] b_wide = {{AW{b[BW-1]}}, b};
    always @(posedge clk) if (en) m <= a_wide * b_wide;
endmodule
`default_nettype wire
