// qssm_array_share: lets READS controllers use one array in turn; a read that is asked for waits for one of each other.
// request stands until done, and with it codes and phase.
`default_nettype none
module qssm_array_share #(
    parameter READS = 2,
    parameter ROWS = 4,
    parameter DW = 8,
    parameter PW = 16,
    parameter KW = 1
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
