// uart_loop: bytes through a sender and, over one wire, a receiver.
`default_nettype none
module uart_loop #(
    parameter CLOCKS = 6
) (
    input  wire clk,
    input  wire rst,
    input  wire [7:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output wire [7:0] m_data,
    output wire m_valid,
    input  wire m_ready
);
    wire line, overrun;
    qssm_uart_tx #(.CLOCKS(CLOCKS)) sender (
        .clk(clk), .rst(rst), .s_data(s_data), .s_valid(s_valid), .s_ready(s_ready), .tx(line)
    );
    qssm_uart_rx #(.CLOCKS(CLOCKS)) receiver (
        .clk(clk), .rst(rst), .rx(line), .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready), .overrun(overrun)
    );
endmodule
`default_nettype wire
