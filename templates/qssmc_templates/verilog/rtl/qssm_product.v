// qssm_product: a * b, modulo 2^OW. SERIAL takes AW + 1 clocks and an adder, else there is a multiplier and one clock,
// of adders where SOFT.
`default_nettype none
module qssm_product #(
    parameter AW = 8,
    parameter BW = 8,
    parameter OW = 16,
    parameter SERIAL = 0,
    parameter SOFT = 0
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
            // From the sign bit of a down: m <- 2 m + bit * b, the sign bit counting negative.
            localparam KW = $clog2(AW + 1);
            localparam [31:0] ALL_INT = AW;
            localparam [KW-1:0] ALL = ALL_INT[KW-1:0];
            reg [OW-1:0] sum;
            reg [AW-1:0] bits;
            reg [BW-1:0] factor;
            reg [KW-1:0] left;
            reg sign;
            wire busy = left != {KW{1'b0}};
            wire start = both && !busy && (!m_valid || m_ready);
            wire [OW-1:0] term;
            wire [OW-1:0] twice = {sum[OW-2:0], 1'b0};
            assign m_data = sum;
            qssm_resize #(.IW(BW), .OW(OW)) fit (.s(factor), .m(term));
            assign a_ready = start;
            assign b_ready = start;
            always @(posedge clk) begin
                if (start) begin
                    bits <= a_data;
                    factor <= b_data;
                    sum <= {OW{1'b0}};
                    sign <= 1'b1;
                end else if (busy) begin
                    bits <= {bits[AW-2:0], 1'b0};
                    sign <= 1'b0;
                    if (bits[AW-1]) sum <= sign ? twice - term : twice + term;
                    else sum <= twice;
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
