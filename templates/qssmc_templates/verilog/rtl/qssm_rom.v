// qssm_rom: N constant words from a .mem file, read with one clock of delay; block RAM where there are many.
`default_nettype none
module qssm_rom #(
    parameter W = 8,     // bits of a word, 1 or more
    parameter N = 16,    // words, 1 or more
    parameter FILE = ""  // name of a .mem file of N words of W bits
) (
    input  wire clk,
    input  wire en,
    input  wire [(N > 1 ? $clog2(N) : 1)-1:0] addr,
    output reg  [W-1:0] data
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_rom_W_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_rom_N_must_be_1_or_more error (); end
        if (FILE == "") begin : illegal_file qssm_rom_FILE_must_name_a_file error (); end
    endgenerate

    generate
        if (N <= 32 && FILE != "") begin : g_small
            (* rom_style = "logic" *) reg [W-1:0] mem [0:N-1];
            initial $readmemh(FILE, mem);
            always @(posedge clk) if (en) data <= mem[addr];
        end else if (FILE != "") begin : g_block
            reg [W-1:0] mem [0:N-1];
            initial $readmemh(FILE, mem);
            always @(posedge clk) if (en) data <= mem[addr];
        end
    endgenerate
endmodule
`default_nettype wire
