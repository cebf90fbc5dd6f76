// qssm_frame: an output: N elements for each token; m_last closes a sequence. AT_END needs no tokens: what comes is of
// a last sample.
`default_nettype none
module qssm_frame #(
    parameter W = 8,      // bits of an element, 1 or more
    parameter N = 1,      // elements of an output, 1 or more
    parameter AT_END = 0  // 1: every output is of a last sample, and there are no tokens; 0: a token comes with each
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    input  wire t_data,
    input  wire t_valid,
    output wire t_ready,
    output wire [W-1:0] m_data,
    output wire m_last,
    output wire m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_frame_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_frame_N_must_be_1_or_more error (); end
        if (AT_END != 0 && AT_END != 1) begin : illegal_at_end qssm_frame_AT_END_must_be_0_or_1 error (); end
    endgenerate

    localparam IW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [IW-1:0] TOP = TOP_INT[IW-1:0];
    reg [IW-1:0] index;
    wire open = t_valid || AT_END != 0;
    wire whole = index == TOP;
    wire move = m_valid && m_ready;
    assign m_data = s_data;
    assign m_last = whole && (t_data || AT_END != 0);
    assign m_valid = s_valid && open;
    assign s_ready = m_ready && open;
    assign t_ready = move && whole;
    always @(posedge clk) begin
        if (rst) index <= {IW{1'b0}};
        else if (move) index <= whole ? {IW{1'b0}} : index + 1'b1;
    end
endmodule
`default_nettype wire
