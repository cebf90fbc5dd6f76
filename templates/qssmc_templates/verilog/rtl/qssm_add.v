// qssm_add: a + b, or a - b where SUBTRACT is set, modulo 2^OW.
`default_nettype none
module qssm_add #(
    parameter AW = 8,       // bits of a, 1 or more
    parameter BW = 8,       // bits of b, 1 or more
    parameter OW = 9,       // bits of the result, 1 or more
    parameter SUBTRACT = 0  // 0: a + b, 1: a - b
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (AW < 1) begin : illegal_aw qssm_add_AW_must_be_1_or_more error (); end
        if (BW < 1) begin : illegal_bw qssm_add_BW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_add_OW_must_be_1_or_more error (); end
        if (SUBTRACT != 0 && SUBTRACT != 1) begin : illegal_subtract qssm_add_SUBTRACT_must_be_0_or_1 error (); end
    endgenerate

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
