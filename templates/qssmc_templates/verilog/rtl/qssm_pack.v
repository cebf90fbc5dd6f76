// qssm_pack: words of N parts of W bits from a stream of parts, the lowest first.
`default_nettype none
module qssm_pack #(
    parameter W = 8,  // bits of a part, 1 or more
    parameter N = 2   // parts of a word, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [N*W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_pack_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_pack_N_must_be_1_or_more error (); end
    endgenerate

    localparam KW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [KW-1:0] TOP = TOP_INT[KW-1:0];
    reg [KW-1:0] k;
    assign s_ready = !m_valid;
    generate
        if (N > 1) begin : g_shift
            always @(posedge clk) if (s_valid && s_ready) m_data <= {s_data, m_data[N*W-1:W]};
        end else begin : g_one
            always @(posedge clk) if (s_valid && s_ready) m_data <= s_data;
        end
    endgenerate
    always @(posedge clk) begin
        if (rst) begin
            k <= {KW{1'b0}};
            m_valid <= 1'b0;
        end else if (m_valid) begin
            if (m_ready) m_valid <= 1'b0;
        end else if (s_valid) begin
            k <= k == TOP ? {KW{1'b0}} : k + 1'b1;
            m_valid <= k == TOP;
        end
    end
endmodule
`default_nettype wire
