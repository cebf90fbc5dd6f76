// qssm_serial: words of W bits as a stream of bits, the lowest first.
`default_nettype none
module qssm_serial #(
    parameter W = 8
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire m_data,
    output wire m_valid,
    input  wire m_ready
);
    localparam KW = $clog2(W + 1);
    localparam [31:0] ALL_INT = W;
    localparam [KW-1:0] ALL = ALL_INT[KW-1:0];
    reg [KW-1:0] left;
    reg [W-1:0] bits;
    assign s_ready = left == {KW{1'b0}};
    assign m_valid = left != {KW{1'b0}};
    assign m_data = bits[0];
    always @(posedge clk) begin
        if (s_ready) bits <= s_data;
        else if (m_ready) bits <= {1'b0, bits[W-1:1]};
    end
    always @(posedge clk) begin
        if (rst) left <= {KW{1'b0}};
        else if (s_ready) left <= s_valid ? ALL : {KW{1'b0}};
        else if (m_ready) left <= left - 1'b1;
    end
endmodule
`default_nettype wire
