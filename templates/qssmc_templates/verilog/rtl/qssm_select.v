// qssm_select: of every N elements those whose bit in MASK is set.
`default_nettype none
module qssm_select #(
    parameter W = 8,
    parameter N = 2,
    parameter [N-1:0] MASK = {N{1'b1}}
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [W-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    localparam [N-1:0] START = MASK;
    reg [N-1:0] mask;
    generate
        if (N > 1) begin : g_turn
            always @(posedge clk) begin
                if (rst) mask <= START;
                else if (s_valid && s_ready) mask <= {mask[0], mask[N-1:1]};
            end
        end else begin : g_one
            wire unused = &{1'b0, clk, rst};
            always @* mask = START;
        end
    endgenerate
    assign m_data = s_data;
    assign m_valid = s_valid && mask[0];
    assign s_ready = m_ready || !mask[0];
endmodule
`default_nettype wire
