// two_layers_top: a streaming core emitted by qssmc from graph two_layers, 1 lane.
// 39 clocks a sample. s: 1 number a sample, each u8; s_last with a sequence's last
// s_data is exactly as wide as the format of a sample, so none lies beyond it; clamp what is wider before.
// m: output logits, 2 signed numbers after the last sample
// Sequences may have 174762 steps. Beyond that, the sums over the steps and the count of steps stay at their limits
//     where they reach them; nothing wraps, but outputs made of them are no longer exact.
// Names: x_data, x_valid and x_ready are the stream of the op x of the graph; x_end is x after the last sample of a
//     sequence; x__y_p goes from x to port p of y, x__y_p_q behind a queue, _s behind a register in both directions, _w
//     in another width. token goes with every sample and tells whether it is the last.
`default_nettype none
module two_layers_top (
    input  wire clk,
    input  wire rst,
    input  wire [7:0] s_data,
    input  wire s_last,
    input  wire s_valid,
    output wire s_ready,
    output wire [26:0] m_data,
    output wire m_last,
    output wire m_valid,
    input  wire m_ready,
    output wire busy,
    output wire [31:0] saturations
);
    wire [8:0] s_wide = {1'b0, s_data};
    wire [8:0] u_data;
    wire u_valid, u_ready;
    wire token_data;
    wire token_valid, token_ready;
    wire token__total_t_data;
    wire token__total_t_valid, token__total_t_ready;
    wire token__steps_t_data;
    wire token__steps_t_valid, token__steps_t_ready;
    wire token__l0_cx_t_data;
    wire token__l0_cx_t_valid, token__l0_cx_t_ready;
    wire token__l1_cx_t_data;
    wire token__l1_cx_t_valid, token__l1_cx_t_ready;
    wire token__total_t_q_data;
    wire token__total_t_q_valid, token__total_t_q_ready;
    wire token__l0_cx_t_q_data;
    wire token__l0_cx_t_q_valid, token__l0_cx_t_q_ready;
    wire token__l1_cx_t_q_data;
    wire token__l1_cx_t_q_valid, token__l1_cx_t_q_ready;
    wire [19:0] total_data;
    wire total_valid, total_ready;
    wire [19:0] total_end_data;
    wire total_end_valid, total_end_ready;
    wire [19:0] steps_data;
    wire steps_valid, steps_ready;
    wire [19:0] steps_end_data;
    wire steps_end_valid, steps_end_ready;
    wire [11:0] encoder_data;
    wire encoder_valid, encoder_ready;
    wire [5:0] encoder_q_data;
    wire encoder_q_valid, encoder_q_ready;
    wire [5:0] encoder_q__l0_norm_s_data;
    wire encoder_q__l0_norm_s_valid, encoder_q__l0_norm_s_ready;
    wire [5:0] encoder_q__l0_skip_s_data;
    wire encoder_q__l0_skip_s_valid, encoder_q__l0_skip_s_ready;
    wire [5:0] encoder_q__l0_norm_s_q_data;
    wire encoder_q__l0_norm_s_q_valid, encoder_q__l0_norm_s_q_ready;
    wire [15:0] l0_norm_data;
    wire l0_norm_valid, l0_norm_ready;
    wire [15:0] l0_norm__l0_normq_s_q_data;
    wire l0_norm__l0_normq_s_q_valid, l0_norm__l0_normq_s_q_ready;
    wire [5:0] l0_normq_data;
    wire l0_normq_valid, l0_normq_ready;
    wire [5:0] l0_normq__l0_cx_s_data;
    wire l0_normq__l0_cx_s_valid, l0_normq__l0_cx_s_ready;
    wire [5:0] l0_normq__l0_du_s_data;
    wire l0_normq__l0_du_s_valid, l0_normq__l0_du_s_ready;
    wire [11:0] l0_cx_data;
    wire l0_cx_valid, l0_cx_ready;
    wire [8:0] l0_du_data;
    wire l0_du_valid, l0_du_ready;
    wire [11:0] l0_ys_data;
    wire l0_ys_valid, l0_ys_ready;
    wire [5:0] l0_y_data;
    wire l0_y_valid, l0_y_ready;
    wire [6:0] l0_y__l0_act_s_w_data;
    wire l0_y__l0_act_s_w_valid, l0_y__l0_act_s_w_ready;
    wire [5:0] l0_act_data;
    wire l0_act_valid, l0_act_ready;
    wire [9:0] l0_mix_data;
    wire l0_mix_valid, l0_mix_ready;
    wire [9:0] l0_mix__l0_a_s_data;
    wire l0_mix__l0_a_s_valid, l0_mix__l0_a_s_ready;
    wire [9:0] l0_mix__l0_b_s_data;
    wire l0_mix__l0_b_s_valid, l0_mix__l0_b_s_ready;
    wire [9:0] l0_a_data;
    wire l0_a_valid, l0_a_ready;
    wire [9:0] l0_a__l0_value_s_q_data;
    wire l0_a__l0_value_s_q_valid, l0_a__l0_value_s_q_ready;
    wire [2:0] l0_value_data;
    wire l0_value_valid, l0_value_ready;
    wire [2:0] l0_value__l0_product_a_q_data;
    wire l0_value__l0_product_a_q_valid, l0_value__l0_product_a_q_ready;
    wire [9:0] l0_b_data;
    wire l0_b_valid, l0_b_ready;
    wire [9:0] l0_b__l0_gate_in_s_q_data;
    wire l0_b__l0_gate_in_s_q_valid, l0_b__l0_gate_in_s_q_ready;
    wire [2:0] l0_gate_in_data;
    wire l0_gate_in_valid, l0_gate_in_ready;
    wire [2:0] l0_gate_in__l0_gate_s_s_data;
    wire l0_gate_in__l0_gate_s_s_valid, l0_gate_in__l0_gate_s_s_ready;
    wire [6:0] l0_gate_in__l0_gate_s_w_data;
    wire l0_gate_in__l0_gate_s_w_valid, l0_gate_in__l0_gate_s_w_ready;
    wire [6:0] l0_gate_data;
    wire l0_gate_valid, l0_gate_ready;
    wire [7:0] l0_product_data;
    wire l0_product_valid, l0_product_ready;
    wire [8:0] l0_skip_data;
    wire l0_skip_valid, l0_skip_ready;
    wire [8:0] l0_skip__l0_sum_b_q_data;
    wire l0_skip__l0_sum_b_q_valid, l0_skip__l0_sum_b_q_ready;
    wire [8:0] l0_sum_data;
    wire l0_sum_valid, l0_sum_ready;
    wire [3:0] l0_out_data;
    wire l0_out_valid, l0_out_ready;
    wire [3:0] l0_out__l1_norm_s_data;
    wire l0_out__l1_norm_s_valid, l0_out__l1_norm_s_ready;
    wire [3:0] l0_out__l1_skip_s_data;
    wire l0_out__l1_skip_s_valid, l0_out__l1_skip_s_ready;
    wire [15:0] l1_norm_data;
    wire l1_norm_valid, l1_norm_ready;
    wire [15:0] l1_norm__l1_normq_s_q_data;
    wire l1_norm__l1_normq_s_q_valid, l1_norm__l1_normq_s_q_ready;
    wire [5:0] l1_normq_data;
    wire l1_normq_valid, l1_normq_ready;
    wire [5:0] l1_normq__l1_cx_s_data;
    wire l1_normq__l1_cx_s_valid, l1_normq__l1_cx_s_ready;
    wire [5:0] l1_normq__l1_du_s_data;
    wire l1_normq__l1_du_s_valid, l1_normq__l1_du_s_ready;
    wire [11:0] l1_cx_data;
    wire l1_cx_valid, l1_cx_ready;
    wire [7:0] l1_du_data;
    wire l1_du_valid, l1_du_ready;
    wire [11:0] l1_ys_data;
    wire l1_ys_valid, l1_ys_ready;
    wire [5:0] l1_y_data;
    wire l1_y_valid, l1_y_ready;
    wire [6:0] l1_y__l1_act_s_w_data;
    wire l1_y__l1_act_s_w_valid, l1_y__l1_act_s_w_ready;
    wire [5:0] l1_act_data;
    wire l1_act_valid, l1_act_ready;
    wire [9:0] l1_mix_data;
    wire l1_mix_valid, l1_mix_ready;
    wire [9:0] l1_mix__l1_a_s_data;
    wire l1_mix__l1_a_s_valid, l1_mix__l1_a_s_ready;
    wire [9:0] l1_mix__l1_b_s_data;
    wire l1_mix__l1_b_s_valid, l1_mix__l1_b_s_ready;
    wire [9:0] l1_a_data;
    wire l1_a_valid, l1_a_ready;
    wire [9:0] l1_a__l1_value_s_q_data;
    wire l1_a__l1_value_s_q_valid, l1_a__l1_value_s_q_ready;
    wire [3:0] l1_value_data;
    wire l1_value_valid, l1_value_ready;
    wire [3:0] l1_value__l1_product_a_q_data;
    wire l1_value__l1_product_a_q_valid, l1_value__l1_product_a_q_ready;
    wire [9:0] l1_b_data;
    wire l1_b_valid, l1_b_ready;
    wire [9:0] l1_b__l1_gate_in_s_q_data;
    wire l1_b__l1_gate_in_s_q_valid, l1_b__l1_gate_in_s_q_ready;
    wire [2:0] l1_gate_in_data;
    wire l1_gate_in_valid, l1_gate_in_ready;
    wire [2:0] l1_gate_in__l1_gate_s_s_data;
    wire l1_gate_in__l1_gate_s_s_valid, l1_gate_in__l1_gate_s_s_ready;
    wire [6:0] l1_gate_in__l1_gate_s_w_data;
    wire l1_gate_in__l1_gate_s_w_valid, l1_gate_in__l1_gate_s_w_ready;
    wire [6:0] l1_gate_data;
    wire l1_gate_valid, l1_gate_ready;
    wire [8:0] l1_product_data;
    wire l1_product_valid, l1_product_ready;
    wire [6:0] l1_skip_data;
    wire l1_skip_valid, l1_skip_ready;
    wire [6:0] l1_skip__l1_sum_b_q_data;
    wire l1_skip__l1_sum_b_q_valid, l1_skip__l1_sum_b_q_ready;
    wire [8:0] l1_sum_data;
    wire l1_sum_valid, l1_sum_ready;
    wire [2:0] l1_out_data;
    wire l1_out_valid, l1_out_ready;
    wire [20:0] total_s_data;
    wire total_s_valid, total_s_ready;
    wire [19:0] total_n_data;
    wire total_n_valid, total_n_ready;
    wire [1:0] one_data;
    wire one_valid, one_ready;
    wire [20:0] steps_s_data;
    wire steps_s_valid, steps_s_ready;
    wire [19:0] steps_n_data;
    wire steps_n_valid, steps_n_ready;
    wire [19:0] logits_end_x0_data;
    wire logits_end_x0_valid, logits_end_x0_ready;
    wire [26:0] logits_end_data;
    wire logits_end_valid, logits_end_ready;
    wire encoder_q_p_unused;
    wire encoder_q_saturated;
    wire l0_normq_p_unused;
    wire l0_normq_saturated;
    wire l0_cx_p_unused;
    wire l0_cx_saturated;
    wire l0_y_p_unused;
    wire l0_y_saturated;
    wire l0_value_p_unused;
    wire l0_value_saturated;
    wire l0_gate_in_p_unused;
    wire l0_gate_in_saturated;
    wire l0_out_p_unused;
    wire l0_out_saturated;
    wire l1_normq_p_unused;
    wire l1_normq_saturated;
    wire l1_cx_p_unused;
    wire l1_cx_saturated;
    wire l1_y_p_unused;
    wire l1_y_saturated;
    wire l1_value_p_unused;
    wire l1_value_saturated;
    wire l1_gate_in_p_unused;
    wire l1_gate_in_saturated;
    wire l1_out_p_unused;
    wire l1_out_saturated;
    wire total_n_p_unused;
    wire total_n_saturated;
    wire steps_n_p_unused;
    wire steps_n_saturated;
    wire frame_logits_t_unused;
    wire [26:0] out_logits_data;
    wire out_logits_last, out_logits_valid, out_logits_ready;
    assign m_data = out_logits_data;
    assign m_last = out_logits_last;
    assign m_valid = out_logits_valid;
    assign out_logits_ready = m_ready;

    // token has 4 readers
    qssm_fork #(.N(4)) token_fork (
        .clk(clk), .rst(rst), .s_valid(token_valid), .s_ready(token_ready), .m_valid({token__l1_cx_t_valid,
        token__l0_cx_t_valid, token__steps_t_valid, token__total_t_valid}), .m_ready({token__l1_cx_t_ready,
        token__l0_cx_t_ready, token__steps_t_ready, token__total_t_ready})
    );

    assign token__total_t_data = token_data;

    qssm_fifo #(.W(1), .DEPTH(6)) token__total_t_q_queue (
        .clk(clk), .rst(rst), .s_data(token__total_t_data), .s_valid(token__total_t_valid),
        .s_ready(token__total_t_ready), .m_data(token__total_t_q_data), .m_valid(token__total_t_q_valid),
        .m_ready(token__total_t_q_ready)
    );

    assign token__steps_t_data = token_data;

    assign token__l0_cx_t_data = token_data;

    qssm_fifo #(.W(1), .DEPTH(2)) token__l0_cx_t_q_queue (
        .clk(clk), .rst(rst), .s_data(token__l0_cx_t_data), .s_valid(token__l0_cx_t_valid),
        .s_ready(token__l0_cx_t_ready), .m_data(token__l0_cx_t_q_data), .m_valid(token__l0_cx_t_q_valid),
        .m_ready(token__l0_cx_t_q_ready)
    );

    assign token__l1_cx_t_data = token_data;

    qssm_fifo #(.W(1), .DEPTH(5)) token__l1_cx_t_q_queue (
        .clk(clk), .rst(rst), .s_data(token__l1_cx_t_data), .s_valid(token__l1_cx_t_valid),
        .s_ready(token__l1_cx_t_ready), .m_data(token__l1_cx_t_q_data), .m_valid(token__l1_cx_t_q_valid),
        .m_ready(token__l1_cx_t_q_ready)
    );

    // encoder_q has 2 readers
    qssm_fork #(.N(2)) encoder_q_fork (
        .clk(clk), .rst(rst), .s_valid(encoder_q_valid), .s_ready(encoder_q_ready),
        .m_valid({encoder_q__l0_skip_s_valid, encoder_q__l0_norm_s_valid}), .m_ready({encoder_q__l0_skip_s_ready,
        encoder_q__l0_norm_s_ready})
    );

    assign encoder_q__l0_norm_s_data = encoder_q_data;

    qssm_fifo #(.W(6), .DEPTH(2)) encoder_q__l0_norm_s_q_queue (
        .clk(clk), .rst(rst), .s_data(encoder_q__l0_norm_s_data), .s_valid(encoder_q__l0_norm_s_valid),
        .s_ready(encoder_q__l0_norm_s_ready), .m_data(encoder_q__l0_norm_s_q_data),
        .m_valid(encoder_q__l0_norm_s_q_valid), .m_ready(encoder_q__l0_norm_s_q_ready)
    );

    assign encoder_q__l0_skip_s_data = encoder_q_data;

    qssm_fifo #(.W(16), .DEPTH(2)) l0_norm__l0_normq_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l0_norm_data), .s_valid(l0_norm_valid), .s_ready(l0_norm_ready),
        .m_data(l0_norm__l0_normq_s_q_data), .m_valid(l0_norm__l0_normq_s_q_valid),
        .m_ready(l0_norm__l0_normq_s_q_ready)
    );

    // l0_normq has 2 readers
    qssm_fork #(.N(2)) l0_normq_fork (
        .clk(clk), .rst(rst), .s_valid(l0_normq_valid), .s_ready(l0_normq_ready), .m_valid({l0_normq__l0_du_s_valid,
        l0_normq__l0_cx_s_valid}), .m_ready({l0_normq__l0_du_s_ready, l0_normq__l0_cx_s_ready})
    );

    assign l0_normq__l0_cx_s_data = l0_normq_data;

    assign l0_normq__l0_du_s_data = l0_normq_data;

    qssm_resize #(.IW(6), .OW(7)) l0_y__l0_act_s_w_fit (
        .s(l0_y_data), .m(l0_y__l0_act_s_w_data)
    );

    assign l0_y__l0_act_s_w_valid = l0_y_valid;
    assign l0_y_ready = l0_y__l0_act_s_w_ready;

    // l0_mix has 2 readers
    qssm_fork #(.N(2)) l0_mix_fork (
        .clk(clk), .rst(rst), .s_valid(l0_mix_valid), .s_ready(l0_mix_ready), .m_valid({l0_mix__l0_b_s_valid,
        l0_mix__l0_a_s_valid}), .m_ready({l0_mix__l0_b_s_ready, l0_mix__l0_a_s_ready})
    );

    assign l0_mix__l0_a_s_data = l0_mix_data;

    assign l0_mix__l0_b_s_data = l0_mix_data;

    qssm_fifo #(.W(10), .DEPTH(2)) l0_a__l0_value_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l0_a_data), .s_valid(l0_a_valid), .s_ready(l0_a_ready),
        .m_data(l0_a__l0_value_s_q_data), .m_valid(l0_a__l0_value_s_q_valid), .m_ready(l0_a__l0_value_s_q_ready)
    );

    qssm_fifo #(.W(3), .DEPTH(2)) l0_value__l0_product_a_q_queue (
        .clk(clk), .rst(rst), .s_data(l0_value_data), .s_valid(l0_value_valid), .s_ready(l0_value_ready),
        .m_data(l0_value__l0_product_a_q_data), .m_valid(l0_value__l0_product_a_q_valid),
        .m_ready(l0_value__l0_product_a_q_ready)
    );

    qssm_fifo #(.W(10), .DEPTH(2)) l0_b__l0_gate_in_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l0_b_data), .s_valid(l0_b_valid), .s_ready(l0_b_ready),
        .m_data(l0_b__l0_gate_in_s_q_data), .m_valid(l0_b__l0_gate_in_s_q_valid), .m_ready(l0_b__l0_gate_in_s_q_ready)
    );

    qssm_skid #(.W(3)) l0_gate_in__l0_gate_s_s_skid (
        .clk(clk), .rst(rst), .s_data(l0_gate_in_data), .s_valid(l0_gate_in_valid), .s_ready(l0_gate_in_ready),
        .m_data(l0_gate_in__l0_gate_s_s_data), .m_valid(l0_gate_in__l0_gate_s_s_valid),
        .m_ready(l0_gate_in__l0_gate_s_s_ready)
    );

    qssm_resize #(.IW(3), .OW(7)) l0_gate_in__l0_gate_s_w_fit (
        .s(l0_gate_in__l0_gate_s_s_data), .m(l0_gate_in__l0_gate_s_w_data)
    );

    assign l0_gate_in__l0_gate_s_w_valid = l0_gate_in__l0_gate_s_s_valid;
    assign l0_gate_in__l0_gate_s_s_ready = l0_gate_in__l0_gate_s_w_ready;

    qssm_fifo #(.W(9), .DEPTH(7)) l0_skip__l0_sum_b_q_queue (
        .clk(clk), .rst(rst), .s_data(l0_skip_data), .s_valid(l0_skip_valid), .s_ready(l0_skip_ready),
        .m_data(l0_skip__l0_sum_b_q_data), .m_valid(l0_skip__l0_sum_b_q_valid), .m_ready(l0_skip__l0_sum_b_q_ready)
    );

    // l0_out has 2 readers
    qssm_fork #(.N(2)) l0_out_fork (
        .clk(clk), .rst(rst), .s_valid(l0_out_valid), .s_ready(l0_out_ready), .m_valid({l0_out__l1_skip_s_valid,
        l0_out__l1_norm_s_valid}), .m_ready({l0_out__l1_skip_s_ready, l0_out__l1_norm_s_ready})
    );

    assign l0_out__l1_norm_s_data = l0_out_data;

    assign l0_out__l1_skip_s_data = l0_out_data;

    qssm_fifo #(.W(16), .DEPTH(2)) l1_norm__l1_normq_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l1_norm_data), .s_valid(l1_norm_valid), .s_ready(l1_norm_ready),
        .m_data(l1_norm__l1_normq_s_q_data), .m_valid(l1_norm__l1_normq_s_q_valid),
        .m_ready(l1_norm__l1_normq_s_q_ready)
    );

    // l1_normq has 2 readers
    qssm_fork #(.N(2)) l1_normq_fork (
        .clk(clk), .rst(rst), .s_valid(l1_normq_valid), .s_ready(l1_normq_ready), .m_valid({l1_normq__l1_du_s_valid,
        l1_normq__l1_cx_s_valid}), .m_ready({l1_normq__l1_du_s_ready, l1_normq__l1_cx_s_ready})
    );

    assign l1_normq__l1_cx_s_data = l1_normq_data;

    assign l1_normq__l1_du_s_data = l1_normq_data;

    qssm_resize #(.IW(6), .OW(7)) l1_y__l1_act_s_w_fit (
        .s(l1_y_data), .m(l1_y__l1_act_s_w_data)
    );

    assign l1_y__l1_act_s_w_valid = l1_y_valid;
    assign l1_y_ready = l1_y__l1_act_s_w_ready;

    // l1_mix has 2 readers
    qssm_fork #(.N(2)) l1_mix_fork (
        .clk(clk), .rst(rst), .s_valid(l1_mix_valid), .s_ready(l1_mix_ready), .m_valid({l1_mix__l1_b_s_valid,
        l1_mix__l1_a_s_valid}), .m_ready({l1_mix__l1_b_s_ready, l1_mix__l1_a_s_ready})
    );

    assign l1_mix__l1_a_s_data = l1_mix_data;

    assign l1_mix__l1_b_s_data = l1_mix_data;

    qssm_fifo #(.W(10), .DEPTH(2)) l1_a__l1_value_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l1_a_data), .s_valid(l1_a_valid), .s_ready(l1_a_ready),
        .m_data(l1_a__l1_value_s_q_data), .m_valid(l1_a__l1_value_s_q_valid), .m_ready(l1_a__l1_value_s_q_ready)
    );

    qssm_fifo #(.W(4), .DEPTH(2)) l1_value__l1_product_a_q_queue (
        .clk(clk), .rst(rst), .s_data(l1_value_data), .s_valid(l1_value_valid), .s_ready(l1_value_ready),
        .m_data(l1_value__l1_product_a_q_data), .m_valid(l1_value__l1_product_a_q_valid),
        .m_ready(l1_value__l1_product_a_q_ready)
    );

    qssm_fifo #(.W(10), .DEPTH(2)) l1_b__l1_gate_in_s_q_queue (
        .clk(clk), .rst(rst), .s_data(l1_b_data), .s_valid(l1_b_valid), .s_ready(l1_b_ready),
        .m_data(l1_b__l1_gate_in_s_q_data), .m_valid(l1_b__l1_gate_in_s_q_valid), .m_ready(l1_b__l1_gate_in_s_q_ready)
    );

    qssm_skid #(.W(3)) l1_gate_in__l1_gate_s_s_skid (
        .clk(clk), .rst(rst), .s_data(l1_gate_in_data), .s_valid(l1_gate_in_valid), .s_ready(l1_gate_in_ready),
        .m_data(l1_gate_in__l1_gate_s_s_data), .m_valid(l1_gate_in__l1_gate_s_s_valid),
        .m_ready(l1_gate_in__l1_gate_s_s_ready)
    );

    qssm_resize #(.IW(3), .OW(7)) l1_gate_in__l1_gate_s_w_fit (
        .s(l1_gate_in__l1_gate_s_s_data), .m(l1_gate_in__l1_gate_s_w_data)
    );

    assign l1_gate_in__l1_gate_s_w_valid = l1_gate_in__l1_gate_s_s_valid;
    assign l1_gate_in__l1_gate_s_s_ready = l1_gate_in__l1_gate_s_w_ready;

    qssm_fifo #(.W(7), .DEPTH(6)) l1_skip__l1_sum_b_q_queue (
        .clk(clk), .rst(rst), .s_data(l1_skip_data), .s_valid(l1_skip_valid), .s_ready(l1_skip_ready),
        .m_data(l1_skip__l1_sum_b_q_data), .m_valid(l1_skip__l1_sum_b_q_valid), .m_ready(l1_skip__l1_sum_b_q_ready)
    );

    // %u : u8[1] = input from "input"
    qssm_source #(.W(9), .N(1)) source_cell (
        .clk(clk), .rst(rst), .s_data(s_wide), .s_valid(s_valid), .s_ready(s_ready), .s_last(s_last), .m_data(u_data),
        .m_valid(u_valid), .m_ready(u_ready), .t_data(token_data), .t_valid(token_valid), .t_ready(token_ready)
    );

    // %total : i20[2] = state from "pool"
    qssm_state #(.W(20), .N(2), .LAST(1)) total_cell (
        .clk(clk), .rst(rst), .t_data(token__total_t_q_data), .t_valid(token__total_t_q_valid),
        .t_ready(token__total_t_q_ready), .s_data(total_n_data), .s_valid(total_n_valid), .s_ready(total_n_ready),
        .m_data(total_data), .m_valid(total_valid), .m_ready(total_ready), .l_data(total_end_data),
        .l_valid(total_end_valid), .l_ready(total_end_ready)
    );

    // %steps : u19[1] = state from "pool"
    qssm_state #(.W(20), .N(1), .LAST(1)) steps_cell (
        .clk(clk), .rst(rst), .t_data(token__steps_t_data), .t_valid(token__steps_t_valid),
        .t_ready(token__steps_t_ready), .s_data(steps_n_data), .s_valid(steps_n_valid), .s_ready(steps_n_ready),
        .m_data(steps_data), .m_valid(steps_valid), .m_ready(steps_ready), .l_data(steps_end_data),
        .l_valid(steps_end_valid), .l_ready(steps_end_ready)
    );

    // %encoder : i12[2] = matvec %u weight=@encoder.weight bias=@encoder.bias from "encoder"
    qssm_dot #(
        .XW(9), .WW(4), .BW(7), .OW(12), .IN(1), .OUT(2), .M(1), .K(1), .SERIAL(1), .WEIGHTS("mem/encoder_weights.mem"),
        .FIXED(0), .BIASES("mem/encoder_biases.mem")
    ) encoder_cell (
        .clk(clk), .rst(rst), .s_data(u_data), .s_valid(u_valid), .s_ready(u_ready), .m_data(encoder_data),
        .m_valid(encoder_valid), .m_ready(encoder_ready)
    );

    // %encoder_q : i6[2] = requant %encoder multiplier=1 shift=@encoder_q.shift low=-32 high=31 from "encoder_q"
    qssm_requant #(
        .XW(12), .IW(12), .OW(6), .SW(1), .MIN(5), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(13'hfc0), .SLOW(1)
    ) encoder_q_cell (
        .clk(clk), .rst(rst), .s_data(encoder_data), .s_valid(encoder_valid), .s_ready(encoder_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(encoder_q_p_unused), .m_data(encoder_q_data), .m_valid(encoder_q_valid),
        .m_ready(encoder_q_ready), .saturated(encoder_q_saturated)
    );

    // %l0_norm : i16[2] = normalize %encoder_q eps=5 frac=12 from "l0"
    qssm_norm #(.XW(6), .OW(16), .N(2), .FRAC(12), .VW(14), .EPS(14'h5)) l0_norm_cell (
        .clk(clk), .rst(rst), .s_data(encoder_q__l0_norm_s_q_data), .s_valid(encoder_q__l0_norm_s_q_valid),
        .s_ready(encoder_q__l0_norm_s_q_ready), .m_data(l0_norm_data), .m_valid(l0_norm_valid), .m_ready(l0_norm_ready)
    );

    // %l0_normq : i6[2] = requant %l0_norm multiplier=1 shift=@l0_normq.shift low=-32 high=31 from "l0_normq"
    qssm_requant #(
        .XW(16), .IW(16), .OW(6), .SW(1), .MIN(9), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(13'hfc0), .SLOW(1)
    ) l0_normq_cell (
        .clk(clk), .rst(rst), .s_data(l0_norm__l0_normq_s_q_data), .s_valid(l0_norm__l0_normq_s_q_valid),
        .s_ready(l0_norm__l0_normq_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l0_normq_p_unused),
        .m_data(l0_normq_data), .m_valid(l0_normq_valid), .m_ready(l0_normq_ready), .saturated(l0_normq_saturated)
    );

    // %l0_x : ci8[3] = state from "l0.ssm"
    // %l0_ax : ci16[3] = diag %l0_x lambda_bar=@l0_ax.lambda_bar from "l0.ssm"
    // %l0_x1 : ci19[3] = shift_left %l0_x amount=@l0_x1.amount from "l0.ssm"
    // %l0_bu : ci9[3] = inject %l0_normq b_bar=@l0_bu.b_bar heads=@l0_bu.heads from "l0.ssm"
    // %l0_bu1 : ci13[3] = shift_left %l0_bu amount=@l0_bu1.amount from "l0.ssm"
    // %l0_xs : ci20[3] = add %l0_ax %l0_x1 %l0_bu1 from "l0.ssm"
    // %l0_xn : ci8[3] = requant %l0_xs multiplier=1 shift=@l0_xn.shift low=-127 high=127 from "l0.ssm"
    // %l0_cx : i12[2] = readout %l0_xn c=@l0_cx.c heads=@l0_cx.heads channels=2 from "l0.ssm"
    qssm_ssm #(
        .P(1), .UW(6), .XW(8), .KEEP(2), .XS_MIN(0), .XS_W(1), .BS_MIN(4), .BS_W(1), .RS_MIN(10), .RS_W(1),
        .CL_TABLE(0), .CL_MIN(2), .CL_W(1), .LOW(8'h81), .HIGH(8'h7f), .AW(8), .BW(4), .CW(4), .B_COMPLEX(1), .TW(16),
        .YW(12), .BEATS(3), .PERIOD(10), .QUEUE(6), .SPLIT(0), .DITHER(0), .PW(1), .FILE("mem/l0_cx.mem")
    ) l0_cx_cell (
        .clk(clk), .rst(rst), .s_data(l0_normq__l0_cx_s_data), .s_valid(l0_normq__l0_cx_s_valid),
        .s_ready(l0_normq__l0_cx_s_ready), .t_data(token__l0_cx_t_q_data), .t_valid(token__l0_cx_t_q_valid),
        .t_ready(token__l0_cx_t_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l0_cx_p_unused), .m_data(l0_cx_data),
        .m_valid(l0_cx_valid), .m_ready(l0_cx_ready), .saturated(l0_cx_saturated)
    );

    // %l0_du : i9[2] = scale %l0_normq factor=@l0_du.factor from "l0.ssm"
    qssm_scale #(.XW(6), .FW(4), .OW(9), .N(2), .SERIAL(1), .FIXED(0), .FILE("mem/l0_du.mem")) l0_du_cell (
        .clk(clk), .rst(rst), .s_data(l0_normq__l0_du_s_data), .s_valid(l0_normq__l0_du_s_valid),
        .s_ready(l0_normq__l0_du_s_ready), .m_data(l0_du_data), .m_valid(l0_du_valid), .m_ready(l0_du_ready)
    );

    // %l0_ys : i12[2] = add %l0_cx %l0_du from "l0.ssm"
    qssm_add #(.AW(12), .BW(9), .OW(12), .SUBTRACT(0)) l0_ys_cell (
        .clk(clk), .rst(rst), .a_data(l0_cx_data), .a_valid(l0_cx_valid), .a_ready(l0_cx_ready), .b_data(l0_du_data),
        .b_valid(l0_du_valid), .b_ready(l0_du_ready), .m_data(l0_ys_data), .m_valid(l0_ys_valid), .m_ready(l0_ys_ready)
    );

    // %l0_y : i6[2] = requant %l0_ys multiplier=1 shift=@l0_y.shift low=-32 high=31 from "l0_y"
    qssm_requant #(
        .XW(12), .IW(12), .OW(6), .SW(1), .MIN(5), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(13'hfc0), .SLOW(1)
    ) l0_y_cell (
        .clk(clk), .rst(rst), .s_data(l0_ys_data), .s_valid(l0_ys_valid), .s_ready(l0_ys_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(l0_y_p_unused), .m_data(l0_y_data), .m_valid(l0_y_valid), .m_ready(l0_y_ready),
        .saturated(l0_y_saturated)
    );

    // %l0_act : i6[2] = lut %l0_y entries=@l0_act.entries first=-32 from "l0.activation"
    qssm_lut #(
        .XW(7), .OW(6), .N(2), .TW(6), .T(64), .SPLIT(0), .FILE("mem/l0_act.mem"), .FIXED(1), .FIRST(7'h60)
    ) l0_act_cell (
        .clk(clk), .rst(rst), .s_data(l0_y__l0_act_s_w_data), .s_valid(l0_y__l0_act_s_w_valid),
        .s_ready(l0_y__l0_act_s_w_ready), .m_data(l0_act_data), .m_valid(l0_act_valid), .m_ready(l0_act_ready)
    );

    // %l0_mix : i10[4] = matvec %l0_act weight=@l0_mix.weight bias=@l0_mix.bias from "l0_mix"
    qssm_dot #(
        .XW(6), .WW(4), .BW(8), .OW(10), .IN(2), .OUT(4), .M(1), .K(1), .SERIAL(2), .WEIGHTS("mem/l0_mix_weights.mem"),
        .FIXED(0), .BIASES("mem/l0_mix_biases.mem")
    ) l0_mix_cell (
        .clk(clk), .rst(rst), .s_data(l0_act_data), .s_valid(l0_act_valid), .s_ready(l0_act_ready),
        .m_data(l0_mix_data), .m_valid(l0_mix_valid), .m_ready(l0_mix_ready)
    );

    // %l0_a : i10[2] = slice %l0_mix start=0 stop=2
    qssm_select #(.W(10), .N(4), .MASK(4'h3)) l0_a_cell (
        .clk(clk), .rst(rst), .s_data(l0_mix__l0_a_s_data), .s_valid(l0_mix__l0_a_s_valid),
        .s_ready(l0_mix__l0_a_s_ready), .m_data(l0_a_data), .m_valid(l0_a_valid), .m_ready(l0_a_ready)
    );

    // %l0_value : i3[2] = requant %l0_a multiplier=1 shift=@l0_value.shift low=-32 high=31 from "l0_value"
    qssm_requant #(
        .XW(10), .IW(10), .OW(3), .SW(1), .MIN(7), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(7'h38), .SLOW(1)
    ) l0_value_cell (
        .clk(clk), .rst(rst), .s_data(l0_a__l0_value_s_q_data), .s_valid(l0_a__l0_value_s_q_valid),
        .s_ready(l0_a__l0_value_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l0_value_p_unused),
        .m_data(l0_value_data), .m_valid(l0_value_valid), .m_ready(l0_value_ready), .saturated(l0_value_saturated)
    );

    // %l0_b : i9[2] = slice %l0_mix start=2 stop=4
    qssm_select #(.W(10), .N(4), .MASK(4'hc)) l0_b_cell (
        .clk(clk), .rst(rst), .s_data(l0_mix__l0_b_s_data), .s_valid(l0_mix__l0_b_s_valid),
        .s_ready(l0_mix__l0_b_s_ready), .m_data(l0_b_data), .m_valid(l0_b_valid), .m_ready(l0_b_ready)
    );

    // %l0_gate_in : i3[2] = requant %l0_b multiplier=1 shift=@l0_gate_in.shift low=-32 high=31 from "l0_gate_in"
    qssm_requant #(
        .XW(10), .IW(10), .OW(3), .SW(1), .MIN(6), .N(2), .DITHER(0), .PW(1), .FIXED(0), .FILE("mem/l0_gate_in.mem"),
        .SLOW(1)
    ) l0_gate_in_cell (
        .clk(clk), .rst(rst), .s_data(l0_b__l0_gate_in_s_q_data), .s_valid(l0_b__l0_gate_in_s_q_valid),
        .s_ready(l0_b__l0_gate_in_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l0_gate_in_p_unused),
        .m_data(l0_gate_in_data), .m_valid(l0_gate_in_valid), .m_ready(l0_gate_in_ready),
        .saturated(l0_gate_in_saturated)
    );

    // %l0_gate : u6[2] = lut %l0_gate_in entries=@l0_gate.entries first=-32 from "l0"
    qssm_lut #(
        .XW(7), .OW(7), .N(2), .TW(6), .T(64), .SPLIT(1), .FILE("mem/l0_gate.mem"), .FIXED(1), .FIRST(7'h60)
    ) l0_gate_cell (
        .clk(clk), .rst(rst), .s_data(l0_gate_in__l0_gate_s_w_data), .s_valid(l0_gate_in__l0_gate_s_w_valid),
        .s_ready(l0_gate_in__l0_gate_s_w_ready), .m_data(l0_gate_data), .m_valid(l0_gate_valid), .m_ready(l0_gate_ready)
    );

    // %l0_product : i8[2] = mul %l0_value %l0_gate from "l0.glu"
    qssm_product #(.AW(3), .BW(7), .OW(8), .SERIAL(1)) l0_product_cell (
        .clk(clk), .rst(rst), .a_data(l0_value__l0_product_a_q_data), .a_valid(l0_value__l0_product_a_q_valid),
        .a_ready(l0_value__l0_product_a_q_ready), .b_data(l0_gate_data), .b_valid(l0_gate_valid),
        .b_ready(l0_gate_ready), .m_data(l0_product_data), .m_valid(l0_product_valid), .m_ready(l0_product_ready)
    );

    // %l0_skip : i9[2] = shift_left %encoder_q amount=@l0_skip.amount from "l0"
    qssm_shift #(.XW(6), .SW(2), .OW(9), .N(2), .FIXED(1), .WORD(2'h3)) l0_skip_cell (
        .clk(clk), .rst(rst), .s_data(encoder_q__l0_skip_s_data), .s_valid(encoder_q__l0_skip_s_valid),
        .s_ready(encoder_q__l0_skip_s_ready), .m_data(l0_skip_data), .m_valid(l0_skip_valid), .m_ready(l0_skip_ready)
    );

    // %l0_sum : i9[2] = add %l0_product %l0_skip from "l0"
    qssm_add #(.AW(8), .BW(9), .OW(9), .SUBTRACT(0)) l0_sum_cell (
        .clk(clk), .rst(rst), .a_data(l0_product_data), .a_valid(l0_product_valid), .a_ready(l0_product_ready),
        .b_data(l0_skip__l0_sum_b_q_data), .b_valid(l0_skip__l0_sum_b_q_valid), .b_ready(l0_skip__l0_sum_b_q_ready),
        .m_data(l0_sum_data), .m_valid(l0_sum_valid), .m_ready(l0_sum_ready)
    );

    // %l0_out : i4[2] = requant %l0_sum multiplier=1 shift=@l0_out.shift low=-32 high=31 from "l0_out"
    qssm_requant #(
        .XW(9), .IW(10), .OW(4), .SW(1), .MIN(6), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(9'hf0), .SLOW(1)
    ) l0_out_cell (
        .clk(clk), .rst(rst), .s_data(l0_sum_data), .s_valid(l0_sum_valid), .s_ready(l0_sum_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(l0_out_p_unused), .m_data(l0_out_data), .m_valid(l0_out_valid), .m_ready(l0_out_ready),
        .saturated(l0_out_saturated)
    );

    // %l1_norm : i16[2] = normalize %l0_out eps=5 frac=12 from "l1"
    qssm_norm #(.XW(4), .OW(16), .N(2), .FRAC(12), .VW(10), .EPS(10'h5)) l1_norm_cell (
        .clk(clk), .rst(rst), .s_data(l0_out__l1_norm_s_data), .s_valid(l0_out__l1_norm_s_valid),
        .s_ready(l0_out__l1_norm_s_ready), .m_data(l1_norm_data), .m_valid(l1_norm_valid), .m_ready(l1_norm_ready)
    );

    // %l1_normq : i6[2] = requant %l1_norm multiplier=1 shift=@l1_normq.shift low=-32 high=31 from "l1_normq"
    qssm_requant #(
        .XW(16), .IW(16), .OW(6), .SW(1), .MIN(10), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(13'hfc0), .SLOW(1)
    ) l1_normq_cell (
        .clk(clk), .rst(rst), .s_data(l1_norm__l1_normq_s_q_data), .s_valid(l1_norm__l1_normq_s_q_valid),
        .s_ready(l1_norm__l1_normq_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l1_normq_p_unused),
        .m_data(l1_normq_data), .m_valid(l1_normq_valid), .m_ready(l1_normq_ready), .saturated(l1_normq_saturated)
    );

    // %l1_x : ci8[3] = state from "l1.ssm"
    // %l1_ax : ci16[3] = diag %l1_x lambda_bar=@l1_ax.lambda_bar from "l1.ssm"
    // %l1_x1 : ci19[3] = shift_left %l1_x amount=@l1_x1.amount from "l1.ssm"
    // %l1_bu : ci8[3] = inject %l1_normq b_bar=@l1_bu.b_bar heads=@l1_bu.heads from "l1.ssm"
    // %l1_bu1 : ci13[3] = shift_left %l1_bu amount=@l1_bu1.amount from "l1.ssm"
    // %l1_xs : ci20[3] = add %l1_ax %l1_x1 %l1_bu1 from "l1.ssm"
    // %l1_xn : ci8[3] = requant %l1_xs multiplier=1 shift=@l1_xn.shift low=-127 high=127 from "l1.ssm"
    // %l1_cx : i12[2] = readout %l1_xn c=@l1_cx.c heads=@l1_cx.heads channels=2 from "l1.ssm"
    qssm_ssm #(
        .P(1), .UW(6), .XW(8), .KEEP(2), .XS_MIN(0), .XS_W(1), .BS_MIN(5), .BS_W(1), .RS_MIN(11), .RS_W(1),
        .CL_TABLE(0), .CL_MIN(2), .CL_W(1), .LOW(8'h81), .HIGH(8'h7f), .AW(8), .BW(4), .CW(4), .B_COMPLEX(1), .TW(17),
        .YW(12), .BEATS(3), .PERIOD(10), .QUEUE(6), .SPLIT(0), .DITHER(0), .PW(1), .FILE("mem/l1_cx.mem")
    ) l1_cx_cell (
        .clk(clk), .rst(rst), .s_data(l1_normq__l1_cx_s_data), .s_valid(l1_normq__l1_cx_s_valid),
        .s_ready(l1_normq__l1_cx_s_ready), .t_data(token__l1_cx_t_q_data), .t_valid(token__l1_cx_t_q_valid),
        .t_ready(token__l1_cx_t_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l1_cx_p_unused), .m_data(l1_cx_data),
        .m_valid(l1_cx_valid), .m_ready(l1_cx_ready), .saturated(l1_cx_saturated)
    );

    // %l1_du : i8[2] = scale %l1_normq factor=@l1_du.factor from "l1.ssm"
    qssm_scale #(.XW(6), .FW(4), .OW(8), .N(2), .SERIAL(1), .FIXED(0), .FILE("mem/l1_du.mem")) l1_du_cell (
        .clk(clk), .rst(rst), .s_data(l1_normq__l1_du_s_data), .s_valid(l1_normq__l1_du_s_valid),
        .s_ready(l1_normq__l1_du_s_ready), .m_data(l1_du_data), .m_valid(l1_du_valid), .m_ready(l1_du_ready)
    );

    // %l1_ys : i12[2] = add %l1_cx %l1_du from "l1.ssm"
    qssm_add #(.AW(12), .BW(8), .OW(12), .SUBTRACT(0)) l1_ys_cell (
        .clk(clk), .rst(rst), .a_data(l1_cx_data), .a_valid(l1_cx_valid), .a_ready(l1_cx_ready), .b_data(l1_du_data),
        .b_valid(l1_du_valid), .b_ready(l1_du_ready), .m_data(l1_ys_data), .m_valid(l1_ys_valid), .m_ready(l1_ys_ready)
    );

    // %l1_y : i6[2] = requant %l1_ys multiplier=1 shift=@l1_y.shift low=-32 high=31 from "l1_y"
    qssm_requant #(
        .XW(12), .IW(12), .OW(6), .SW(1), .MIN(5), .N(2), .DITHER(0), .PW(1), .FIXED(0), .FILE("mem/l1_y.mem"), .SLOW(1)
    ) l1_y_cell (
        .clk(clk), .rst(rst), .s_data(l1_ys_data), .s_valid(l1_ys_valid), .s_ready(l1_ys_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(l1_y_p_unused), .m_data(l1_y_data), .m_valid(l1_y_valid), .m_ready(l1_y_ready),
        .saturated(l1_y_saturated)
    );

    // %l1_act : i6[2] = lut %l1_y entries=@l1_act.entries first=-32 from "l1.activation"
    qssm_lut #(
        .XW(7), .OW(6), .N(2), .TW(6), .T(64), .SPLIT(0), .FILE("mem/l1_act.mem"), .FIXED(1), .FIRST(7'h60)
    ) l1_act_cell (
        .clk(clk), .rst(rst), .s_data(l1_y__l1_act_s_w_data), .s_valid(l1_y__l1_act_s_w_valid),
        .s_ready(l1_y__l1_act_s_w_ready), .m_data(l1_act_data), .m_valid(l1_act_valid), .m_ready(l1_act_ready)
    );

    // %l1_mix : i10[4] = matvec %l1_act weight=@l1_mix.weight bias=@l1_mix.bias from "l1_mix"
    qssm_dot #(
        .XW(6), .WW(4), .BW(8), .OW(10), .IN(2), .OUT(4), .M(1), .K(1), .SERIAL(2), .WEIGHTS("mem/l1_mix_weights.mem"),
        .FIXED(0), .BIASES("mem/l1_mix_biases.mem")
    ) l1_mix_cell (
        .clk(clk), .rst(rst), .s_data(l1_act_data), .s_valid(l1_act_valid), .s_ready(l1_act_ready),
        .m_data(l1_mix_data), .m_valid(l1_mix_valid), .m_ready(l1_mix_ready)
    );

    // %l1_a : i10[2] = slice %l1_mix start=0 stop=2
    qssm_select #(.W(10), .N(4), .MASK(4'h3)) l1_a_cell (
        .clk(clk), .rst(rst), .s_data(l1_mix__l1_a_s_data), .s_valid(l1_mix__l1_a_s_valid),
        .s_ready(l1_mix__l1_a_s_ready), .m_data(l1_a_data), .m_valid(l1_a_valid), .m_ready(l1_a_ready)
    );

    // %l1_value : i4[2] = requant %l1_a multiplier=1 shift=@l1_value.shift low=-32 high=31 from "l1_value"
    qssm_requant #(
        .XW(10), .IW(10), .OW(4), .SW(1), .MIN(6), .N(2), .DITHER(0), .PW(1), .FIXED(0), .FILE("mem/l1_value.mem"),
        .SLOW(1)
    ) l1_value_cell (
        .clk(clk), .rst(rst), .s_data(l1_a__l1_value_s_q_data), .s_valid(l1_a__l1_value_s_q_valid),
        .s_ready(l1_a__l1_value_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l1_value_p_unused),
        .m_data(l1_value_data), .m_valid(l1_value_valid), .m_ready(l1_value_ready), .saturated(l1_value_saturated)
    );

    // %l1_b : i9[2] = slice %l1_mix start=2 stop=4
    qssm_select #(.W(10), .N(4), .MASK(4'hc)) l1_b_cell (
        .clk(clk), .rst(rst), .s_data(l1_mix__l1_b_s_data), .s_valid(l1_mix__l1_b_s_valid),
        .s_ready(l1_mix__l1_b_s_ready), .m_data(l1_b_data), .m_valid(l1_b_valid), .m_ready(l1_b_ready)
    );

    // %l1_gate_in : i3[2] = requant %l1_b multiplier=1 shift=@l1_gate_in.shift low=-32 high=31 from "l1_gate_in"
    qssm_requant #(
        .XW(10), .IW(10), .OW(3), .SW(1), .MIN(6), .N(2), .DITHER(0), .PW(1), .FIXED(0), .FILE("mem/l1_gate_in.mem"),
        .SLOW(1)
    ) l1_gate_in_cell (
        .clk(clk), .rst(rst), .s_data(l1_b__l1_gate_in_s_q_data), .s_valid(l1_b__l1_gate_in_s_q_valid),
        .s_ready(l1_b__l1_gate_in_s_q_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(l1_gate_in_p_unused),
        .m_data(l1_gate_in_data), .m_valid(l1_gate_in_valid), .m_ready(l1_gate_in_ready),
        .saturated(l1_gate_in_saturated)
    );

    // %l1_gate : u6[2] = lut %l1_gate_in entries=@l1_gate.entries first=-32 from "l1"
    qssm_lut #(
        .XW(7), .OW(7), .N(2), .TW(6), .T(64), .SPLIT(1), .FILE("mem/l1_gate.mem"), .FIXED(1), .FIRST(7'h60)
    ) l1_gate_cell (
        .clk(clk), .rst(rst), .s_data(l1_gate_in__l1_gate_s_w_data), .s_valid(l1_gate_in__l1_gate_s_w_valid),
        .s_ready(l1_gate_in__l1_gate_s_w_ready), .m_data(l1_gate_data), .m_valid(l1_gate_valid), .m_ready(l1_gate_ready)
    );

    // %l1_product : i9[2] = mul %l1_value %l1_gate from "l1.glu"
    qssm_product #(.AW(4), .BW(7), .OW(9), .SERIAL(1)) l1_product_cell (
        .clk(clk), .rst(rst), .a_data(l1_value__l1_product_a_q_data), .a_valid(l1_value__l1_product_a_q_valid),
        .a_ready(l1_value__l1_product_a_q_ready), .b_data(l1_gate_data), .b_valid(l1_gate_valid),
        .b_ready(l1_gate_ready), .m_data(l1_product_data), .m_valid(l1_product_valid), .m_ready(l1_product_ready)
    );

    // %l1_skip : i7[2] = shift_left %l0_out amount=@l1_skip.amount from "l1"
    qssm_shift #(.XW(4), .SW(3), .OW(7), .N(2), .FIXED(0), .FILE("mem/l1_skip.mem")) l1_skip_cell (
        .clk(clk), .rst(rst), .s_data(l0_out__l1_skip_s_data), .s_valid(l0_out__l1_skip_s_valid),
        .s_ready(l0_out__l1_skip_s_ready), .m_data(l1_skip_data), .m_valid(l1_skip_valid), .m_ready(l1_skip_ready)
    );

    // %l1_sum : i9[2] = add %l1_product %l1_skip from "l1"
    qssm_add #(.AW(9), .BW(7), .OW(9), .SUBTRACT(0)) l1_sum_cell (
        .clk(clk), .rst(rst), .a_data(l1_product_data), .a_valid(l1_product_valid), .a_ready(l1_product_ready),
        .b_data(l1_skip__l1_sum_b_q_data), .b_valid(l1_skip__l1_sum_b_q_valid), .b_ready(l1_skip__l1_sum_b_q_ready),
        .m_data(l1_sum_data), .m_valid(l1_sum_valid), .m_ready(l1_sum_ready)
    );

    // %l1_out : i3[2] = requant %l1_sum multiplier=1 shift=@l1_out.shift low=-32 high=31 from "l1_out"
    qssm_requant #(
        .XW(9), .IW(9), .OW(3), .SW(1), .MIN(6), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(7'h38), .SLOW(1)
    ) l1_out_cell (
        .clk(clk), .rst(rst), .s_data(l1_sum_data), .s_valid(l1_sum_valid), .s_ready(l1_sum_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(l1_out_p_unused), .m_data(l1_out_data), .m_valid(l1_out_valid), .m_ready(l1_out_ready),
        .saturated(l1_out_saturated)
    );

    // %total_s : i21[2] = add %total %l1_out from "pool"
    qssm_add #(.AW(20), .BW(3), .OW(21), .SUBTRACT(0)) total_s_cell (
        .clk(clk), .rst(rst), .a_data(total_data), .a_valid(total_valid), .a_ready(total_ready), .b_data(l1_out_data),
        .b_valid(l1_out_valid), .b_ready(l1_out_ready), .m_data(total_s_data), .m_valid(total_s_valid),
        .m_ready(total_s_ready)
    );

    // %total_n : i20[2] = requant %total_s multiplier=1 shift=0 low=-524287 high=524287 from "pool"
    qssm_requant #(
        .XW(21), .IW(21), .OW(20), .SW(1), .MIN(0), .N(2), .DITHER(0), .PW(1), .FIXED(1), .WORD(41'hfffff00002),
        .SLOW(1)
    ) total_n_cell (
        .clk(clk), .rst(rst), .s_data(total_s_data), .s_valid(total_s_valid), .s_ready(total_s_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(total_n_p_unused), .m_data(total_n_data), .m_valid(total_n_valid),
        .m_ready(total_n_ready), .saturated(total_n_saturated)
    );

    // %steps_s : u20[1] = add %steps %one from "pool"
    qssm_const #(.W(2), .N(1), .FIXED(1), .WORD(2'h1)) one_cell (
        .clk(clk), .rst(rst), .m_data(one_data), .m_valid(one_valid), .m_ready(one_ready)
    );

    // %steps_s : u20[1] = add %steps %one from "pool"
    qssm_add #(.AW(20), .BW(2), .OW(21), .SUBTRACT(0)) steps_s_cell (
        .clk(clk), .rst(rst), .a_data(steps_data), .a_valid(steps_valid), .a_ready(steps_ready), .b_data(one_data),
        .b_valid(one_valid), .b_ready(one_ready), .m_data(steps_s_data), .m_valid(steps_s_valid),
        .m_ready(steps_s_ready)
    );

    // %steps_n : u19[1] = requant %steps_s multiplier=1 shift=0 low=0 high=524287 from "pool"
    qssm_requant #(
        .XW(21), .IW(21), .OW(20), .SW(1), .MIN(0), .N(1), .DITHER(0), .PW(1), .FIXED(1), .WORD(41'hffffe00000),
        .SLOW(1)
    ) steps_n_cell (
        .clk(clk), .rst(rst), .s_data(steps_s_data), .s_valid(steps_s_valid), .s_ready(steps_s_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(steps_n_p_unused), .m_data(steps_n_data), .m_valid(steps_n_valid),
        .m_ready(steps_n_ready), .saturated(steps_n_saturated)
    );

    // %logits : i27[2] = add %decoder %decoder_bias from "decoder"
    qssm_concat #(.AW(20), .BW(20), .OW(20), .NA(1), .NB(2)) logits_end_x0_cell (
        .clk(clk), .rst(rst), .a_data(steps_end_data), .a_valid(steps_end_valid), .a_ready(steps_end_ready),
        .b_data(total_end_data), .b_valid(total_end_valid), .b_ready(total_end_ready), .m_data(logits_end_x0_data),
        .m_valid(logits_end_x0_valid), .m_ready(logits_end_x0_ready)
    );

    // %logits : i27[2] = add %decoder %decoder_bias from "decoder"
    qssm_dot #(
        .XW(20), .WW(8), .BW(2), .OW(27), .IN(3), .OUT(2), .M(1), .K(1), .SERIAL(1),
        .WEIGHTS("mem/logits_end_weights.mem"), .FIXED(1), .BIAS(2'h0)
    ) logits_end_cell (
        .clk(clk), .rst(rst), .s_data(logits_end_x0_data), .s_valid(logits_end_x0_valid), .s_ready(logits_end_x0_ready),
        .m_data(logits_end_data), .m_valid(logits_end_valid), .m_ready(logits_end_ready)
    );

    // output logits = %logits
    qssm_frame #(.W(27), .N(2), .AT_END(1)) frame_logits_cell (
        .clk(clk), .rst(rst), .s_data(logits_end_data), .s_valid(logits_end_valid), .s_ready(logits_end_ready),
        .t_data(1'b1), .t_valid(1'b1), .t_ready(frame_logits_t_unused), .m_data(out_logits_data),
        .m_valid(out_logits_valid), .m_ready(out_logits_ready), .m_last(out_logits_last)
    );

    qssm_status #(.N(15)) status (
        .clk(clk), .rst(rst), .sample(s_valid && s_ready), .sample_last(s_last),
        .result_last(m_valid && m_ready && m_last),
        .saturated({
            encoder_q_saturated, l0_normq_saturated, l0_cx_saturated, l0_y_saturated, l0_value_saturated,
            l0_gate_in_saturated, l0_out_saturated, l1_normq_saturated, l1_cx_saturated, l1_y_saturated,
            l1_value_saturated, l1_gate_in_saturated, l1_out_saturated, total_n_saturated, steps_n_saturated
        }),
        .busy(busy), .saturations(saturations)
    );
endmodule
`default_nettype wire
