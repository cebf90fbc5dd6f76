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
    localparam IW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [IW-1:0] TOP = TOP_INT[IW-1:0];
    reg [IW-1:0] index;
    wire keep = MASK[index];
    always @(posedge clk) begin
        if (rst) index <= {IW{1'b0}};
        else if (s_valid && s_ready) index <= index == TOP ? {IW{1'b0}} : index + 1'b1;
    end
    assign m_data = s_data;
    assign m_valid = s_valid && keep;
    assign s_ready = m_ready || !keep;
endmodule
`default_nettype wire
