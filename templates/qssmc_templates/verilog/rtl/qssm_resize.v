// qssm_resize: a signed number in another width; what is cut off must be sign, or is not wanted.
`default_nettype none
module qssm_resize #(
    parameter IW = 8,  // bits of s, 1 or more
    parameter OW = 8   // bits of m, 1 or more
) (
    input  wire [IW-1:0] s,
    output wire [OW-1:0] m
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (IW < 1) begin : illegal_iw qssm_resize_IW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_resize_OW_must_be_1_or_more error (); end
    endgenerate

    generate
        if (OW > IW) begin : g_extend
            assign m = {{(OW - IW){s[IW-1]}}, s};
        end else if (OW == IW) begin : g_same
            assign m = s;
        end else begin : g_cut
            wire unused = &{1'b0, s[IW-1:OW]};
            assign m = s[OW-1:0];
        end
    endgenerate
endmodule
`default_nettype wire
