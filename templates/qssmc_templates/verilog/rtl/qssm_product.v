// qssm_product: a * b, modulo 2^OW. SERIAL, 1 or 2, is how many bits of a an adder does in a clock, and one clock more;
// else there is a multiplier and one clock, of adders where SOFT.
`default_nettype none
module qssm_product #(
    parameter AW = 8,      // bits of a, 1 or more
    parameter BW = 8,      // bits of b, 1 or more
    parameter OW = 16,     // bits of the result: more than SERIAL
    parameter SERIAL = 0,  // bits of a an adder does in a clock, 1 or 2; 0: a multiplier
    parameter SOFT = 0     // 1: a multiplier built of adders, for devices that have few; 0 where SERIAL is not 0
) (
    input  wire clk,
    input  wire rst,
    input  wire [AW-1:0] a_data,
    input  wire a_valid,
    output wire a_ready,
    input  wire [BW-1:0] b_data,
    input  wire b_valid,
    output wire b_ready,
    output wire [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (AW < 1) begin : illegal_aw qssm_product_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_product_BW_must_be_1_or_more error (); end
        if (SERIAL != 0 && SERIAL != 1 && SERIAL != 2) begin : illegal_serial
            qssm_product_SERIAL_must_be_0_1_or_2 error ();
        end
        if (OW < 1 || OW <= SERIAL) begin : illegal_ow qssm_product_OW_must_exceed_SERIAL error (); end
        if (SOFT != 0 && SOFT != 1) begin : illegal_soft qssm_product_SOFT_must_be_0_or_1 error (); end
        if (SERIAL != 0 && SOFT != 0) begin : illegal_soft_serial
            qssm_product_SOFT_must_be_0_where_SERIAL_is_not_0 error ();
        end
    endgenerate

    wire both = a_valid && b_valid;
    generate
        if (SERIAL == 0) begin : g_parallel
            localparam W = AW + BW;
            wire [W-1:0] full;
            wire move = !m_valid || m_ready;
            qssm_times #(.AW(AW), .BW(BW), .SOFT(SOFT)) times (
                .clk(clk), .en(move), .a(a_data), .b(b_data), .m(full)
            );
            qssm_resize #(.IW(W), .OW(OW)) fit (.s(full), .m(m_data));
            assign a_ready = move && both;
            assign b_ready = move && both;
            always @(posedge clk) begin
                if (rst) m_valid <= 1'b0;
                else if (move) m_valid <= both;
            end
        end else begin : g_serial
            // Digits of a from the top down, SERIAL bits each: m <- 2^SERIAL m + digit * b. Of one bit, the first
            // counts negative; of two, they are Booth's, from -2 to 1 and what the next lower bit carries.
            localparam DIGITS = (AW + SERIAL - 1) / SERIAL;
            localparam TOP = DIGITS * SERIAL;
            localparam KW = $clog2(DIGITS + 1);
            localparam [31:0] ALL_INT = DIGITS;
            localparam [KW-1:0] ALL = ALL_INT[KW-1:0];
            reg [OW-1:0] sum;
            reg [TOP:0] bits;
            reg [BW-1:0] factor;
            reg [KW-1:0] left;
            wire busy = left != {KW{1'b0}};
            wire start = both && !busy && (!m_valid || m_ready);
            wire [TOP-1:0] a_wide;
            wire [OW-1:0] b_wide;
            wire [OW-1:0] size, term;
            wire [OW-1:0] base = {sum[OW-SERIAL-1:0], {SERIAL{1'b0}}};
            wire once, twice, minus;
            assign size = twice ? {b_wide[OW-2:0], 1'b0} : b_wide & {OW{once}};
            assign term = minus ? base - size : base + size;
            assign m_data = sum;
            qssm_resize #(.IW(AW), .OW(TOP)) fit_a (.s(a_data), .m(a_wide));
            qssm_resize #(.IW(BW), .OW(OW)) fit_b (.s(factor), .m(b_wide));
            assign a_ready = start;
            assign b_ready = start;
            if (SERIAL == 1) begin : g_bit
                reg sign;
                always @(posedge clk) sign <= start;
                assign once = bits[TOP];
                assign twice = 1'b0;
                assign minus = sign;
            end else begin : g_booth
                wire [2:0] digit = bits[TOP-:3];
                assign once = digit[1] != digit[0];
                assign twice = digit[2] ? digit[1:0] == 2'b00 : digit[1:0] == 2'b11;
                assign minus = digit[2];
            end
            always @(posedge clk) begin
                if (start) begin
                    bits <= {a_wide, 1'b0};
                    factor <= b_data;
                    sum <= {OW{1'b0}};
                end else if (busy) begin
                    bits <= {bits[TOP-SERIAL:0], {SERIAL{1'b0}}};
                    sum <= term;
                end
            end
            always @(posedge clk) begin
                if (rst) begin
                    left <= {KW{1'b0}};
                    m_valid <= 1'b0;
                end else begin
                    if (start) left <= ALL;
                    else if (busy) left <= left - 1'b1;
                    if (busy && left == {{(KW - 1){1'b0}}, 1'b1}) m_valid <= 1'b1;
                    else if (m_ready) m_valid <= 1'b0;
                end
            end
        end
    endgenerate
endmodule
`default_nettype wire
