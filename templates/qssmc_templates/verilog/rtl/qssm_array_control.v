// qssm_array_control: one read of an array: takes the codes of its ROWS rows, asks for the read, gives the codes of its
// COLUMNS columns. The next rows come in while columns leave; with DITHER a phase goes with every read.
`default_nettype none
module qssm_array_control #(
    parameter DW = 8,       // bits of a row's code, 1 or more
    parameter ROWS = 4,     // rows of this read, 1 or more
    parameter CW = 6,       // bits of a column's code, 1 or more
    parameter COLUMNS = 4,  // columns of this read, 1 or more
    parameter DITHER = 0,   // 1: a phase goes with every read, 0: none does
    parameter PW = 16       // bits of a phase, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [DW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    input  wire [PW-1:0] p_data,
    input  wire p_valid,
    output wire p_ready,
    output wire [CW-1:0] m_data,
    output wire m_valid,
    input  wire m_ready,
    output wire saturated,
    output reg  [ROWS*DW-1:0] a_codes,
    output wire [PW-1:0] a_phase,
    output wire a_request,
    input  wire a_done,
    input  wire [COLUMNS*CW-1:0] a_columns,
    input  wire a_saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (DW < 1) begin : illegal_dw qssm_array_control_DW_must_be_1_or_more error (); end
        if (ROWS < 1) begin : illegal_rows qssm_array_control_ROWS_must_be_1_or_more error (); end
        if (CW < 1) begin : illegal_cw qssm_array_control_CW_must_be_1_or_more error (); end
        if (COLUMNS < 1) begin : illegal_columns qssm_array_control_COLUMNS_must_be_1_or_more error (); end
        if (PW < 1) begin : illegal_pw qssm_array_control_PW_must_be_1_or_more error (); end
        if (DITHER != 0 && DITHER != 1) begin : illegal_dither qssm_array_control_DITHER_must_be_0_or_1 error (); end
    endgenerate

    localparam JW = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam [31:0] LAST_INT = ROWS - 1;
    localparam [JW-1:0] LAST = LAST_INT[JW-1:0];
    localparam KW = $clog2(COLUMNS + 1);
    localparam [31:0] ALL_INT = COLUMNS;
    localparam [KW-1:0] ALL = ALL_INT[KW-1:0];

    // Rows in: the first ends up lowest. They stand until the read is done.
    reg [JW-1:0] fill;
    reg full;
    wire write = s_valid && s_ready;
    wire [(ROWS+1)*DW-1:0] rows = {s_data, a_codes};
    wire unused = &{1'b0, rows[DW-1:0], p_valid};
    assign s_ready = !full;
    always @(posedge clk) if (write) a_codes <= rows[(ROWS+1)*DW-1:DW];
    always @(posedge clk) begin
        if (rst) begin
            fill <= {JW{1'b0}};
            full <= 1'b0;
        end else begin
            if (write) fill <= fill == LAST ? {JW{1'b0}} : fill + 1'b1;
            if (write && fill == LAST) full <= 1'b1;
            else if (a_done) full <= 1'b0;
        end
    end

    // The read, once there is room for all columns; the request stands until it is done.
    reg [KW-1:0] left;
    assign a_phase = p_data;
    assign a_request = full && left == {KW{1'b0}} && (DITHER == 0 || p_valid);
    assign p_ready = DITHER != 0 && a_done;
    assign saturated = a_done && a_saturated;

    reg [COLUMNS*CW-1:0] columns;
    assign m_data = columns[CW-1:0];
    assign m_valid = left != {KW{1'b0}};
    always @(posedge clk) begin
        if (a_done) columns <= a_columns;
        else if (m_valid && m_ready) columns <= columns >> CW;
    end
    always @(posedge clk) begin
        if (rst) left <= {KW{1'b0}};
        else if (a_done) left <= ALL;
        else if (m_valid && m_ready) left <= left - 1'b1;
    end
endmodule
`default_nettype wire
