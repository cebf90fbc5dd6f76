// qssm_resize: a signed number in another width; what is cut off must be sign, or is not wanted.
`default_nettype none
module qssm_resize #(
    parameter IW = 8,
    parameter OW = 8
) (
    input  wire [IW-1:0] s,
    output wire [OW-1:0] m
);
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
