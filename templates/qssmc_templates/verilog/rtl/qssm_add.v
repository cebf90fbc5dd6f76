// qssm_add: a + b, or a - b where SUBTRACT is set, modulo 2^OW.
`default_nettype none
module qssm_add #(
    parameter AW = 8,
    parameter BW = 8,
    parameter OW = 9,
    parameter SUBTRACT = 0
) (
    input  wire clk,
    input  wire rst,
    input  wire [AW-1:0] a_data,
    input  wire a_valid,
    output wire a_ready,
    input  wire [BW-1:0] b_data,
    input  wire b_valid,
    output wire b_ready,
    output reg  [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    wire [OW-1:0] a, b;
    wire both = a_valid && b_valid;
    wire move = !m_valid || m_ready;
    assign a_ready = move && both;
    assign b_ready = move && both;
    qssm_resize #(.IW(AW), .OW(OW)) fit_a (.s(a_data), .m(a));
    qssm_resize #(.IW(BW), .OW(OW)) fit_b (.s(b_data), .m(b));
    always @(posedge clk) if (move) m_data <= SUBTRACT != 0 ? a - b : a + b;
    always @(posedge clk) begin
        if (rst) m_valid <= 1'b0;
        else if (move) m_valid <= both;
    end
endmodule
`default_nettype wire
