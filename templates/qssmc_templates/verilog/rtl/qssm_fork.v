// qssm_fork: one stream to N readers, each of which takes every word once and when it likes.
`default_nettype none
module qssm_fork #(
    parameter N = 2
) (
    input  wire clk,
    input  wire rst,
    input  wire s_valid,
    output wire s_ready,
    output wire [N-1:0] m_valid,
    input  wire [N-1:0] m_ready
);
    reg [N-1:0] done;
    wire [N-1:0] served = done | m_ready;
    assign m_valid = {N{s_valid}} & ~done;
    assign s_ready = &served;
    always @(posedge clk) begin
        if (rst) done <= {N{1'b0}};
        else if (s_valid) done <= s_ready ? {N{1'b0}} : served;
    end
endmodule
`default_nettype wire
