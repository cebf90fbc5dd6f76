// qssm_ssm: a diagonal state-space layer with P lanes: per head one u in and one y = Re(sum C x) out, P states a clock.
// A word of FILE is {the next beat takes a u, words of lanes P-1 .. 0}. Where SPLIT, a head may begin in lanes above
// those in which another ends: before these there stand {lanes P-1 .. 1 are of the head that begins among them, that
// head ends here too, the other one ends here}. A head starts when its result has a place to go, so that the pipeline
// never stops; a sample takes PERIOD clocks, no fewer than the way from a state to its next value.
`default_nettype none
module qssm_ssm #(
    parameter P = 1,          // lanes, 1 or more; 2 or more where SPLIT
    parameter UW = 9,         // bits of u, 1 or more
    parameter XW = 16,        // bits of either part of a state; ranges that are not said here: see qssm_lane
    parameter AW = 16,        // bits of either part of A
    parameter BW = 8,         // bits of either part of B
    parameter CW = 8,         // bits of either part of C
    parameter TW = 32,        // bits of the sum before it is rounded
    parameter YW = 27,        // bits of y
    parameter BEATS = 16,     // words of FILE, one a clock, 1 or more
    parameter PERIOD = 16,    // clocks of a sample, as many as BEATS and 10 or more
    parameter QUEUE = 4,      // results that have a place to go, 1 or more
    parameter SPLIT = 0,      // 1: a word may hold the states of two heads, 0: of one
    parameter KEEP = 1,       // how x comes back into the sum
    parameter B_COMPLEX = 1,  // 1: B is complex, 0: real
    parameter XS_MIN = 0,     // least shift of x
    parameter XS_W = 1,       // bits of its field
    parameter BS_MIN = 0,     // least shift of B u
    parameter BS_W = 1,       // bits of its field
    parameter RS_MIN = 0,     // least shift of the sum
    parameter RS_W = 1,       // bits of its field
    parameter CL_TABLE = 0,   // 1: a state is clamped to bits of its own; 0: all are to LOW and HIGH
    parameter CL_MIN = 2,     // fewest bits of a state
    parameter CL_W = 1,       // bits of the field clamp
    parameter [XW-1:0] LOW = {1'b1, {(XW > 2 ? XW - 1 : 1){1'b0}}},  // least state
    parameter [XW-1:0] HIGH = {1'b0, {(XW > 2 ? XW - 1 : 1){1'b1}}},  // greatest state
    parameter DITHER = 0,     // 1: rounded by a phase, one for each sample; 0: half up
    parameter PW = 16,        // bits of the phase, 1 or more
    parameter FILE = ""       // name of a .mem file of BEATS words
) (
    input  wire clk,
    input  wire rst,
    input  wire t_data,
    input  wire t_valid,
    output wire t_ready,
    input  wire [PW-1:0] p_data,
    input  wire p_valid,
    output wire p_ready,
    input  wire [UW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [YW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (P < 1 || (SPLIT != 0 && P < 2)) begin : illegal_p
            qssm_ssm_P_must_be_1_or_more_and_2_where_SPLIT error ();
        end
        if (UW < 1) begin : illegal_uw qssm_ssm_UW_must_be_1_or_more error (); end
        if (BEATS < 1) begin : illegal_beats qssm_ssm_BEATS_must_be_1_or_more error (); end
        if (PERIOD < BEATS || PERIOD < 10) begin : illegal_period
            qssm_ssm_PERIOD_must_be_BEATS_or_more_and_10_or_more error ();
        end
        if (QUEUE < 1) begin : illegal_queue qssm_ssm_QUEUE_must_be_1_or_more error (); end
        if (SPLIT != 0 && SPLIT != 1) begin : illegal_split qssm_ssm_SPLIT_must_be_0_or_1 error (); end
        if (DITHER != 0 && DITHER != 1) begin : illegal_dither qssm_ssm_DITHER_must_be_0_or_1 error (); end
        if (PW < 1) begin : illegal_pw qssm_ssm_PW_must_be_1_or_more error (); end
        if (FILE == "") begin : illegal_file qssm_ssm_FILE_must_name_a_file error (); end
    endgenerate

    localparam LW = 2 * CW + (B_COMPLEX != 0 ? 2 * BW : BW) + 2 * AW + CL_W + RS_W + BS_W + XS_W;
    localparam KW = BEATS > 1 ? $clog2(BEATS) : 1;
    localparam [31:0] TOP_INT = BEATS - 1;
    localparam [KW-1:0] TOP = TOP_INT[KW-1:0];
    localparam QW = $clog2(QUEUE + 1);
    localparam [31:0] PLACES_INT = QUEUE;
    localparam [QW-1:0] PLACES = PLACES_INT[QW-1:0];
    localparam REST = PERIOD - BEATS;
    localparam RW = REST > 1 ? $clog2(REST) : 1;
    localparam [31:0] PAUSE_INT = REST > 0 ? REST - 1 : 0;
    localparam [RW-1:0] PAUSE = PAUSE_INT[RW-1:0];
    localparam LEVELS = P > 1 ? $clog2(P) : 0;
    localparam DELAY = 10 + LEVELS;
    localparam FW = P * LW + (SPLIT != 0 ? P + 2 : 1);

    // While a beat runs, its word and the old state stand at the memories' outputs: they are read a clock ahead.
    reg running, head_first, first, last;
    reg [KW-1:0] beat, after;
    reg at_top;
    reg [UW-1:0] u, u_before;
    reg [PW-1:0] phase;
    reg [QW-1:0] promised;
    reg [RW-1:0] rest;
    wire [FW-1:0] word;
    wire pop = m_valid && m_ready;
    wire wants = running && word[P*LW];
    wire step_last = running && at_top;
    wire step_start = running ? step_last : beat == {KW{1'b0}};
    wire free = (!running || wants) && !(REST > 0 && step_last) && rest == {RW{1'b0}};
    wire open = free && promised != PLACES && (!step_start || (t_valid && (DITHER == 0 || p_valid)));
    wire start = open && s_valid;
    wire [KW-1:0] ahead = running ? after : beat;
    assign s_ready = open;
    assign t_ready = start && step_start;
    assign p_ready = t_ready && DITHER != 0;
    qssm_rom #(.W(FW), .N(BEATS), .FILE(FILE)) coefficients (.clk(clk), .en(1'b1), .addr(ahead), .data(word));
    always @(posedge clk) begin
        if (start) begin
            u <= s_data;
            u_before <= u;
        end
        if (t_ready) begin
            phase <= p_data;
            first <= last;
        end
        head_first <= start;
    end
    always @(posedge clk) begin
        if (rst) begin
            running <= 1'b0;
            beat <= {KW{1'b0}};
            after <= BEATS > 1 ? {{(KW - 1){1'b0}}, 1'b1} : {KW{1'b0}};
            at_top <= BEATS == 1;
            last <= 1'b1;
            promised <= {QW{1'b0}};
            rest <= {RW{1'b0}};
        end else begin
            if (start) running <= 1'b1;
            else if (wants) running <= 1'b0;
            beat <= ahead;
            after <= ahead == TOP ? {KW{1'b0}} : ahead + 1'b1;
            at_top <= ahead == TOP;
            if (t_ready) last <= t_data;
            if (start && !pop) promised <= promised + 1'b1;
            if (pop && !start) promised <= promised - 1'b1;
            if (step_last) rest <= PAUSE;
            else if (rest != {RW{1'b0}}) rest <= rest - 1'b1;
        end
    end
    generate
        if (DITHER == 0) begin : g_no_dither
            wire unused = &{1'b0, p_valid};
        end
    endgenerate

    // Which lanes are of a head that begins among them, what ends in this beat, and that a head begins at lane 0.
    wire [P-1:0] mine;
    wire ends, ends_too;
    wire mid = mine[P-1];
    wire fresh = head_first && !mid;
    genvar i;
    generate
        if (SPLIT != 0) begin : g_split_word
            assign mine = {word[P*LW+3 +: P-1], 1'b0};
            assign {ends_too, ends} = word[P*LW+1 +: 2] & {2{running}};
        end else begin : g_whole_word
            wire unused = &{1'b0, u_before};
            assign mine = {P{1'b0}};
            assign {ends_too, ends} = {1'b0, wants};
        end
    endgenerate

    // The lanes, and the sum of what they give, where SPLIT one for each of the two heads.
    wire [P*YW-1:0] ys;
    wire [P-1:0] mine_then;  // as y leaves the lanes
    wire [P-1:0] beyond;
    wire [YW-1:0] old_sum, new_sum;
    generate
        for (i = 0; i < P; i = i + 1) begin : g_lane
            qssm_lane #(
                .UW(UW), .XW(XW), .AW(AW), .BW(BW), .CW(CW), .TW(TW), .YW(YW), .BEATS(BEATS), .KEEP(KEEP),
                .B_COMPLEX(B_COMPLEX), .XS_MIN(XS_MIN), .XS_W(XS_W), .BS_MIN(BS_MIN), .BS_W(BS_W), .RS_MIN(RS_MIN),
                .RS_W(RS_W), .CL_TABLE(CL_TABLE), .CL_MIN(CL_MIN), .CL_W(CL_W), .LOW(LOW), .HIGH(HIGH),
                .DITHER(DITHER), .PW(PW)
            ) lane (
                .clk(clk), .rst(rst), .ahead(ahead), .beat(beat), .valid(running), .word(word[i*LW +: LW]),
                .u(mid && !mine[i] ? u_before : u), .first(first), .phase(phase), .y(ys[i*YW +: YW]),
                .saturated(beyond[i])
            );
        end
    endgenerate
    qssm_tree #(.P(P), .W(YW)) old_tree (.clk(clk), .s(ys), .off(mine_then), .m(old_sum));
    assign saturated = beyond != {P{1'b0}};

    // The sum over a head's beats, to the queue after its last. The result of a second head that ends in a beat waits a
    // clock, and those behind it too, until a beat comes in which none ends.
    reg [DELAY-1:0] starts, stops;
    reg [YW-1:0] total, result;
    reg done;
    wire [YW-1:0] sum = (starts[DELAY-1] ? {YW{1'b0}} : total) + old_sum;
    wire stop = stops[DELAY-1];
    wire queue_ready;
    wire unused_ready = queue_ready;  // a head starts only where there is a place
    always @(posedge clk) starts <= {starts[DELAY-2:0], fresh};
    always @(posedge clk) stops <= rst ? {DELAY{1'b0}} : {stops[DELAY-2:0], ends};
    generate
        if (SPLIT != 0) begin : g_split
            reg [DELAY*P-1:0] mines;
            reg [DELAY-1:0] runs, stops_too;  // a head may wait for the u of the next, and its sum with it
            reg [YW-1:0] spare;
            reg waits;
            wire stop_too = stops_too[DELAY-1];
            assign mine_then = mines[9*P +: P];
            qssm_tree #(.P(P), .W(YW)) new_tree (.clk(clk), .s(ys), .off(~mine_then), .m(new_sum));
            always @(posedge clk) begin
                mines <= {mines[(DELAY-1)*P-1:0], mine};
                runs <= {runs[DELAY-2:0], running};
                if (runs[DELAY-1]) total <= mines[DELAY*P-1] ? new_sum : sum;
                result <= waits ? spare : sum;
                spare <= stop_too ? new_sum : sum;
                if (rst) begin
                    stops_too <= {DELAY{1'b0}};
                    done <= 1'b0;
                    waits <= 1'b0;
                end else begin
                    stops_too <= {stops_too[DELAY-2:0], ends_too};
                    done <= stop || waits;
                    waits <= stop_too || (stop && waits);
                end
            end
        end else begin : g_whole
            wire unused = &{1'b0, new_sum, ends_too};
            assign mine_then = {P{1'b0}};
            assign new_sum = {YW{1'b0}};
            always @(posedge clk) begin
                total <= sum;
                done <= !rst && stop;
            end
            always @* result = total;
        end
    endgenerate
    qssm_fifo #(.W(YW), .DEPTH(QUEUE)) queue (
        .clk(clk), .rst(rst), .s_data(result), .s_valid(done), .s_ready(queue_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready)
    );
endmodule
`default_nettype wire
