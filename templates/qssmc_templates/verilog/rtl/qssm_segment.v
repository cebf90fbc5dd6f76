// qssm_segment: sums of runs of elements, modulo 2^OW.
// Of each of N runs the table tells how many elements it has; that may be none.
`default_nettype none
module qssm_segment #(
    parameter XW = 16,            // bits of an element, 1 or more
    parameter OW = 20,            // bits of a sum, 1 or more
    parameter N = 2,              // runs, 1 or more
    parameter CW = 4,             // bits of the number of elements of a run, 1 or more
    parameter FIXED = 1,          // 1: every run has WORD elements; 0: its word of FILE
    parameter [CW-1:0] WORD = 0,  // elements of every run where FIXED
    parameter FILE = ""           // name of a .mem file of N words of CW bits; not looked at where FIXED
) (
    input  wire clk,
    input  wire rst,
    input  wire [XW-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [OW-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (XW < 1) begin : illegal_xw qssm_segment_XW_must_be_1_or_more error (); end
        if (OW < 1) begin : illegal_ow qssm_segment_OW_must_be_1_or_more error (); end
        if (N < 1) begin : illegal_n qssm_segment_N_must_be_1_or_more error (); end
        if (CW < 1) begin : illegal_cw qssm_segment_CW_must_be_1_or_more error (); end
        if (FIXED != 0 && FIXED != 1) begin : illegal_fixed qssm_segment_FIXED_must_be_0_or_1 error (); end
        if (FIXED == 0 && FILE == "") begin : illegal_file
            qssm_segment_FILE_must_name_a_file_where_FIXED_is_0 error ();
        end
    endgenerate

    wire [CW-1:0] count;
    wire [OW-1:0] x;
    reg  [OW-1:0] sum;
    reg  [CW-1:0] seen;
    wire move = !m_valid || m_ready;
    wire empty = count == {CW{1'b0}};
    wire take = s_valid && s_ready;
    wire [CW-1:0] now = seen + 1'b1;
    wire close = move && (empty || (s_valid && now == count));
    wire [OW-1:0] total = seen == {CW{1'b0}} ? x : sum + x;
    assign s_ready = move && !empty;
    qssm_table #(.W(CW), .N(N), .FIXED(FIXED), .WORD(WORD), .FILE(FILE)) counts (
        .clk(clk), .rst(rst), .next(close), .word(count)
    );
    qssm_resize #(.IW(XW), .OW(OW)) fit (.s(s_data), .m(x));
    always @(posedge clk) begin
        if (take) sum <= total;
        if (close) m_data <= empty ? {OW{1'b0}} : total;
    end
    always @(posedge clk) begin
        if (rst) begin
            seen <= {CW{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (take) seen <= close ? {CW{1'b0}} : now;
            if (move) m_valid <= close;
        end
    end
endmodule
`default_nettype wire
