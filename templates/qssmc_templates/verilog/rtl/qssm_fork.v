// qssm_fork: one stream to N readers, each of which takes every word once and when it likes.
`default_nettype none
module qssm_fork #(
    parameter N = 2  // readers, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire s_valid,
    output wire s_ready,
    output wire [N-1:0] m_valid,
    input  wire [N-1:0] m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (N < 1) begin : illegal_n qssm_fork_N_must_be_1_or_more error (); end
    endgenerate

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
