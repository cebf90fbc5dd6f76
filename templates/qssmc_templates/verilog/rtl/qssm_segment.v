// qssm_segment: sums of runs of elements, modulo 2^OW.
// Of each of N runs the table tells how many elements it has; that may be none.
`default_nettype none
module qssm_segment #(
    parameter XW = 16,
    parameter OW = 20,
    parameter N = 2,
    parameter CW = 4,
    parameter FIXED = 1,
    parameter [CW-1:0] WORD = {CW{1'b0}},
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    wire [CW-1:0] count;
    wire [OW-1:0] x;
    reg  [OW-1:0] sum;
    reg  [CW-1:0] seen;
    wire move = !m_valid || m_ready;
    wire empty = count == {CW{1'b0}};
    wire take = s_valid && s_ready;
    wire [CW-1:0] now = seen + 1'b1;
    wire close = move && (empty || (s_valid && now == count));
    wire [OW-1:0] total = seen == {CW{1'b0}} ? x : sum + x;
    assign s_ready = move && !empty;
    qssm_table #(.W(CW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) counts (
        .clk(clk), .rst(rst), .next(close), .word(count)
    );
    qssm_resize #(.IW(XW), .OW(OW)) fit (.s(s_data), .m(x));
    always @(posedge clk) begin
        if (take) sum <= total;
        if (close) m_data <= empty ? {OW{1'b0}} : total;
    end
    always @(posedge clk) begin
        if (rst) begin
            seen <= {CW{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (take) seen <= close ? {CW{1'b0}} : now;
            if (move) m_valid <= close;
        end
    end
endmodule
`default_nettype wire
