// qssm_lut: entries[x - first] of a vector of N; two clocks. SPLIT gives each element a table of 2^TW words of its own.
`default_nettype none
module qssm_lut #(
    parameter XW = 8,              // bits of x, as many as TW or more
    parameter OW = 8,              // bits of an entry, 1 or more
    parameter N = 1,               // elements of a vector, 1 or more
    parameter TW = 8,              // bits that number the entries of a table: $clog2(T), but 1 where T is 1
    parameter T = 256,             // entries of a table, 1 or more
    parameter SPLIT = 0,           // 1: each element has a table of its own, 0: all share one
    parameter FIXED = 1,           // 1: every element's table begins at FIRST; 0: at its word of FIRSTS
    parameter [XW-1:0] FIRST = 0,  // x of the first entry where FIXED
    parameter FIRSTS = "",         // name of a .mem file of N words of XW bits; not looked at where FIXED
    parameter FILE = ""            // name of a .mem file of T words of OW bits; where SPLIT of 2^TW words an element
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
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1 || XW < TW) begin : illegal_xw qssm_lut_XW_must_hold_TW error (); end
        if (OW < 1) begin : illegal_ow qssm_lut_OW_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_lut_N_must_be_1_or_more error (); end
        if (T < 1) begin : illegal_t qssm_lut_T_must_be_1_or_more error (); end
        if (TW != (T > 1 ? $clog2(T) : 1)) begin : illegal_tw qssm_lut_TW_must_number_T error (); end
        if (SPLIT != 0 && SPLIT != 1) begin : illegal_split qssm_lut_SPLIT_must_be_0_or_1 error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_lut_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FIRSTS == "") begin : illegal_firsts
            qssm_lut_FIRSTS_must_name_a_file_where_FIXED_is_0 error ();
        end
        if (FILE == "") begin : illegal_file qssm_lut_FILE_must_name_a_file error (); end
    endgenerate

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
    wire unused = &{1'b0, address};  // of a single element the index is always 0
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
