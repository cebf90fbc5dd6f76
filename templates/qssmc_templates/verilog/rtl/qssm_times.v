// qssm_times: a * b, signed, one clock later; SOFT adds up b for every bit of a, which should be the narrower one.
`default_nettype none
module qssm_times #(
    parameter AW = 4,   // bits of a, 1 or more
    parameter BW = 8,   // bits of b, 1 or more
    parameter SOFT = 0  // 0: a multiplier, 1: adders
) (
    input  wire clk,
    input  wire en,
    input  wire [AW-1:0] a,
    input  wire [BW-1:0] b,
    output wire [AW+BW-1:0] m
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (AW < 1) begin : illegal_aw qssm_times_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_times_BW_must_be_1_or_more error (); end
        if (SOFT != 0 && SOFT != 1) begin : illegal_soft qssm_times_SOFT_must_be_0_or_1 error (); end
    endgenerate

    generate
        if (SOFT == 0) begin : g_multiplier
            qssm_multiplier #(.AW(AW), .BW(BW)) multiplier (.clk(clk), .en(en), .a(a), .b(b), .m(m));
        end else if (AW > 0) begin : g_adders
            localparam W = AW + BW;
            // From the sign bit of a down, which counts negative: the sum so far twice, and b once more.
            wire [W-1:0] b_wide = {{AW{b[BW-1]}}, b};
            genvar i;
            for (i = 0; i < AW; i = i + 1) begin : g_bit
                wire [W-1:0] term = b_wide & {W{a[AW-1-i]}};
                wire [W-1:0] sum;
                if (i == 0) begin : g_sign
                    assign sum = -term;
                end else begin : g_more
                    assign sum = {g_bit[i-1].sum[W-2:0], 1'b0} + term;
                    wire unused = &{1'b0, g_bit[i-1].sum[W-1]};
                end
            end
            reg [W-1:0] product;
            always @(posedge clk) if (en) product <= g_bit[AW-1].sum;
            assign m = product;
        end
    endgenerate
endmodule
`default_nettype wire
