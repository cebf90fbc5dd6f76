// qssm_source: the stream of samples: elements go on as they come, and a token a sample tells whether it is the last.
`default_nettype none
module qssm_source #(
    parameter W = 8,  // bits of an element, 1 or more
    parameter N = 1   // elements of a sample, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_last,
    input  wire s_valid,
    output wire s_ready,
    output wire [W-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire t_data,
    output wire t_valid,
    input  wire t_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_source_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_source_N_must_be_1_or_more error (); end
    endgenerate

    localparam IW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [IW-1:0] TOP = TOP_INT[IW-1:0];
    reg [IW-1:0] index;
    reg gone_m, gone_t;
    wire whole = index == TOP;
    wire served_m = gone_m || m_ready;
    wire served_t = gone_t || t_ready || !whole;
    assign m_data = s_data;
    assign t_data = s_last;
    assign m_valid = s_valid && !gone_m;
    assign t_valid = s_valid && whole && !gone_t;
    assign s_ready = served_m && served_t;
    always @(posedge clk) begin
        if (rst) begin
            index <= {IW{1'b0}};
            gone_m <= 1'b0;
            gone_t <= 1'b0;
        end else if (s_valid) begin
            gone_m <= served_m && !s_ready;
            gone_t <= served_t && whole && !s_ready;
            if (s_ready) index <= whole ? {IW{1'b0}} : index + 1'b1;
        end
    end
endmodule
`default_nettype wire
