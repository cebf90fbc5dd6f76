// qssm_skid: a register in both directions of a stream; ready does not pass through it.
`default_nettype none
module qssm_skid #(
    parameter W = 8
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
