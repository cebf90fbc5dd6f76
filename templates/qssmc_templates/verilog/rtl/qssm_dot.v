// qssm_dot: weight @ x + bias for vectors of IN, M rows at a time, modulo 2^OW; the next vector comes in meanwhile.
// A word of WEIGHTS is M weights of element j of a group of rows, a word of BIASES one bias; BIAS is that of all rows
// where FIXED. SERIAL adds bit by bit; SOFT builds multipliers of adders, for devices that have few.
`default_nettype none
module qssm_dot #(
    parameter XW = 8,
    parameter WW = 8,
    parameter BW = 8,
    parameter OW = 20,
    parameter IN = 4,
    parameter OUT = 4,
    parameter M = 1,
    parameter SERIAL = 0,
    parameter SOFT = 0,
    parameter FIXED = 0,
    parameter [BW-1:0] BIAS = {BW{1'b0}},
    parameter WEIGHTS = "",
    parameter BIASES = ""
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
    localparam GROUPS = (OUT + M - 1) / M;
    localparam REST = OUT - (GROUPS - 1) * M;
    localparam JW = IN > 1 ? $clog2(IN) : 1;
    localparam GW = GROUPS > 1 ? $clog2(GROUPS) : 1;
    localparam WORDS = GROUPS * IN;
    localparam NW = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam CW = $clog2(M + 1);
    localparam [31:0] LAST_J_INT = IN - 1;
    localparam [JW-1:0] LAST_J = LAST_J_INT[JW-1:0];
    localparam [31:0] LAST_G_INT = GROUPS - 1;
    localparam [GW-1:0] LAST_G = LAST_G_INT[GW-1:0];

    // Two banks of x: one comes in while the other is multiplied.
    (* no_rw_check *) reg [XW-1:0] x_mem [0:(2 << JW)-1];
    reg [1:0] full;
    reg fill_bank, bank;
    reg [JW-1:0] fill;
    wire write = s_valid && s_ready;
    wire filled = write && fill == LAST_J;
    assign s_ready = !full[fill_bank];

    // One beat: element j of group g, bit by bit where SERIAL.
    reg [JW-1:0] j;
    reg [GW-1:0] g;
    reg [NW-1:0] at, group_at;
    wire move;
    wire last_j = j == LAST_J;
    wire last_g = g == LAST_G;
    wire first_bit, last_bit;
    wire issue = full[bank] && move;
    wire group_done = issue && last_j && last_bit;
    wire drained = group_done && last_g;
    always @(posedge clk) begin
        if (rst) begin
            full <= 2'b00;
            fill_bank <= 1'b0;
            bank <= 1'b0;
            fill <= {JW{1'b0}};
            j <= {JW{1'b0}};
            g <= {GW{1'b0}};
            at <= {NW{1'b0}};
            group_at <= {NW{1'b0}};
        end else begin
            if (write) fill <= filled ? {JW{1'b0}} : fill + 1'b1;
            if (filled) begin
                full[fill_bank] <= 1'b1;
                fill_bank <= !fill_bank;
            end
            if (issue) begin
                j <= last_j ? {JW{1'b0}} : j + 1'b1;
                at <= !last_j ? at + 1'b1 : !last_bit ? group_at : last_g ? {NW{1'b0}} : at + 1'b1;
            end
            if (group_done) begin
                g <= last_g ? {GW{1'b0}} : g + 1'b1;
                group_at <= last_g ? {NW{1'b0}} : at + 1'b1;
            end
            if (drained) begin
                full[bank] <= 1'b0;
                bank <= !bank;
            end
        end
    end

    // Clock 1: memories. Clock 2: products. Clock 3: sums. Clock 4: the rows of a group stand in the output register.
    reg  [XW-1:0] x;
    wire [M*WW-1:0] weights;
    reg  [2:0] valid, stop;
    reg  [1:0] start;
    always @(posedge clk) if (write) x_mem[{fill_bank, fill}] <= s_data;
    always @(posedge clk) if (move) x <= x_mem[{bank, j}];
    qssm_rom #(.W(M * WW), .N(WORDS), .FILE(WEIGHTS)) weight_rom (.clk(clk), .en(move), .addr(at), .data(weights));
    always @(posedge clk) begin
        if (rst) valid <= 3'b000;
        else if (move) valid <= {valid[1:0], issue};
    end
    always @(posedge clk) begin
        if (move) begin
            start <= {start[0], first_bit && j == {JW{1'b0}}};
            stop <= {stop[1:0], last_j && last_bit};
        end
    end

    wire [M*OW-1:0] terms;  // registered at clock 2
    wire double;            // at clock 3: the sums so far count twice
    genvar i;
    generate
        if (SERIAL == 0) begin : g_parallel
            localparam PW = XW + WW;
            assign first_bit = 1'b1;
            assign last_bit = 1'b1;
            assign double = 1'b0;
            for (i = 0; i < M; i = i + 1) begin : g_row
                wire [PW-1:0] product;
                qssm_times #(.AW(WW), .BW(XW), .SOFT(SOFT)) times (
                    .clk(clk), .en(move), .a(weights[i*WW +: WW]), .b(x), .m(product)
                );
                qssm_resize #(.IW(PW), .OW(OW)) fit (.s(product), .m(terms[i*OW +: OW]));
            end
        end else begin : g_serial
            // Bits of x from the sign down; the bit counts again for every element of the row.
            localparam KW = $clog2(XW);
            localparam [31:0] TOP_INT = XW - 1;
            localparam [KW-1:0] TOP = TOP_INT[KW-1:0];
            reg [KW-1:0] bit_now, bit_read;
            reg doubles, doubles_next;
            assign first_bit = bit_now == TOP;
            assign last_bit = bit_now == {KW{1'b0}};
            assign double = doubles;
            always @(posedge clk) begin
                if (rst) bit_now <= TOP;
                else if (issue && last_j) bit_now <= last_bit ? TOP : bit_now - 1'b1;
            end
            wire on = x[bit_read];
            always @(posedge clk) begin
                if (move) begin
                    bit_read <= bit_now;
                    doubles_next <= j == {JW{1'b0}};
                    doubles <= doubles_next;
                end
            end
            for (i = 0; i < M; i = i + 1) begin : g_row
                wire [OW-1:0] w;
                reg  [OW-1:0] term;
                qssm_resize #(.IW(WW), .OW(OW)) fit (.s(weights[i*WW +: WW]), .m(w));
                always @(posedge clk) if (move) term <= !on ? {OW{1'b0}} : bit_read == TOP ? -w : w;
                assign terms[i*OW +: OW] = term;
            end
        end
    endgenerate

    reg [M*OW-1:0] sums, rows;
    reg [CW-1:0] left;
    reg [GW-1:0] out_g;
    wire finish = valid[2] && stop[2];
    wire free = left == {CW{1'b0}} || (left == {{(CW - 1){1'b0}}, 1'b1} && m_ready);
    wire [M*OW-1:0] done_rows;
    assign move = !finish || free;
    generate
        for (i = 0; i < M; i = i + 1) begin : g_sum
            wire [OW-1:0] sum = sums[i*OW +: OW];
            wire [OW-1:0] base = double ? {sum[OW-2:0], 1'b0} : sum;
            always @(posedge clk) begin
                if (move && valid[1]) sums[i*OW +: OW] <= (start[1] ? {OW{1'b0}} : base) + terms[i*OW +: OW];
            end
            assign done_rows[i*OW +: OW] = sum;
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
