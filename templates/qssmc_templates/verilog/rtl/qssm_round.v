// qssm_round: clamp(floor((x + d) / 2^s), low, high) in two clocks, s = MIN + shift; x + d has IW bits.
// d is 2^(s-1), none where s is 0, or with DITHER floor(phase * 2^s / 2^PW).
`default_nettype none
module qssm_round #(
    parameter IW = 16,     // bits of x + d, 1 or more
    parameter OW = 8,      // bits of low, high and the result, 1 or more
    parameter SW = 4,      // bits of shift, 1 to 15
    parameter MIN = 0,     // least s, 0 or more; with DITHER no more than IW
    parameter DITHER = 0,  // 1: rounded by phase, 0: half up
    parameter PW = 16      // bits of phase, 1 or more
) (
    input  wire clk,
    input  wire en,
    input  wire [IW-1:0] x,
    input  wire [SW-1:0] shift,
    input  wire [PW-1:0] phase,
    input  wire [OW-1:0] low,
    input  wire [OW-1:0] high,
    output reg  [OW-1:0] m,
    output reg  saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (IW < 1) begin : illegal_iw qssm_round_IW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_round_OW_must_be_1_or_more error (); end
        if (SW < 1 || SW > 15) begin : illegal_sw qssm_round_SW_must_be_1_to_15 error (); end
        if (MIN < 0) begin : illegal_min qssm_round_MIN_must_be_0_or_more error (); end
        if (DITHER != 0 && DITHER != 1) begin : illegal_dither qssm_round_DITHER_must_be_0_or_1 error (); end
        if (DITHER != 0 && MIN > IW) begin : illegal_min_dither
            qssm_round_MIN_must_not_exceed_IW_where_DITHER error ();
        end
        if (PW < 1) begin : illegal_pw qssm_round_PW_must_be_1_or_more error (); end
    endgenerate

    localparam NW = IW + 1 - MIN > 2 ? IW + 1 - MIN : 2;  // of what the smallest shift leaves of 2 x
    localparam W = (NW > OW ? NW : OW) + 1;               // wide enough for the clamp to be compared with
    wire signed [IW:0] wide;
    wire signed [NW-1:0] cut;
    wire signed [W-1:0] result;
    reg  signed [W-1:0] rounded;
    reg  signed [OW-1:0] bottom, top;
    qssm_resize #(.IW(IW), .OW(IW + 1)) fit (.s(x), .m(wide));
    generate
        if (DITHER == 0) begin : g_half
            // floor((x + 2^(s-1)) / 2^s) = (floor(2 x / 2^s) + 1) / 2, which holds for s = 0 too.
            wire [IW:0] twice = {wide[IW-1:0], 1'b0};
            wire signed [IW:0] least = $signed(twice) >>> MIN;
            wire [NW-1:0] part = cut >>> shift;
            wire signed [W-1:0] part_wide;
            wire [W-1:0] up = part_wide + {{(W - 1){1'b0}}, 1'b1};
            wire unused = &{1'b0, phase, up[0], wide[IW]};
            qssm_resize #(.IW(IW + 1), .OW(NW)) fit_cut (.s(least), .m(cut));
            qssm_resize #(.IW(NW), .OW(W)) fit_part (.s(part), .m(part_wide));
            assign result = {up[W-1], up[W-1:1]};
        end else begin : g_dither
            // d at the largest shift, shifted down to this one.
            localparam MAX = MIN + (1 << SW) - 1;
            wire [MAX+PW:0] most = {{(MAX + 1){1'b0}}, phase} << MAX;
            wire [MAX:0] d = most[MAX+PW:PW] >> ~shift;
            wire [IW:0] d_wide;
            wire unused = &{1'b0, most[PW-1:0]};
            wire signed [IW:0] sum = wide + $signed(d_wide);
            wire signed [IW:0] least = sum >>> MIN;
            wire [NW-1:0] part = cut >>> shift;
            qssm_resize #(.IW(MAX + 1), .OW(IW + 1)) fit_d (.s(d), .m(d_wide));
            qssm_resize #(.IW(IW + 1), .OW(NW)) fit_cut (.s(least), .m(cut));
            qssm_resize #(.IW(NW), .OW(W)) fit_part (.s(part), .m(result));
        end
    endgenerate
    always @(posedge clk) if (en) rounded <= result;
    wire signed [W-1:0] least = {{(W - OW){bottom[OW-1]}}, bottom};
    wire signed [W-1:0] most = {{(W - OW){top[OW-1]}}, top};
    // Signs of differences, for comparisons leave the adders by their carry, which takes longer.
    wire [W:0] over_least = {rounded[W-1], rounded} - {least[W-1], least};
    wire [W:0] under_most = {most[W-1], most} - {rounded[W-1], rounded};
    wire below = over_least[W];
    wire above = under_most[W];
    wire unused_differences = &{1'b0, over_least, under_most};
    always @(posedge clk) begin
        if (en) begin
            bottom <= low;
            top <= high;
            m <= below ? bottom : above ? top : rounded[OW-1:0];
            saturated <= below || above;
        end
    end
endmodule
`default_nettype wire
