// qssm_dot: weight @ x + bias for vectors of IN, M rows at a time, modulo 2^OW; the next vector comes in meanwhile.
// K elements of x, which divide IN, are worked on in a clock. A word of WEIGHTS is the K weights of each of M rows, a
// word of BIASES one bias; BIAS is that of all rows where FIXED. SERIAL bits of x, 1 or 2, are added in a clock where
// there are no multipliers, for K 1 alone; SOFT rows have multipliers of adders, for devices that have few.
`default_nettype none
module qssm_dot #(
    parameter XW = 8,             // bits of an element of x, 1 or more
    parameter WW = 8,             // bits of a weight, 1 or more
    parameter BW = 8,             // bits of a bias, 1 or more
    parameter OW = 20,            // bits of a row's result: more than SERIAL
    parameter IN = 4,             // elements of x: a multiple of K
    parameter OUT = 4,            // rows, 1 or more
    parameter M = 1,              // rows that are worked on at a time, 1 or more
    parameter K = 1,              // elements of x a clock, 1 or more; 1 where SERIAL is not 0
    parameter SERIAL = 0,         // bits of x that are added in a clock, 1 or 2; 0: multipliers
    parameter SOFT = 0,           // rows of M with multipliers of adders, 0 to M; 0 where SERIAL is not 0
    parameter FIXED = 0,          // 1: every row has the bias BIAS; 0: each has its own, from BIASES
    parameter [BW-1:0] BIAS = 0,  // the bias where FIXED
    parameter WEIGHTS = "",       // name of a .mem file of IN / K words for each M rows, of M * K * WW bits
    parameter BIASES = ""         // name of a .mem file of OUT words of BW bits; not looked at where FIXED
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_dot_XW_must_be_1_or_more error (); end
        if (WW < 1) begin : illegal_ww qssm_dot_WW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_dot_BW_must_be_1_or_more error (); end
        if (SERIAL != 0 && SERIAL != 1 && SERIAL != 2) begin : illegal_serial
            qssm_dot_SERIAL_must_be_0_1_or_2 error ();
        end
        if (OW < 1 || OW <= SERIAL) begin : illegal_ow qssm_dot_OW_must_exceed_SERIAL error (); end
        if (IN < 1) begin : illegal_in qssm_dot_IN_must_be_1_or_more error (); end
        if (OUT < 1) begin : illegal_out qssm_dot_OUT_must_be_1_or_more error (); end
        if (M < 1) begin : illegal_m qssm_dot_M_must_be_1_or_more error (); end
        if (K < 1) begin : illegal_k qssm_dot_K_must_be_1_or_more error (); end
        if (K > 0 && IN % K != 0) begin : illegal_k_in qssm_dot_IN_must_be_a_multiple_of_K error (); end
        if (SERIAL != 0 && K != 1) begin : illegal_k_serial qssm_dot_K_must_be_1_where_SERIAL_is_not_0 error (); end
        if (SOFT < 0 || SOFT > M) begin : illegal_soft qssm_dot_SOFT_must_be_0_to_M error (); end
        if (SERIAL != 0 && SOFT != 0) begin : illegal_soft_serial
            qssm_dot_SOFT_must_be_0_where_SERIAL_is_not_0 error ();
        end
        if (WEIGHTS == "") begin : illegal_weights qssm_dot_WEIGHTS_must_name_a_file error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_dot_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && BIASES == "") begin : illegal_biases
            qssm_dot_BIASES_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

    localparam STEPS = K > 0 ? IN / K : 1;
    localparam GROUPS = M > 0 ? (OUT + M - 1) / M : 1;
    localparam REST = OUT - (GROUPS - 1) * M;
    localparam JW = STEPS > 1 ? $clog2(STEPS) : 1;
    localparam LW = K > 1 ? $clog2(K) : 1;
    localparam GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
    localparam WORDS = GROUPS * STEPS;
    localparam NW = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam CW = $clog2(M + 1);
    localparam [31:0] LAST_J_INT = STEPS - 1;
    localparam [JW-1:0] LAST_J = LAST_J_INT[JW-1:0];
    localparam [31:0] LAST_K_INT = K - 1;
    localparam [LW-1:0] LAST_K = LAST_K_INT[LW-1:0];
    localparam [31:0] LAST_G_INT = GROUPS - 1;
    localparam [GW-1:0] LAST_G = LAST_G_INT[GW-1:0];
    genvar i, n;

    // Two banks of x: one comes in, K elements a word, while the other is multiplied.
    wire fill_bank, bank, ready;
    reg [JW-1:0] fill;
    reg [LW-1:0] lane;
    wire write = s_valid && s_ready;
    wire word_done = write && lane == LAST_K;
    wire filled = word_done && fill == LAST_J;

    // One beat: K elements, the j-th of group g, bit by bit where SERIAL.
    reg [JW-1:0] j;
    reg [GW-1:0] g;
    reg [NW-1:0] at, group_at;
    wire move;
    wire last_j = j == LAST_J;
    wire last_g = g == LAST_G;
    wire first_bit, last_bit;
    wire issue = ready && move;
    wire group_done = issue && last_j && last_bit;
    wire drained = group_done && last_g;
    qssm_banks banks (
        .clk(clk), .rst(rst), .filled(filled), .drained(drained), .fill_bank(fill_bank), .bank(bank), .room(s_ready),
        .ready(ready)
    );
    always @(posedge clk) begin
        if (rst) begin
            fill <= {JW{1'b0}};
            lane <= {LW{1'b0}};
            j <= {JW{1'b0}};
            g <= {GW{1'b0}};
            at <= {NW{1'b0}};
            group_at <= {NW{1'b0}};
        end else begin
            if (write) lane <= word_done ? {LW{1'b0}} : lane + 1'b1;
            if (word_done) fill <= filled ? {JW{1'b0}} : fill + 1'b1;
            if (issue) begin
                j <= last_j ? {JW{1'b0}} : j + 1'b1;
                at <= !last_j ? at + 1'b1 : !last_bit ? group_at : last_g ? {NW{1'b0}} : at + 1'b1;
            end
            if (group_done) begin
                g <= last_g ? {GW{1'b0}} : g + 1'b1;
                group_at <= last_g ? {NW{1'b0}} : at + 1'b1;
            end
        end
    end

    // Clock 1: memories. Clock 2: operands. Clock 3: products. Clock 4, where K > 1: their sum. Then the sums of rows,
    // and the rows of a group stand in the output register.
    localparam T = K > 1 ? 4 : 3;
    wire [K*XW-1:0] x_read;
    reg  [M*K*WW-1:0] weights;
    wire [M*K*WW-1:0] word;
    reg  [T:0] valid, stop;
    reg  [T-1:0] start, again;
    generate
        for (n = 0; n < K; n = n + 1) begin : g_x
            (* no_rw_check *) reg [XW-1:0] mem [0:(2 << JW)-1];
            reg [XW-1:0] out;
            localparam [31:0] LANE_INT = n;
            localparam [LW-1:0] LANE = LANE_INT[LW-1:0];
            always @(posedge clk) begin
                if (write && lane == LANE) mem[{fill_bank, fill}] <= s_data;
                if (move) out <= mem[{bank, j}];
            end
            assign x_read[n*XW +: XW] = out;
        end
    endgenerate
    qssm_rom #(.W(M * K * WW), .N(WORDS), .FILE(WEIGHTS)) weight_rom (.clk(clk), .en(move), .addr(at), .data(word));
    always @(posedge clk) if (move) weights <= word;
    always @(posedge clk) begin
        if (rst) valid <= {(T + 1){1'b0}};
        else if (move) valid <= {valid[T-1:0], issue};
    end
    always @(posedge clk) begin
        if (move) begin
            start <= {start[T-2:0], first_bit && j == {JW{1'b0}}};
            again <= {again[T-2:0], j == {JW{1'b0}}};
            stop <= {stop[T-1:0], last_j && last_bit};
        end
    end

    wire [M*OW-1:0] terms;  // registered
    generate
        if (SERIAL == 0) begin : g_parallel
            localparam PW = XW + WW;
            reg [K*XW-1:0] x;
            assign first_bit = 1'b1;
            assign last_bit = 1'b1;
            always @(posedge clk) if (move) x <= x_read;
            for (i = 0; i < M; i = i + 1) begin : g_row
                wire [K*OW-1:0] parts;
                for (n = 0; n < K; n = n + 1) begin : g_element
                    wire [PW-1:0] product;
                    qssm_times #(.AW(WW), .BW(XW), .SOFT(i >= M - SOFT)) times (
                        .clk(clk), .en(move), .a(weights[(i*K+n)*WW +: WW]), .b(x[n*XW +: XW]), .m(product)
                    );
                    qssm_resize #(.IW(PW), .OW(OW)) fit (.s(product), .m(parts[n*OW +: OW]));
                end
                if (K <= 1) begin : g_one
                    assign terms[i*OW +: OW] = parts;
                end else begin : g_sum
                    reg [OW-1:0] term;
                    for (n = 1; n < K; n = n + 1) begin : g_add
                        wire [OW-1:0] sum;
                        if (n == 1) begin : g_first
                            assign sum = parts[OW-1:0] + parts[OW +: OW];
                        end else begin : g_next
                            assign sum = g_add[n-1].sum + parts[n*OW +: OW];
                        end
                    end
                    always @(posedge clk) if (move) term <= g_add[K-1].sum;
                    assign terms[i*OW +: OW] = term;
                end
            end
        end else begin : g_serial
            // Digits of x from the top down, each once for every element of the row; a digit of two bits is Booth's.
            localparam DIGITS = (XW + SERIAL - 1) / SERIAL;
            localparam DW = DIGITS > 1 ? $clog2(DIGITS) : 1;
            localparam [31:0] TOP_INT = DIGITS - 1;
            localparam [DW-1:0] TOP = TOP_INT[DW-1:0];
            reg [DW-1:0] digit, digit1;
            reg once, twice, minus;
            assign first_bit = digit == TOP;
            assign last_bit = digit == {DW{1'b0}};
            always @(posedge clk) begin
                if (rst) digit <= TOP;
                else if (issue && last_j) digit <= last_bit ? TOP : digit - 1'b1;
            end
            always @(posedge clk) if (move) digit1 <= digit;
            if (SERIAL == 1) begin : g_bit
                always @(posedge clk) begin
                    if (move) begin
                        once <= x_read[digit1];
                        twice <= 1'b0;
                        minus <= digit1 == TOP;
                    end
                end
            end else begin : g_booth
                wire [2*DIGITS-1:0] wide;
                wire [2*DIGITS:0] below = {wide, 1'b0};
                wire [2*DIGITS:0] moved = below >> {digit1, 1'b0};
                wire unused = &{1'b0, moved};
                qssm_resize #(.IW(XW), .OW(2 * DIGITS)) extend (.s(x_read), .m(wide));
                always @(posedge clk) begin
                    if (move) begin
                        once <= moved[1] != moved[0];
                        twice <= moved[2] ? moved[1:0] == 2'b00 : moved[1:0] == 2'b11;
                        minus <= moved[2];
                    end
                end
            end
            for (i = 0; i < M; i = i + 1) begin : g_row
                wire [OW-1:0] w;
                wire [OW-1:0] size = twice ? {w[OW-2:0], 1'b0} : w & {OW{once}};
                reg  [OW-1:0] term;
                qssm_resize #(.IW(WW), .OW(OW)) fit (.s(weights[i*WW +: WW]), .m(w));
                always @(posedge clk) if (move) term <= minus ? -size : size;
                assign terms[i*OW +: OW] = term;
            end
        end
    endgenerate

    reg [M*OW-1:0] sums, rows;
    reg [CW-1:0] left;
    reg [GW-1:0] out_g;
    wire finish = valid[T] && stop[T];
    wire free = left == {CW{1'b0}} || (left == {{(CW - 1){1'b0}}, 1'b1} && m_ready);
    wire [M*OW-1:0] done_rows;
    assign move = !finish || free;
    generate
        for (i = 0; i < M; i = i + 1) begin : g_sum
            wire [OW-1:0] sum = sums[i*OW +: OW];
            wire [OW-1:0] base;
            if (SERIAL == 0) begin : g_whole
                assign base = sum;
            end else begin : g_digits
                // The sums so far count twice, or four times, from one digit to the next.
                assign base = again[T-1] ? {sum[OW-SERIAL-1:0], {SERIAL{1'b0}}} : sum;
            end
            always @(posedge clk) begin
                if (move && valid[T-1]) sums[i*OW +: OW] <= (start[T-1] ? {OW{1'b0}} : base) + terms[i*OW +: OW];
            end
            assign done_rows[i*OW +: OW] = sum;
        end
        if (SERIAL == 0) begin : g_no_digits
            wire unused = &{1'b0, again[T-1]};
        end
    endgenerate
    localparam [31:0] ALL_ROWS_INT = M;
    localparam [CW-1:0] ALL_ROWS = ALL_ROWS_INT[CW-1:0];
    localparam [31:0] REST_ROWS_INT = REST;
    localparam [CW-1:0] REST_ROWS = REST_ROWS_INT[CW-1:0];
    always @(posedge clk) begin
        if (finish && move) rows <= done_rows;
        else if (m_valid && m_ready) rows <= rows >> OW;
    end
    always @(posedge clk) begin
        if (rst) begin
            left <= {CW{1'b0}};
            out_g <= {GW{1'b0}};
        end else if (finish && move) begin
            left <= out_g == LAST_G ? REST_ROWS : ALL_ROWS;
            out_g <= out_g == LAST_G ? {GW{1'b0}} : out_g + 1'b1;
        end else if (m_valid && m_ready) begin
            left <= left - 1'b1;
        end
    end
    // The bias comes last, where one adder serves all rows.
    wire [BW-1:0] bias;
    wire [OW-1:0] bias_wide;
    qssm_table #(.W(BW), .N(OUT), .FIXED(FIXED), .WORD(BIAS), .FILE(BIASES)) bias_rom (
        .clk(clk), .rst(rst), .next(m_valid && m_ready), .word(bias)
    );
    qssm_resize #(.IW(BW), .OW(OW)) fit_bias (.s(bias), .m(bias_wide));
    assign m_data = rows[OW-1:0] + bias_wide;
    assign m_valid = left != {CW{1'b0}};
endmodule
`default_nettype wire
