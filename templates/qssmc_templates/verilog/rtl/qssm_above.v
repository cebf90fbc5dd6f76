// qssm_above: a number stored as what it is above a minimum.
`default_nettype none
module qssm_above #(
    parameter W = 1,
    parameter OW = 6
) (
    input  wire [OW-1:0] least,
    input  wire [W-1:0] more,
    output wire [OW-1:0] sum
);
    assign sum = least + {{(OW - W){1'b0}}, more};
endmodule
`default_nettype wire
