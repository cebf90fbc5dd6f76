// qssm_array: model of an array with its row drivers and ADCs, for simulation; a real array takes its place.
// SETTLE clocks after read, columns are clamp(floor((z + d) / 2^shift), low, high), where z sums driven codes times the
// difference of two lines' levels, and d is 2^(shift-1), none where shift is 0, or floor(phase * 2^shift / 2^PW).
// LEVELS: a word a cell, row line by row line. DRIVES, WIRES of every read: {driven, drive, row, line}, where drive is
// 0: code, 1: -code, 2: max(code, 0), 3: max(-code, 0). ADCS, OUTPUTS of every read: {high, low, shift, dithered,
// minus, plus}.
`default_nettype none
module qssm_array #(
    parameter LINES = 4,    // row lines of the array, 1 or more
    parameter COLUMNS = 4,  // lines of cells across them, 1 or more
    parameter LW = 3,       // bits of a cell's level, which is not negative, 1 or more
    parameter READS = 1,    // different reads of the array, 1 or more
    parameter KW = 1,       // bits of select, enough to number the reads
    parameter ROWS = 4,     // codes of the read that has the most, 1 or more
    parameter DW = 8,       // bits of a row's code (DAC), 1 or more
    parameter WIRES = 4,    // words of DRIVES for each read, 1 or more
    parameter OUTPUTS = 4,  // columns of the read that has the most, 1 or more
    parameter CW = 6,       // bits of a column's code (ADC), 1 or more
    parameter SW = 4,       // bits of an ADC's shift, 1 or more
    parameter ZW = 24,      // bits of a column's current: more than DW and LW, CW or more
    parameter PW = 16,      // bits of the phase, 1 or more
    parameter SETTLE = 4,   // clocks from read to done, 1 or more
    parameter LEVELS = "",  // name of a .mem file of LINES * COLUMNS words
    parameter DRIVES = "",  // name of a .mem file of READS * WIRES words
    parameter ADCS = ""     // name of a .mem file of READS * OUTPUTS words
) (
    input  wire clk,
    input  wire rst,
    input  wire read,
    input  wire [KW-1:0] select,
    input  wire [ROWS*DW-1:0] codes,
    input  wire [PW-1:0] phase,
    output wire done,
    output wire [OUTPUTS*CW-1:0] columns,
    output wire saturated
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (LINES < 1) begin : illegal_lines qssm_array_LINES_must_be_1_or_more error (); end
        if (COLUMNS < 1) begin : illegal_columns qssm_array_COLUMNS_must_be_1_or_more error (); end
        if (LW < 1) begin : illegal_lw qssm_array_LW_must_be_1_or_more error (); end
        if (READS < 1) begin : illegal_reads qssm_array_READS_must_be_1_or_more error (); end
        if (KW < 1 || KW < $clog2(READS)) begin : illegal_kw qssm_array_KW_must_number_READS error (); end
        if (ROWS < 1) begin : illegal_rows qssm_array_ROWS_must_be_1_or_more error (); end
        if (DW < 1) begin : illegal_dw qssm_array_DW_must_be_1_or_more error (); end
        if (WIRES < 1) begin : illegal_wires qssm_array_WIRES_must_be_1_or_more error (); end
        if (OUTPUTS < 1) begin : illegal_outputs qssm_array_OUTPUTS_must_be_1_or_more error (); end
        if (CW < 1) begin : illegal_cw qssm_array_CW_must_be_1_or_more error (); end
        if (SW < 1) begin : illegal_sw qssm_array_SW_must_be_1_or_more error (); end
        if (ZW <= DW || ZW <= LW || ZW < CW) begin : illegal_zw
            qssm_array_ZW_must_exceed_DW_and_LW_and_hold_CW error ();
        end
        if (PW < 1) begin : illegal_pw qssm_array_PW_must_be_1_or_more error (); end
        if (SETTLE < 1) begin : illegal_settle qssm_array_SETTLE_must_be_1_or_more error (); end
        if (LEVELS == "") begin : illegal_levels qssm_array_LEVELS_must_name_a_file error (); end
        if (DRIVES == "") begin : illegal_drives qssm_array_DRIVES_must_name_a_file error (); end
        if (ADCS == "") begin : illegal_adcs qssm_array_ADCS_must_name_a_file error (); end
    endgenerate

    localparam LINE = LINES > 1 ? $clog2(LINES) : 1;
    localparam ROW = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam COLUMN = COLUMNS > 1 ? $clog2(COLUMNS) : 1;
    localparam DRIVE = 3 + ROW + LINE;
    localparam ADC = 2 * CW + SW + 1 + 2 * COLUMN;
    localparam [PW:0] ONE = {1'b1, {PW{1'b0}}};
    localparam [PW-1:0] HALF = ONE[PW:1];
    localparam TW = $clog2(SETTLE + 1);
    localparam [31:0] WAIT_INT = SETTLE;
    localparam [TW-1:0] WAIT = WAIT_INT[TW-1:0];
    reg [LW-1:0] levels [0:LINES*COLUMNS-1];
    reg [DRIVE-1:0] drives [0:READS*WIRES-1];
    reg [ADC-1:0] adcs [0:READS*OUTPUTS-1];
    initial begin
        if (LEVELS != "") $readmemh(LEVELS, levels);
        if (DRIVES != "") $readmemh(DRIVES, drives);
        if (ADCS != "") $readmemh(ADCS, adcs);
    end

    // What a row driver makes of its code.
    function signed [ZW-1:0] driven(input [1:0] drive, input signed [ZW-1:0] code);
        case (drive)
            2'd0: driven = code;
            2'd1: driven = -code;
            2'd2: driven = code[ZW-1] ? {ZW{1'b0}} : code;
            default: driven = code[ZW-1] ? -code : {ZW{1'b0}};
        endcase
    endfunction

    // The current of a column: of the lines that a read drives, against its two lines of cells.
    function signed [ZW-1:0] product(
        input [KW-1:0] which, input [ROWS*DW-1:0] all, input [COLUMN-1:0] plus, input [COLUMN-1:0] minus
    );
        integer i;
        reg [DRIVE-1:0] wired;
        reg [LINE-1:0] line;
        reg [DW-1:0] code;
        reg signed [ZW-1:0] sum, cell_plus, cell_minus;
        begin
            sum = {ZW{1'b0}};
            for (i = 0; i < WIRES; i = i + 1) begin
                wired = drives[which*WIRES + i];
                line = wired[LINE-1:0];
                code = all[wired[LINE +: ROW]*DW +: DW];
                cell_plus = {{(ZW - LW){1'b0}}, levels[line*COLUMNS + plus]};
                cell_minus = {{(ZW - LW){1'b0}}, levels[line*COLUMNS + minus]};
                if (wired[DRIVE-1])
                    sum = sum + driven(wired[DRIVE-2 -: 2], {{(ZW - DW){code[DW-1]}}, code}) * (cell_plus - cell_minus);
            end
            product = sum;
        end
    endfunction

    // An ADC: its code, and above it whether that was clamped. All with PW bits below the point, for the phase.
    function [CW:0] converted(input signed [ZW-1:0] z, input [ADC-1:0] adc, input [PW-1:0] at);
        reg [SW-1:0] shift;
        reg signed [ZW+PW-1:0] d, sum, code, low, high;
        begin
            shift = adc[2*COLUMN+1 +: SW];
            low = {{(ZW + PW - CW){adc[ADC-CW-1]}}, adc[ADC-CW-1 -: CW]};
            high = {{(ZW + PW - CW){adc[ADC-1]}}, adc[ADC-1 -: CW]};
            d = {{ZW{1'b0}}, adc[2*COLUMN] ? at : HALF} << shift;
            sum = {z, {PW{1'b0}}} + d;
            code = sum >>> shift >>> PW;
            converted = code < low ? {1'b1, low[CW-1:0]} : code > high ? {1'b1, high[CW-1:0]} : {1'b0, code[CW-1:0]};
        end
    endfunction

    genvar j;
    wire [OUTPUTS-1:0] clamped;
    generate
        for (j = 0; j < OUTPUTS; j = j + 1) begin : g_column
            wire [ADC-1:0] adc = adcs[select*OUTPUTS + j];
            wire [COLUMN-1:0] plus = adc[0 +: COLUMN];
            wire [COLUMN-1:0] minus = adc[COLUMN +: COLUMN];
            reg [CW:0] code;
            always @(posedge clk) if (read) code <= converted(product(select, codes, plus, minus), adc, phase);
            assign columns[j*CW +: CW] = code[CW-1:0];
            assign clamped[j] = code[CW];
        end
    endgenerate
    assign saturated = |clamped;

    reg [TW-1:0] left;
    assign done = left == {{(TW - 1){1'b0}}, 1'b1};
    always @(posedge clk) begin
        if (rst) left <= {TW{1'b0}};
        else if (read) left <= WAIT;
        else if (left != {TW{1'b0}}) left <= left - 1'b1;
    end
endmodule
`default_nettype wire
