// qssm_gather: elements of each vector of IN at the OUT indices in FILE; the next vector comes in meanwhile.
`default_nettype none
module qssm_gather #(
    parameter W = 8,     // bits of an element, 1 or more
    parameter IN = 4,    // elements of a vector, 1 or more
    parameter OUT = 4,   // elements of the result, 1 or more
    parameter FILE = ""  // name of a .mem file of OUT indices, each less than IN
) (
    input  wire clk,
    input  wire rst,
    input  wire [W-1:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  [W-1:0] m_data,
    output reg  m_valid,
    input  wire m_ready
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (W < 1) begin : illegal_w qssm_gather_W_must_be_1_or_more error (); end
        if (IN < 1) begin : illegal_in qssm_gather_IN_must_be_1_or_more error (); end
        if (OUT < 1) begin : illegal_out qssm_gather_OUT_must_be_1_or_more error (); end
        if (FILE == "") begin : illegal_file qssm_gather_FILE_must_name_a_file error (); end
    endgenerate

    localparam JW = IN > 1 ? $clog2(IN) : 1;
    localparam NW = OUT > 1 ? $clog2(OUT) : 1;
    localparam [31:0] LAST_IN_INT = IN - 1;
    localparam [JW-1:0] LAST_IN = LAST_IN_INT[JW-1:0];
    localparam [31:0] LAST_OUT_INT = OUT - 1;
    localparam [NW-1:0] LAST_OUT = LAST_OUT_INT[NW-1:0];
    (* no_rw_check *) reg [W-1:0] mem [0:(2 << JW)-1];
    wire fill_bank, bank, ready;
    reg [JW-1:0] fill;
    reg [NW-1:0] at;
    wire [JW-1:0] index;
    wire write = s_valid && s_ready;
    wire filled = write && fill == LAST_IN;
    wire read = ready && (!m_valid || m_ready);
    wire drained = read && at == LAST_OUT;
    qssm_banks banks (
        .clk(clk), .rst(rst), .filled(filled), .drained(drained), .fill_bank(fill_bank), .bank(bank), .room(s_ready),
        .ready(ready)
    );
    qssm_table #(.W(JW), .N(OUT), .FIXED(0), .FILE(FILE)) indices (.clk(clk), .rst(rst), .next(read), .word(index));
    always @(posedge clk) begin
        if (write) mem[{fill_bank, fill}] <= s_data;
        if (read) m_data <= mem[{bank, index}];
    end
    always @(posedge clk) begin
        if (rst) begin
            fill <= {JW{1'b0}};
            at <= {NW{1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (write) fill <= filled ? {JW{1'b0}} : fill + 1'b1;
            if (read) at <= drained ? {NW{1'b0}} : at + 1'b1;
            if (read) m_valid <= 1'b1;
            else if (m_ready) m_valid <= 1'b0;
        end
    end
endmodule
`default_nettype wire
