// qssm_uart_tx: bytes to a serial line, 8N1, CLOCKS clocks a bit.
`default_nettype none
module qssm_uart_tx #(
    parameter CLOCKS = 6  // clocks of a bit, 1 or more
) (
    input  wire clk,
    input  wire rst,
    input  wire [7:0] s_data,
    input  wire s_valid,
    output wire s_ready,
    output reg  tx
);
    // An illegal parameter stops elaboration: its module is missing, by a name that says what is wrong.
    generate
        if (CLOCKS < 1) begin : illegal_clocks qssm_uart_tx_CLOCKS_must_be_1_or_more error (); end
    endgenerate

    localparam KW = $clog2(CLOCKS + 1);
    localparam [31:0] BIT_INT = CLOCKS - 1;
    localparam [KW-1:0] WHOLE = BIT_INT[KW-1:0];
    reg [KW-1:0] wait_bit;
    reg [3:0] left;
    reg [8:0] bits;
    assign s_ready = left == 4'd0;
    always @(posedge clk) begin
        if (rst) begin
            tx <= 1'b1;
            left <= 4'd0;
        end else if (s_ready) begin
            wait_bit <= WHOLE;
            bits <= {1'b1, s_data};
            if (s_valid) begin
                tx <= 1'b0;
                left <= 4'd10;
            end
        end else if (wait_bit != {KW{1'b0}}) begin
            wait_bit <= wait_bit - 1'b1;
        end else begin
            wait_bit <= WHOLE;
            tx <= bits[0];
            bits <= {1'b1, bits[8:1]};
            left <= left - 4'd1;
        end
    end
endmodule
`default_nettype wire
