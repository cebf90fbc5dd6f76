// qssm_banks: which of two banks of a memory is filled and which is read, and whether each may be.
`default_nettype none
module qssm_banks (
    input  wire clk,
    input  wire rst,
    input  wire filled,   // the last word goes into the bank that is filled
    input  wire drained,  // the last word of the bank that is read is done with
    output reg  fill_bank,
    output reg  bank,
    output wire room,
    output wire ready
);
    // One register a bank: a bit at an index that is not constant costs yosys an adder of 32 bits.
    reg full0, full1;
    assign room = fill_bank ? !full1 : !full0;
    assign ready = bank ? full1 : full0;
    always @(posedge clk) begin
        if (rst) begin
            full0 <= 1'b0;
            full1 <= 1'b0;
            fill_bank <= 1'b0;
            bank <= 1'b0;
        end else begin
            full0 <= (full0 && !(drained && !bank)) || (filled && !fill_bank);
            full1 <= (full1 && !(drained && bank)) || (filled && fill_bank);
            if (filled) fill_bank <= !fill_bank;
            if (drained) bank <= !bank;
        end
    end
endmodule
`default_nettype wire
