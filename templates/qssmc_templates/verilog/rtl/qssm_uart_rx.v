// qssm_uart_rx: bytes from a serial line, 8N1, CLOCKS clocks a bit; a byte that nobody takes in time sets overrun.
`default_nettype none
module qssm_uart_rx #(
    parameter CLOCKS = 6  // clocks of a bit, 4 or more, so that a bit is sampled off its edges
) (
    input  wire clk,
    input  wire rst,
    input  wire rx,
    output reg  [7:0] m_data,
    output reg  m_valid,
    input  wire m_ready,
    output reg  overrun
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (CLOCKS < 4) begin : illegal_clocks qssm_uart_rx_CLOCKS_must_be_4_or_more error (); end
    endgenerate

    localparam KW = $clog2(CLOCKS + 1);
    localparam [31:0] BIT_INT = CLOCKS - 1;
    localparam [KW-1:0] WHOLE = BIT_INT[KW-1:0];
    localparam [31:0] HALF_INT = (CLOCKS - 1) / 2;
    localparam [KW-1:0] HALF = HALF_INT[KW-1:0];
    reg [2:0] line;  // two clocks for the line to settle, and what it was before
    reg [KW-1:0] wait_bit;
    reg [3:0] left;  // bits to come: 10 is the start bit, 1 the stop bit, 0 none
    reg [7:0] bits;
    wire bit_now = left != 4'd0 && wait_bit == {KW{1'b0}};
    wire stop = bit_now && left == 4'd1 && line[1];
    always @(posedge clk) line <= rst ? 3'b111 : {line[1:0], rx};
    always @(posedge clk) if (bit_now) bits <= {line[1], bits[7:1]};
    always @(posedge clk) if (stop) m_data <= bits;
    always @(posedge clk) begin
        if (rst) begin
            left <= 4'd0;
            m_valid <= 1'b0;
            overrun <= 1'b0;
        end else begin
            if (left == 4'd0) begin
                wait_bit <= HALF;
                if (line[2] && !line[1]) left <= 4'd10;
            end else if (bit_now) begin
                wait_bit <= WHOLE;
                left <= left == 4'd10 && line[1] ? 4'd0 : left - 4'd1;  // a start bit that does not last is none
            end else begin
                wait_bit <= wait_bit - 1'b1;
            end
            if (stop) m_valid <= 1'b1;
            else if (m_ready) m_valid <= 1'b0;
            if (stop && m_valid && !m_ready) overrun <= 1'b1;
        end
    end
endmodule
`default_nettype wire
