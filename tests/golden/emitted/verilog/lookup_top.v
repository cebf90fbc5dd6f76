// lookup_top: a streaming core emitted by qssmc from graph lookup, 1 lane.
// 2 clocks a sample. s: 2 numbers a sample, each i3; s_last with a sequence's last
// s_data is exactly as wide as the format of a sample, so none lies beyond it; clamp what is wider before.
// m: output y, 2 signed numbers a sample
// Sequences may have any number of steps: nothing is summed over them.
// Names: x_data, x_valid and x_ready are the stream of the op x of the graph; x_end is x after the last sample of a
//     sequence; x__y_p goes from x to port p of y, x__y_p_q behind a queue, _s behind a register in both directions, _w
//     in another width. token goes with every sample and tells whether it is the last.
`default_nettype none
module lookup_top (
    input  wire clk,
    input  wire rst,
    input  wire [2:0] s_data,
    input  wire s_last,
    input  wire s_valid,
    output wire s_ready,
    output wire [4:0] m_data,
    output wire m_last,
    output wire m_valid,
    input  wire m_ready,
    output wire busy,
    output wire [31:0] saturations
);
    wire [2:0] s_wide = s_data;
    wire [2:0] u_data;
    wire u_valid, u_ready;
    wire [3:0] u__squares_s_w_data;
    wire u__squares_s_w_valid, u__squares_s_w_ready;
    wire token_data;
    wire token_valid, token_ready;
    wire token__frame_y_t_q_data;
    wire token__frame_y_t_q_valid, token__frame_y_t_q_ready;
    wire [4:0] squares_data;
    wire squares_valid, squares_ready;
    wire [4:0] squares__frame_y_s_q_data;
    wire squares__frame_y_s_q_valid, squares__frame_y_s_q_ready;
    wire [4:0] out_y_data;
    wire out_y_last, out_y_valid, out_y_ready;
    assign m_data = out_y_data;
    assign m_last = out_y_last;
    assign m_valid = out_y_valid;
    assign out_y_ready = m_ready;

    qssm_resize #(.IW(3), .OW(4)) u__squares_s_w_fit (
        .s(u_data), .m(u__squares_s_w_data)
    );

    assign u__squares_s_w_valid = u_valid;
    assign u_ready = u__squares_s_w_ready;

    qssm_fifo #(.W(1), .DEPTH(3)) token__frame_y_t_q_queue (
        .clk(clk), .rst(rst), .s_data(token_data), .s_valid(token_valid), .s_ready(token_ready),
        .m_data(token__frame_y_t_q_data), .m_valid(token__frame_y_t_q_valid), .m_ready(token__frame_y_t_q_ready)
    );

    qssm_fifo #(.W(5), .DEPTH(3)) squares__frame_y_s_q_queue (
        .clk(clk), .rst(rst), .s_data(squares_data), .s_valid(squares_valid), .s_ready(squares_ready),
        .m_data(squares__frame_y_s_q_data), .m_valid(squares__frame_y_s_q_valid), .m_ready(squares__frame_y_s_q_ready)
    );

    // %u : i3[2] = input from "input"
    qssm_source #(.W(3), .N(2)) source_cell (
        .clk(clk), .rst(rst), .s_data(s_wide), .s_valid(s_valid), .s_ready(s_ready), .s_last(s_last), .m_data(u_data),
        .m_valid(u_valid), .m_ready(u_ready), .t_data(token_data), .t_valid(token_valid), .t_ready(token_ready)
    );

    // %squares : i5[2] = lut %u entries=@squares.entries first=-4 from "squares"
    qssm_lut #(
        .XW(4), .OW(5), .N(2), .TW(3), .T(8), .SPLIT(0), .FILE("mem/squares.mem"), .FIXED(1), .FIRST(4'hc)
    ) squares_cell (
        .clk(clk), .rst(rst), .s_data(u__squares_s_w_data), .s_valid(u__squares_s_w_valid),
        .s_ready(u__squares_s_w_ready), .m_data(squares_data), .m_valid(squares_valid), .m_ready(squares_ready)
    );

    // output y = %squares
    qssm_frame #(.W(5), .N(2), .AT_END(0)) frame_y_cell (
        .clk(clk), .rst(rst), .s_data(squares__frame_y_s_q_data), .s_valid(squares__frame_y_s_q_valid),
        .s_ready(squares__frame_y_s_q_ready), .t_data(token__frame_y_t_q_data), .t_valid(token__frame_y_t_q_valid),
        .t_ready(token__frame_y_t_q_ready), .m_data(out_y_data), .m_valid(out_y_valid), .m_ready(out_y_ready),
        .m_last(out_y_last)
    );

    qssm_status #(.N(1)) status (
        .clk(clk), .rst(rst), .sample(s_valid && s_ready), .sample_last(s_last),
        .result_last(m_valid && m_ready && m_last),
        .saturated(1'b0),
        .busy(busy), .saturations(saturations)
    );
endmodule
`default_nettype wire
