// qssm_fifo: a queue of DEPTH words at least, and one more at its mouth. Two clocks from in to out.
`default_nettype none
module qssm_fifo #(
    parameter W = 8,      // bits of a word, 1 or more
    parameter DEPTH = 16  // words that it holds at least, 1 or more
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
        if (W < 1) begin : illegal_w qssm_fifo_W_must_be_1_or_more error (); end
        if (DEPTH < 1) begin : illegal_depth qssm_fifo_DEPTH_must_be_1_or_more error (); end
    endgenerate

    // Room for the next power of two, so that addresses wrap by themselves; a pointer's top bit tells the round.
    localparam AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    (* no_rw_check *) reg [W-1:0] mem [0:(1<<AW)-1];
    reg [AW:0] head, tail;
    wire empty = head == tail;
    wire full = head == {!tail[AW], tail[AW-1:0]};
    wire push = s_valid && s_ready;
    wire pop = !empty && (!m_valid || m_ready);
    assign s_ready = !full;
    always @(posedge clk) begin
        if (push) mem[tail[AW-1:0]] <= s_data;
        if (pop) m_data <= mem[head[AW-1:0]];
    end
    always @(posedge clk) begin
        if (rst) begin
            head <= {(AW + 1){1'b0}};
            tail <= {(AW + 1){1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (push) tail <= tail + 1'b1;
            if (pop) head <= head + 1'b1;
            if (pop) m_valid <= 1'b1;
            else if (m_ready) m_valid <= 1'b0;
        end
    end
endmodule
`default_nettype wire
