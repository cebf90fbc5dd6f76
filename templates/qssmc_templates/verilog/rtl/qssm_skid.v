// qssm_skid: a register in both directions of a stream; ready does not pass through it.
`default_nettype none
module qssm_skid #(
    parameter W = 8  // bits of a word, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_skid_W_must_be_1_or_more error (); end
    endgenerate

    reg [W-1:0] spare;
    reg held;
    assign s_ready = !held;
    wire move = !m_valid || m_ready;
    always @(posedge clk) begin
        if (move) m_data <= held ? spare : s_data;
        if (s_ready) spare <= s_data;
    end
    always @(posedge clk) begin
        if (rst) begin
            held <= 1'b0;
            m_valid <= 1'b0;
        end else if (move) begin
            m_valid <= held || s_valid;
            held <= 1'b0;
        end else if (s_valid) begin
            held <= 1'b1;
        end
    end
endmodule
`default_nettype wire
