// qssm_array_share: lets READS controllers use one array in turn; a read that is asked for waits for one of each other.
// request stands until done, and with it codes and phase.
`default_nettype none
module qssm_array_share #(
    parameter READS = 2,  // controllers that share the array, 1 or more
    parameter ROWS = 4,   // rows of the read that has the most, 1 or more
    parameter DW = 8,     // bits of a row's code, 1 or more
    parameter PW = 16,    // bits of a phase, 1 or more
    parameter KW = 1      // bits of a_select, enough to number the reads
) (
    input  wire clk,
    input  wire rst,
    input  wire [READS-1:0] request,
    input  wire [READS*ROWS*DW-1:0] codes,
    input  wire [READS*PW-1:0] phases,
    output wire [READS-1:0] done,
    output wire a_read,
    output wire [KW-1:0] a_select,
    output wire [ROWS*DW-1:0] a_codes,
    output wire [PW-1:0] a_phase,
    input  wire a_done
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (READS < 1) begin : illegal_reads qssm_array_share_READS_must_be_1_or_more error (); end
        if (ROWS < 1) begin : illegal_rows qssm_array_share_ROWS_must_be_1_or_more error (); end
        if (DW < 1) begin : illegal_dw qssm_array_share_DW_must_be_1_or_more error (); end
        if (PW < 1) begin : illegal_pw qssm_array_share_PW_must_be_1_or_more error (); end
        if (KW < 1 || KW < $clog2(READS)) begin : illegal_kw qssm_array_share_KW_must_number_READS error (); end
    endgenerate

    localparam [31:0] LAST_INT = READS - 1;
    localparam [KW-1:0] LAST = LAST_INT[KW-1:0];
    localparam [READS-1:0] ONE = 1;
    reg [KW-1:0] turn;
    reg busy;
    wire [KW-1:0] next = turn == LAST ? {KW{1'b0}} : turn + 1'b1;
    wire asked = request[turn];
    assign done = a_done ? ONE << turn : {READS{1'b0}};
    assign a_read = asked && !busy;
    assign a_select = turn;
    assign a_codes = codes[turn*(ROWS*DW) +: ROWS*DW];
    assign a_phase = phases[turn*PW +: PW];
    always @(posedge clk) begin
        if (rst) begin
            turn <= {KW{1'b0}};
            busy <= 1'b0;
        end else if (busy) begin
            busy <= !a_done;
            if (a_done) turn <= next;
        end else if (asked) begin
            busy <= 1'b1;
        end else begin
            turn <= next;
        end
    end
endmodule
`default_nettype wire
