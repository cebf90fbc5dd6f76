// qssm_fifo: a queue of DEPTH words and one more at its mouth; block RAM where it is large. Two clocks from in to out.
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
    localparam AW = DEPTH > 1 ? $clog2(DEPTH) : 1;
    localparam [31:0] TOP_INT = DEPTH - 1;
    localparam [AW-1:0] TOP = TOP_INT[AW-1:0];
    localparam [31:0] FULL_INT = DEPTH;
    localparam [AW:0] FULL = FULL_INT[AW:0];
    (* no_rw_check *) reg [W-1:0] mem [0:DEPTH-1];
    reg [AW-1:0] head, tail;
    reg [AW:0] count;
    wire push = s_valid && s_ready;
    wire pop = count != {(AW + 1){1'b0}} && (!m_valid || m_ready);
    assign s_ready = count != FULL;
    always @(posedge clk) begin
        if (push) mem[tail] <= s_data;
        if (pop) m_data <= mem[head];
    end
    always @(posedge clk) begin
        if (rst) begin
            head <= {AW{1'b0}};
            tail <= {AW{1'b0}};
            count <= {(AW + 1){1'b0}};
            m_valid <= 1'b0;
        end else begin
            if (push) tail <= tail == TOP ? {AW{1'b0}} : tail + 1'b1;
            if (pop) head <= head == TOP ? {AW{1'b0}} : head + 1'b1;
            if (push && !pop) count <= count + 1'b1;
            if (pop && !push) count <= count - 1'b1;
            if (pop) m_valid <= 1'b1;
            else if (m_ready) m_valid <= 1'b0;
        end
    end
endmodule
`default_nettype wire
