// qssm_fifo: a queue of DEPTH words at least, and one more at its mouth. Two clocks from in to out.
`default_nettype none
module qssm_fifo #(
    parameter W = 8,
    parameter DEPTH = 16
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
