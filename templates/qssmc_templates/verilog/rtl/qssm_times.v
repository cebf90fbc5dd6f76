// qssm_times: a * b, signed, in no time; SOFT adds up b for every bit of a, which should be the narrower one.
`default_nettype none
module qssm_times #(
    parameter AW = 4,
    parameter BW = 8,
    parameter SOFT = 0
) (
    input  wire [AW-1:0] a,
    input  wire [BW-1:0] b,
    output wire [AW+BW-1:0] m
);
    localparam W = AW + BW;
    generate
        if (SOFT == 0) begin : g_multiplier
            wire signed [W-1:0] a_wide = {{BW{a[AW-1]}}, a};
            wire signed [W-1:0] b_wide = {{AW{b[BW-1]}}, b};
            assign m = a_wide * b_wide;
        end else begin : g_adders
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
            assign m = g_bit[AW-1].sum;
        end
    endgenerate
endmodule
`default_nettype wire
