// qssm_lane: one complex state a clock: x <- round(x * 2^xs + A x + (B u) * 2^bs), and Re(C x) of the new x.
// A coefficient word is {C_im, C_re, B_im, B_re, A_im, A_re, clamp, rs, bs, xs}, B_im only where B_COMPLEX. Of the
// shifts and the clamp's bits it holds what they are above a minimum; a field that is not used has one bit.
// KEEP 0: there is no x * 2^xs. KEEP 2: xs is rs, so that x is added behind the shift, and TW need not hold x * 2^xs.
`default_nettype none
module qssm_lane #(
    parameter UW = 9,         // bits of u, 1 or more
    parameter XW = 16,        // bits of either part of a state, 2 or more
    parameter AW = 16,        // bits of either part of A, 1 or more
    parameter BW = 8,         // bits of either part of B, 1 or more
    parameter CW = 8,         // bits of either part of C, 1 or more
    parameter TW = 32,        // bits of the sum before it is rounded: more than the least of each shift
    parameter YW = 27,        // bits of y, 1 or more
    parameter BEATS = 16,     // states of the lane, 1 or more
    parameter KEEP = 1,       // 0, 1 or 2: how x comes back into the sum, see above
    parameter B_COMPLEX = 1,  // 1: B is complex, 0: real
    parameter XS_MIN = 0,     // least shift xs, 0 or more
    parameter XS_W = 1,       // bits of the field xs, 1 or more
    parameter BS_MIN = 0,     // least shift bs, 0 or more
    parameter BS_W = 1,       // bits of the field bs, 1 or more
    parameter RS_MIN = 0,     // least shift rs, 0 or more
    parameter RS_W = 1,       // bits of the field rs, 1 to 15
    parameter CL_TABLE = 0,   // 1: a state is clamped to bits of its own; 0: all are to LOW and HIGH
    parameter CL_MIN = 2,     // fewest bits of a state where CL_TABLE, 2 to XW
    parameter CL_W = 1,       // bits of the field clamp, 1 or more
    parameter [XW-1:0] LOW = {1'b1, {(XW > 2 ? XW - 1 : 1){1'b0}}},  // least state where not CL_TABLE, HIGH or less
    parameter [XW-1:0] HIGH = {1'b0, {(XW > 2 ? XW - 1 : 1){1'b1}}},  // greatest state where not CL_TABLE
    parameter DITHER = 0,     // 1: rounded by a phase, 0: half up
    parameter PW = 16         // bits of the phase, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] ahead,
    input  wire [(BEATS > 1 ? $clog2(BEATS) : 1)-1:0] beat,
    input  wire valid,
    input  wire [2*CW+(B_COMPLEX != 0 ? 2*BW : BW)+2*AW+CL_W+RS_W+BS_W+XS_W-1:0] word,
    input  wire [UW-1:0] u,
    input  wire first,
    input  wire [PW-1:0] phase,
    output reg  [YW-1:0] y,
    output wire saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (UW < 1) begin : illegal_uw qssm_lane_UW_must_be_1_or_more error (); end
        if (XW < 2) begin : illegal_xw qssm_lane_XW_must_be_2_or_more error (); end
        if (AW < 1) begin : illegal_aw qssm_lane_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_lane_BW_must_be_1_or_more error (); end
        if (CW < 1) begin : illegal_cw qssm_lane_CW_must_be_1_or_more error (); end
        if (YW < 1) begin : illegal_yw qssm_lane_YW_must_be_1_or_more error (); end
        if (BEATS < 1) begin : illegal_beats qssm_lane_BEATS_must_be_1_or_more error (); end
        if (KEEP < 0 || KEEP > 2) begin : illegal_keep qssm_lane_KEEP_must_be_0_1_or_2 error (); end
        if (B_COMPLEX != 0 && B_COMPLEX != 1) begin : illegal_b_complex qssm_lane_B_COMPLEX_must_be_0_or_1 error (); end
        if (XS_MIN < 0) begin : illegal_xs_min qssm_lane_XS_MIN_must_be_0_or_more error (); end
        if (XS_W < 1) begin : illegal_xs_w qssm_lane_XS_W_must_be_1_or_more error (); end
        if (BS_MIN < 0) begin : illegal_bs_min qssm_lane_BS_MIN_must_be_0_or_more error (); end
        if (BS_W < 1) begin : illegal_bs_w qssm_lane_BS_W_must_be_1_or_more error (); end
        if (RS_MIN < 0) begin : illegal_rs_min qssm_lane_RS_MIN_must_be_0_or_more error (); end
        if (RS_W < 1 || RS_W > 15) begin : illegal_rs_w qssm_lane_RS_W_must_be_1_to_15 error (); end
        if (TW <= BS_MIN || TW <= RS_MIN || (KEEP == 1 && TW <= XS_MIN)) begin : illegal_tw
            qssm_lane_TW_must_exceed_the_least_of_each_shift error ();
        end
        if (CL_TABLE != 0 && CL_TABLE != 1) begin : illegal_cl_table qssm_lane_CL_TABLE_must_be_0_or_1 error (); end
        if (CL_TABLE != 0 && (CL_MIN < 2 || CL_MIN > XW)) begin : illegal_cl_min
            qssm_lane_CL_MIN_must_be_2_to_XW error ();
        end
        if (CL_W < 1) begin : illegal_cl_w qssm_lane_CL_W_must_be_1_or_more error (); end
        if (XW > 1 && CL_TABLE == 0 && $signed(LOW) > $signed(HIGH)) begin : illegal_low
            qssm_lane_LOW_must_not_exceed_HIGH error ();
        end
        if (DITHER != 0 && DITHER != 1) begin : illegal_dither qssm_lane_DITHER_must_be_0_or_1 error (); end
        if (PW < 1) begin : illegal_pw qssm_lane_PW_must_be_1_or_more error (); end
    endgenerate

    localparam KW = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam B_AT = CL_W + RS_W + BS_W + XS_W + 2 * AW;
    localparam A_AT = CL_W + RS_W + BS_W + XS_W;
    localparam BB = B_COMPLEX != 0 ? 2 * BW : BW;
    localparam C_AT = B_AT + BB;
    // The largest shift that the fields can hold; d is the dither, or one half, on its scale.
    localparam RS_MAX = RS_MIN + (1 << RS_W) - 1;
    localparam DW = RS_MAX + 1;
    genvar i;

    // Clock 1: word, u, first and phase come from outside; the old state was asked for a clock before, at ahead.
    (* no_rw_check *) reg [2*XW-1:0] mem [0:BEATS-1];
    reg [2*XW-1:0] old;
    wire [2*XW-1:0] new_x;
    reg [8*KW-1:0] beats;
    reg [7:0] valids;
    wire [KW-1:0] beat9 = beats[7*KW +: KW];
    wire valid9 = valids[7];
    always @(posedge clk) begin
        old <= mem[ahead];
        if (valid9) mem[beat9] <= new_x;
        beats <= {beats[7*KW-1:0], beat};
        valids <= rst ? 8'd0 : {valids[6:0], valid};
    end

    // Clock 2: operands. A state is zero in the first sample of a sequence, whatever the memory holds.
    reg [2*XW-1:0] x2;
    reg [UW-1:0] u2;
    reg [2*AW-1:0] a2;
    reg [BB-1:0] b2;
    reg [2*CW-1:0] c2, c3, c4, c5, c6, c7, c8, c9;
    reg [XS_W-1:0] xs2, xs3;
    reg [BS_W-1:0] bs2, bs3;
    reg [RS_W-1:0] rs2, rs3, rs4, rs5, rs6;
    reg [CL_W-1:0] cl2, cl3, cl4, cl5, cl6;
    reg [PW-1:0] phase2;
    always @(posedge clk) begin
        x2 <= old & {(2 * XW){!first}};
        u2 <= u;
        a2 <= word[A_AT +: 2*AW];
        b2 <= word[B_AT +: BB];
        c2 <= word[C_AT +: 2*CW];
        {cl2, rs2, bs2, xs2} <= word[CL_W+RS_W+BS_W+XS_W-1:0];
        phase2 <= phase;
        {xs3, bs3} <= {xs2, bs2};
        {rs3, rs4, rs5, rs6} <= {rs2, rs3, rs4, rs5};
        {cl3, cl4, cl5, cl6} <= {cl2, cl3, cl4, cl5};
        {c3, c4, c5, c6, c7, c8, c9} <= {c2, c3, c4, c5, c6, c7, c8};
    end

    // Clock 3: products with A and B.
    localparam AX = AW + XW;
    localparam BU = BW + UW;
    wire [AX-1:0] rr, ii, ri, ir;
    wire [BU-1:0] bu_re, bu_im;
    reg [2*XW-1:0] x3;
    always @(posedge clk) x3 <= x2;
    qssm_times #(.AW(AW), .BW(XW)) times_rr (.clk(clk), .en(1'b1), .a(a2[AW-1:0]), .b(x2[XW-1:0]), .m(rr));
    qssm_times #(.AW(AW), .BW(XW)) times_ii (.clk(clk), .en(1'b1), .a(a2[2*AW-1:AW]), .b(x2[2*XW-1:XW]), .m(ii));
    qssm_times #(.AW(AW), .BW(XW)) times_ri (.clk(clk), .en(1'b1), .a(a2[AW-1:0]), .b(x2[2*XW-1:XW]), .m(ri));
    qssm_times #(.AW(AW), .BW(XW)) times_ir (.clk(clk), .en(1'b1), .a(a2[2*AW-1:AW]), .b(x2[XW-1:0]), .m(ir));
    qssm_times #(.AW(BW), .BW(UW), .SOFT(BW <= 2)) times_br (
        .clk(clk), .en(1'b1), .a(b2[BW-1:0]), .b(u2), .m(bu_re)
    );
    generate
        if (B_COMPLEX != 0) begin : g_b_im
            qssm_times #(.AW(BW), .BW(UW), .SOFT(BW <= 2)) times_bi (
                .clk(clk), .en(1'b1), .a(b2[2*BW-1:BW]), .b(u2), .m(bu_im)
            );
        end else begin : g_no_b_im
            assign bu_im = {BU{1'b0}};
        end
    endgenerate

    // Clock 3 too: d = floor(phase * 2^rs / 2^PW), or 2^(rs-1): what it is at the largest shift, shifted down.
    wire [RS_W-1:0] down = ~rs2;
    wire [DW-1:0] d_most;
    reg [DW-1:0] d3, d4;
    generate
        if (DITHER == 0) begin : g_half
            assign d_most = {{(DW - 1){1'b0}}, 1'b1} << (RS_MAX - 1);
        end else if (RS_MAX > PW) begin : g_phase_up
            assign d_most = {{(DW - RS_MAX){1'b0}}, phase2, {(RS_MAX - PW){1'b0}}};
        end else begin : g_phase_down
            assign d_most = {1'b0, phase2[PW-1:PW-RS_MAX]};
        end
    endgenerate
    wire unused_phase = &{1'b0, phase2};
    always @(posedge clk) begin
        d3 <= d_most >> down;
        d4 <= d3;
    end

    // Clock 4: A x and the shifted B u. Clock 5: with x * 2^xs and with d. Clock 6: the sum. Clock 7: shifted back.
    // Clock 8: compared. Clock 9: clamped.
    localparam NW = TW - RS_MIN > 2 ? TW - RS_MIN : 2;  // of the sum without what is always cut off
    localparam SW = (NW > XW ? NW : XW) + 1;
    wire [2*AX-1:0] left = {ri, rr};
    wire [2*AX-1:0] right = {ir, ii};
    wire [2*BU-1:0] bu = {bu_im, bu_re};
    wire [1:0] beyond;
    wire [XW-1:0] low, high, low_then, high_then;
    wire [TW-1:0] d;
    qssm_resize #(.IW(DW), .OW(TW)) fit_d (.s(d4), .m(d));
    generate
        if (CL_TABLE != 0) begin : g_clamp_table
            // The state has CL_MIN + cl bits, and its least number is not used.
            wire [XW-1:0] ones = {XW{1'b1}} << (CL_MIN - 1);
            reg [XW-1:0] beyond7, beyond8;
            always @(posedge clk) begin
                beyond7 <= ones << cl6;
                beyond8 <= beyond7;
            end
            assign high = ~beyond7;
            assign low = {beyond7[XW-1:1], 1'b1};
            assign high_then = ~beyond8;
            assign low_then = {beyond8[XW-1:1], 1'b1};
        end else begin : g_clamp_fixed
            wire unused = &{1'b0, cl6};
            assign high = HIGH;
            assign low = LOW;
            assign high_then = HIGH;
            assign low_then = LOW;
        end
        for (i = 0; i < 2; i = i + 1) begin : g_part
            wire [TW-1:0] l, r, b;
            wire [SW-1:0] shifted;
            reg [TW-1:0] ax4, bu4, sum5, bu5;
            reg signed [TW-1:0] total6;
            reg [SW-1:0] rounded7;
            reg [XW-1:0] rounded8, clamped9;
            reg below8, above8, outside9;
            wire [TW-1:0] least_cut = total6 >>> RS_MIN;
            wire signed [NW-1:0] cut;
            wire [NW-1:0] back = cut >>> rs6;
            // Signs of differences, for comparisons leave the adders by their carry, which takes longer.
            wire [SW:0] wide7 = {rounded7[SW-1], rounded7};
            wire [SW:0] over_least = wide7 - {{(SW + 1 - XW){low[XW-1]}}, low};
            wire [SW:0] under_most = {{(SW + 1 - XW){high[XW-1]}}, high} - wide7;
            wire unused_differences = &{1'b0, over_least, under_most};
            qssm_resize #(.IW(AX), .OW(TW)) fit_l (.s(left[i*AX +: AX]), .m(l));
            qssm_resize #(.IW(AX), .OW(TW)) fit_r (.s(right[i*AX +: AX]), .m(r));
            qssm_resize #(.IW(BU), .OW(TW)) fit_b (.s(bu[i*BU +: BU]), .m(b));
            qssm_resize #(.IW(TW), .OW(NW)) fit_cut (.s(least_cut), .m(cut));
            qssm_resize #(.IW(NW), .OW(SW)) fit_back (.s(back), .m(shifted));
            always @(posedge clk) begin
                ax4 <= i == 0 ? l - r : l + r;
                bu4 <= (b << BS_MIN) << bs3;
                bu5 <= bu4 + d;
                total6 <= sum5 + bu5;
                rounded8 <= rounded7[XW-1:0];
                below8 <= over_least[SW];
                above8 <= under_most[SW];
                clamped9 <= below8 ? low_then : above8 ? high_then : rounded8;
                outside9 <= below8 || above8;
            end
            assign new_x[i*XW +: XW] = clamped9;
            assign beyond[i] = outside9;
            if (KEEP == 2) begin : g_keep_after
                reg [XW-1:0] x4, x5, x6;
                wire [SW-1:0] x;
                qssm_resize #(.IW(XW), .OW(SW)) fit_x (.s(x6), .m(x));
                always @(posedge clk) begin
                    {x4, x5, x6} <= {x3[i*XW +: XW], x4, x5};
                    sum5 <= ax4;
                    rounded7 <= shifted + x;
                end
            end else if (KEEP == 1) begin : g_keep_before
                wire [TW-1:0] x;
                reg [TW-1:0] kept4;
                qssm_resize #(.IW(XW), .OW(TW)) fit_x (.s(x3[i*XW +: XW]), .m(x));
                always @(posedge clk) begin
                    kept4 <= (x << XS_MIN) << xs3;
                    sum5 <= ax4 + kept4;
                    rounded7 <= shifted;
                end
            end else begin : g_no_keep
                wire unused = &{1'b0, x3[i*XW +: XW]};
                always @(posedge clk) begin
                    sum5 <= ax4;
                    rounded7 <= shifted;
                end
            end
        end
        if (KEEP != 1) begin : g_no_shift_of_x
            wire unused = &{1'b0, xs3};
        end
    endgenerate
    assign saturated = valid9 && beyond != 2'b00;

    // Clock 10: the new state is written; products with C. Clock 11: their difference.
    localparam CX = CW + XW;
    wire [CX-1:0] cr, ci;
    wire [YW-1:0] yr, yi;
    qssm_times #(.AW(CW), .BW(XW)) times_cr (.clk(clk), .en(1'b1), .a(c9[CW-1:0]), .b(new_x[XW-1:0]), .m(cr));
    qssm_times #(.AW(CW), .BW(XW)) times_ci (.clk(clk), .en(1'b1), .a(c9[2*CW-1:CW]), .b(new_x[2*XW-1:XW]), .m(ci));
    qssm_resize #(.IW(CX), .OW(YW)) fit_yr (.s(cr), .m(yr));
    qssm_resize #(.IW(CX), .OW(YW)) fit_yi (.s(ci), .m(yi));
    always @(posedge clk) y <= yr - yi;
endmodule
`default_nettype wire
