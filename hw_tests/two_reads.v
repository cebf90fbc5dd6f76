// two_reads: one array behind two controllers, the first dithered, for the bench of streams.
`default_nettype none
module two_reads #(
    parameter LINES = 4,
    parameter COLUMNS = 4,
    parameter LW = 3,
    parameter DW = 5,
    parameter ROWS_A = 3,
    parameter ROWS_B = 2,
    parameter OUT_A = 3,
    parameter OUT_B = 2,
    parameter WIRES = 4,
    parameter CW = 6,
    parameter SW = 3,
    parameter ZW = 16,
    parameter PW = 4,
    parameter SETTLE = 1,
    parameter LEVELS = "",
    parameter DRIVES = "",
    parameter ADCS = ""
) (
    input  wire clk,
    input  wire rst,
    input  wire [DW-1:0] a_data,
    input  wire a_valid,
    output wire a_ready,
    input  wire [PW-1:0] p_data,
    input  wire p_valid,
    output wire p_ready,
    input  wire [DW-1:0] b_data,
    input  wire b_valid,
    output wire b_ready,
    output wire [CW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire [CW-1:0] n_data,
    output wire n_valid,
    input  wire n_ready,
    output wire [1:0] saturated
);
    localparam ROWS = ROWS_A > ROWS_B ? ROWS_A : ROWS_B;
    localparam OUTPUTS = OUT_A > OUT_B ? OUT_A : OUT_B;
    wire [ROWS_A*DW-1:0] a_codes;
    wire [ROWS_B*DW-1:0] b_codes;
    wire [2*ROWS*DW-1:0] codes = (b_codes << (ROWS * DW)) | a_codes;
    wire [PW-1:0] a_phase, b_phase, phase;
    wire [1:0] request, finished;
    wire read, select, done, beyond, b_none;
    wire [ROWS*DW-1:0] driven;
    wire [OUTPUTS*CW-1:0] columns;
    qssm_array_control #(.DW(DW), .ROWS(ROWS_A), .CW(CW), .COLUMNS(OUT_A), .DITHER(1), .PW(PW)) control_a (
        .clk(clk), .rst(rst), .s_data(a_data), .s_valid(a_valid), .s_ready(a_ready),
        .p_data(p_data), .p_valid(p_valid), .p_ready(p_ready),
        .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready), .saturated(saturated[0]),
        .a_codes(a_codes), .a_phase(a_phase), .a_request(request[0]), .a_done(finished[0]),
        .a_columns(columns[OUT_A*CW-1:0]), .a_saturated(beyond)
    );
    qssm_array_control #(.DW(DW), .ROWS(ROWS_B), .CW(CW), .COLUMNS(OUT_B), .DITHER(0), .PW(PW)) control_b (
        .clk(clk), .rst(rst), .s_data(b_data), .s_valid(b_valid), .s_ready(b_ready),
        .p_data({PW{1'b0}}), .p_valid(1'b0), .p_ready(b_none),
        .m_data(n_data), .m_valid(n_valid), .m_ready(n_ready), .saturated(saturated[1]),
        .a_codes(b_codes), .a_phase(b_phase), .a_request(request[1]), .a_done(finished[1]),
        .a_columns(columns[OUT_B*CW-1:0]), .a_saturated(beyond)
    );
    qssm_array_share #(.READS(2), .ROWS(ROWS), .DW(DW), .PW(PW), .KW(1)) share (
        .clk(clk), .rst(rst), .request(request), .codes(codes), .phases({b_phase, a_phase}), .done(finished),
        .a_read(read), .a_select(select), .a_codes(driven), .a_phase(phase), .a_done(done)
    );
    qssm_array #(
        .LINES(LINES), .COLUMNS(COLUMNS), .LW(LW), .READS(2), .KW(1), .ROWS(ROWS), .DW(DW), .WIRES(WIRES),
        .OUTPUTS(OUTPUTS), .CW(CW), .SW(SW), .ZW(ZW), .PW(PW), .SETTLE(SETTLE),
        .LEVELS(LEVELS), .DRIVES(DRIVES), .ADCS(ADCS)
    ) cells (
        .clk(clk), .rst(rst), .read(read), .select(select), .codes(driven), .phase(phase),
        .done(done), .columns(columns), .saturated(beyond)
    );
endmodule
`default_nettype wire
