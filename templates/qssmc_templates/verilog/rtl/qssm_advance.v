// qssm_advance: (x + STEP) modulo 2^BITS of a number that is not negative: the phase of the dither.
`default_nettype none
module qssm_advance #(
    parameter W = 17,              // bits of x as it comes in, 1 or more
    parameter BITS = 16,           // bits of the phase, 1 or more; the result has a sign bit above them
    parameter [BITS-1:0] STEP = 0  // what is added, in units of 2^-BITS of a turn, 0 to 2^BITS - 1
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [BITS:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_advance_W_must_be_1_or_more error (); end
        if (BITS < 1) begin : illegal_bits qssm_advance_BITS_must_be_1_or_more error (); end
    endgenerate

    wire [BITS-1:0] x;
    qssm_resize #(.IW(W), .OW(BITS)) fit (.s(s_data), .m(x));
    wire [BITS-1:0] sum = x + STEP;
    assign s_ready = !m_valid || m_ready;
    always @(posedge clk) if (s_ready) m_data <= {1'b0, sum};
    always @(posedge clk) begin
        if (rst) m_valid <= 1'b0;
        else if (s_ready) m_valid <= s_valid;
    end
endmodule
`default_nettype wire
