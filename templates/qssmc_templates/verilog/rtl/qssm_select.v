// qssm_select: of every N elements those whose bit in MASK is set.
`default_nettype none
module qssm_select #(
    parameter W = 8,  // bits of an element, 1 or more
    parameter N = 2,  // elements of a vector, 1 or more
    parameter [N-1:0] MASK = {N{1'b1}}  // bit i is set where element i goes on; at least one is
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_select_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_select_N_must_be_1_or_more error (); end
        if (MASK == 0) begin : illegal_mask qssm_select_MASK_must_have_a_bit_set error (); end
    endgenerate

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
