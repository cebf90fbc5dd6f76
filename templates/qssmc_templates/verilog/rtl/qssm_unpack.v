// qssm_unpack: words of N parts of W bits as a stream of parts, the lowest first.
`default_nettype none
module qssm_unpack #(
    parameter W = 8,  // bits of a part, 1 or more
    parameter N = 2   // parts of a word, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [N*W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [W-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_unpack_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_unpack_N_must_be_1_or_more error (); end
    endgenerate

    localparam KW = $clog2(N + 1);
    localparam [31:0] ALL_INT = N;
    localparam [KW-1:0] ALL = ALL_INT[KW-1:0];
    reg [KW-1:0] left;
    reg [N*W-1:0] parts;
    assign s_ready = left == {KW{1'b0}};
    assign m_valid = left != {KW{1'b0}};
    assign m_data = parts[W-1:0];
    always @(posedge clk) begin
        if (s_ready) parts <= s_data;
        else if (m_ready) parts <= parts >> W;
    end
    always @(posedge clk) begin
        if (rst) left <= {KW{1'b0}};
        else if (s_ready) left <= s_valid ? ALL : {KW{1'b0}};
        else if (m_ready) left <= left - 1'b1;
    end
endmodule
`default_nettype wire
