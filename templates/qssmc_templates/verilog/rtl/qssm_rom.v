// qssm_rom: N constant words from a .mem file, read with one clock of delay.
`default_nettype none
module qssm_rom #(
    parameter W = 8,
    parameter N = 16,
    parameter FILE = ""
) (
    input  wire clk,
    input  wire en,
    input  wire [(N > 1 ? $clog2(N) : 1)-1:0] addr,
    output reg  [W-1:0] data
);
    reg [W-1:0] mem [0:N-1];
    initial $readmemh(FILE, mem);
    always @(posedge clk) if (en) data <= mem[addr];
endmodule
`default_nettype wire
