// qssm_rom: N constant words from a .mem file, read with one clock of delay; block RAM where there are many.
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
    generate
        if (N <= 32) begin : g_small
            (* rom_style = "logic" *) reg [W-1:0] mem [0:N-1];
            initial $readmemh(FILE, mem);
            always @(posedge clk) if (en) data <= mem[addr];
        end else begin : g_block
            reg [W-1:0] mem [0:N-1];
            initial $readmemh(FILE, mem);
            always @(posedge clk) if (en) data <= mem[addr];
        end
    endgenerate
endmodule
`default_nettype wire
