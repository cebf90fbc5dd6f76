// qssm_lut: entries[x - first] of a vector of N; two clocks. SPLIT gives each element a table of 2^TW words of its own.
`default_nettype none
module qssm_lut #(
    parameter XW = 8,
    parameter OW = 8,
    parameter N = 1,
    parameter TW = 8,
    parameter T = 256,
    parameter SPLIT = 0,
    parameter FIXED = 1,
    parameter [XW-1:0] FIRST = {XW{1'b0}},
    parameter FIRSTS = "",
    parameter FILE = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [OW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    localparam NW = N > 1 ? $clog2(N) : 1;
    localparam [31:0] TOP_INT = N - 1;
    localparam [NW-1:0] TOP = TOP_INT[NW-1:0];
    localparam AW = SPLIT != 0 ? NW + TW : TW;
    localparam DEPTH = SPLIT != 0 ? N << TW : T;
    localparam RW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    wire [XW-1:0] first;
    wire [TW-1:0] at;
    reg  [AW-1:0] address;
    reg  [1:0] valid;
    assign s_ready = !valid[1] || m_ready;
    assign m_valid = valid[1];
    qssm_table #(.W(XW), .N(N), .FIXED(FIXED), .WORD(FIRST), .FILE(FIRSTS)) words (
        .clk(clk), .rst(rst), .next(s_valid && s_ready), .word(first)
    );
    wire [XW-1:0] offset = s_data - first;
    qssm_resize #(.IW(XW), .OW(TW)) fit (.s(offset), .m(at));
    generate
        if (SPLIT != 0) begin : g_split
            reg [NW-1:0] index;
            always @(posedge clk) begin
                if (rst) index <= {NW{1'b0}};
                else if (s_valid && s_ready) index <= index == TOP ? {NW{1'b0}} : index + 1'b1;
            end
            always @(posedge clk) if (s_ready) address <= {index, at};
        end else begin : g_shared
            always @(posedge clk) if (s_ready) address <= at;
        end
    endgenerate
    qssm_rom #(.W(OW), .N(DEPTH), .FILE(FILE)) rom (
        .clk(clk), .en(s_ready), .addr(address[RW-1:0]), .data(m_data)
    );
    always @(posedge clk) begin
        if (rst) valid <= 2'b00;
        else if (s_ready) valid <= {valid[0], s_valid};
    end
endmodule
`default_nettype wire
