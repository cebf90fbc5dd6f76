// qssm_requant: clamp(floor((x + d) / 2^s), low, high) of a vector of N; a table's word is {high, low, s - MIN}.
// SLOW takes three clocks an element and no copies of it, and its ready is a register.
`default_nettype none
module qssm_requant #(
    parameter XW = 16,     // bits of x, 1 or more
    parameter IW = 16,     // bits of x + d, as many as XW or more
    parameter OW = 8,      // bits of low, high and the result, 1 or more
    parameter SW = 4,      // bits of s - MIN, 1 to 15
    parameter MIN = 0,     // least s, 0 or more; with DITHER no more than IW
    parameter N = 1,       // elements of a vector, 1 or more
    parameter DITHER = 0,  // 1: rounded by a phase, one for each vector; 0: half up
    parameter PW = 16,     // bits of the phase, 1 or more
    parameter SLOW = 0,    // 1: an element every three clocks, 0: one a clock
    parameter FIXED = 1,   // 1: every element has the same word, WORD; 0: each has its own, from FILE
    parameter [2*OW+SW-1:0] WORD = 0,  // {high, low, s - MIN} where FIXED; low <= high
    parameter FILE = ""    // name of a .mem file of N words of 2 * OW + SW bits; not looked at where FIXED
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    input  wire [PW-1:0] p_data,
    input  wire p_valid,
    output wire p_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_requant_XW_must_be_1_or_more error (); end
        if (IW < XW) begin : illegal_iw qssm_requant_IW_must_hold_XW error (); end
        if (OW < 1) begin : illegal_ow qssm_requant_OW_must_be_1_or_more error (); end
        if (SW < 1 || SW > 15) begin : illegal_sw qssm_requant_SW_must_be_1_to_15 error (); end
        if (MIN < 0) begin : illegal_min qssm_requant_MIN_must_be_0_or_more error (); end
        if (N < 1) begin : illegal_n qssm_requant_N_must_be_1_or_more error (); end
        if (DITHER != 0 && DITHER != 1) begin : illegal_dither qssm_requant_DITHER_must_be_0_or_1 error (); end
        if (DITHER != 0 && MIN > IW) begin : illegal_min_dither
            qssm_requant_MIN_must_not_exceed_IW_where_DITHER error ();
        end
        if (PW < 1) begin : illegal_pw qssm_requant_PW_must_be_1_or_more error (); end
        if (SLOW != 0 && SLOW != 1) begin : illegal_slow qssm_requant_SLOW_must_be_0_or_1 error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_requant_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_requant_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
        if (FIXED != 0 && $signed(WORD[OW+SW-1:SW]) > $signed(WORD[2*OW+SW-1:OW+SW])) begin : illegal_word
            qssm_requant_WORD_must_have_low_no_more_than_high error ();
        end
        if (FIXED != 0 && DITHER != 0 && MIN + {{(32 - SW){1'b0}}, WORD[SW-1:0]} > IW) begin : illegal_word_shift
            qssm_requant_WORD_must_have_s_no_more_than_IW_where_DITHER error ();
        end
    endgenerate

    localparam TW = 2 * OW + SW;
    localparam NW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [NW-1:0] TOP = TOP_INT[NW-1:0];
    wire [TW-1:0] word;
    wire [IW-1:0] x;
    wire beyond, take;
    // One phase serves the whole vector.
    generate
        if (DITHER == 0) begin : g_plain
            wire unused = &{1'b0, p_valid};
            assign p_ready = 1'b0;
        end else begin : g_phase
            reg [NW-1:0] index;
            always @(posedge clk) begin
                if (rst) index <= {NW{1'b0}};
                else if (take) index <= index == TOP ? {NW{1'b0}} : index + 1'b1;
            end
            assign p_ready = take && index == TOP;
        end
    endgenerate
    qssm_table #(.W(TW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) words (
        .clk(clk), .rst(rst), .next(take), .word(word)
    );
    qssm_resize #(.IW(XW), .OW(IW)) fit (.s(s_data), .m(x));
    assign saturated = beyond && m_valid && m_ready;
    generate
        if (SLOW != 0) begin : g_slow
            reg rounded, full;
            wire start = s_valid && (DITHER == 0 || p_valid) && !rounded && !full;
            assign take = rounded;
            assign s_ready = rounded;
            assign m_valid = full;
            qssm_round #(.IW(IW), .OW(OW), .SW(SW), .MIN(MIN), .DITHER(DITHER), .PW(PW)) round (
                .clk(clk), .en(!full), .x(x), .shift(word[SW-1:0]), .phase(p_data),
                .low(word[SW+OW-1:SW]), .high(word[TW-1:SW+OW]), .m(m_data), .saturated(beyond)
            );
            always @(posedge clk) begin
                if (rst) begin
                    rounded <= 1'b0;
                    full <= 1'b0;
                end else begin
                    rounded <= start;
                    full <= rounded || (full && !m_ready);
                end
            end
        end else begin : g_fast
            reg [TW-1:0] word1;
            reg [IW-1:0] x1;
            reg [PW-1:0] phase1;
            reg [2:0] valid;
            wire move = !valid[2] || m_ready;
            assign take = move && s_valid && (DITHER == 0 || p_valid);
            assign s_ready = move && (DITHER == 0 || p_valid);
            assign m_valid = valid[2];
            always @(posedge clk) begin
                if (move) begin
                    x1 <= x;
                    word1 <= word;
                    phase1 <= p_data;
                end
            end
            qssm_round #(.IW(IW), .OW(OW), .SW(SW), .MIN(MIN), .DITHER(DITHER), .PW(PW)) round (
                .clk(clk), .en(move), .x(x1), .shift(word1[SW-1:0]), .phase(phase1),
                .low(word1[SW+OW-1:SW]), .high(word1[TW-1:SW+OW]), .m(m_data), .saturated(beyond)
            );
            always @(posedge clk) begin
                if (rst) valid <= 3'b000;
                else if (move) valid <= {valid[1:0], take};
            end
        end
    endgenerate
endmodule
`default_nettype wire
