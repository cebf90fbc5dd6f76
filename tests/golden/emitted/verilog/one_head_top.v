// one_head_top: a streaming core emitted by qssmc from graph one_head, 1 lane.
// 10 clocks a sample. s: 1 number a sample, each u8; s_last with a sequence's last
// s_data is exactly as wide as the format of a sample, so none lies beyond it; clamp what is wider before.
// m: output mean, 2 signed numbers after the last sample
// Sequences may have 4369 steps. Beyond that, the sums over the steps and the count of steps stay at their limits
//     where they reach them; nothing wraps, but outputs made of them are no longer exact.
// Names: x_data, x_valid and x_ready are the stream of the op x of the graph; x_end is x after the last sample of a
//     sequence; x__y_p goes from x to port p of y, x__y_p_q behind a queue, _s behind a register in both directions, _w
//     in another width. token goes with every sample and tells whether it is the last.
`default_nettype none
module one_head_top (
    input  wire clk,
    input  wire rst,
    input  wire [7:0] s_data,
    input  wire s_last,
    input  wire s_valid,
    output wire s_ready,
    output wire [22:0] m_data,
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
    wire token__pooled_t_data;
    wire token__pooled_t_valid, token__pooled_t_ready;
    wire token__cx_t_data;
    wire token__cx_t_valid, token__cx_t_ready;
    wire token__pooled_t_q_data;
    wire token__pooled_t_q_valid, token__pooled_t_q_ready;
    wire [19:0] pooled_data;
    wire pooled_valid, pooled_ready;
    wire [19:0] pooled_end_data;
    wire pooled_end_valid, pooled_end_ready;
    wire [11:0] cx_data;
    wire cx_valid, cx_ready;
    wire [7:0] y_data;
    wire y_valid, y_ready;
    wire [20:0] summed_data;
    wire summed_valid, summed_ready;
    wire [19:0] pooled_n_data;
    wire pooled_n_valid, pooled_n_ready;
    wire [22:0] out_end_data;
    wire out_end_valid, out_end_ready;
    wire cx_p_unused;
    wire cx_saturated;
    wire y_p_unused;
    wire y_saturated;
    wire pooled_n_p_unused;
    wire pooled_n_saturated;
    wire frame_mean_t_unused;
    wire [22:0] out_mean_data;
    wire out_mean_last, out_mean_valid, out_mean_ready;
    assign m_data = out_mean_data;
    assign m_last = out_mean_last;
    assign m_valid = out_mean_valid;
    assign out_mean_ready = m_ready;

    // token has 2 readers
    qssm_fork #(.N(2)) token_fork (
        .clk(clk), .rst(rst), .s_valid(token_valid), .s_ready(token_ready), .m_valid({token__cx_t_valid,
        token__pooled_t_valid}), .m_ready({token__cx_t_ready, token__pooled_t_ready})
    );

    assign token__pooled_t_data = token_data;

    qssm_fifo #(.W(1), .DEPTH(2)) token__pooled_t_q_queue (
        .clk(clk), .rst(rst), .s_data(token__pooled_t_data), .s_valid(token__pooled_t_valid),
        .s_ready(token__pooled_t_ready), .m_data(token__pooled_t_q_data), .m_valid(token__pooled_t_q_valid),
        .m_ready(token__pooled_t_q_ready)
    );

    assign token__cx_t_data = token_data;

    // %u : u8[1] = input from "input"
    qssm_source #(.W(9), .N(1)) source_cell (
        .clk(clk), .rst(rst), .s_data(s_wide), .s_valid(s_valid), .s_ready(s_ready), .s_last(s_last), .m_data(u_data),
        .m_valid(u_valid), .m_ready(u_ready), .t_data(token_data), .t_valid(token_valid), .t_ready(token_ready)
    );

    // %pooled : i20[1] = state from "pool"
    qssm_state #(.W(20), .N(1), .LAST(1)) pooled_cell (
        .clk(clk), .rst(rst), .t_data(token__pooled_t_q_data), .t_valid(token__pooled_t_q_valid),
        .t_ready(token__pooled_t_q_ready), .s_data(pooled_n_data), .s_valid(pooled_n_valid), .s_ready(pooled_n_ready),
        .m_data(pooled_data), .m_valid(pooled_valid), .m_ready(pooled_ready), .l_data(pooled_end_data),
        .l_valid(pooled_end_valid), .l_ready(pooled_end_ready)
    );

    // %x : ci8[2] = state from "ssm"
    // %ax : ci15[2] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
    // %kept : ci15[2] = shift_left %x amount=@kept.amount from "ssm"
    // %bu : cu11[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
    // %xs : ci16[2] = add %kept %ax %bu from "ssm"
    // %xn : ci8[2] = requant %xs multiplier=1 shift=@xn.shift low=-128 high=127 from "xn"
    // %cx : i12[1] = readout %xn c=@cx.c heads=@cx.heads channels=1 from "ssm"
    qssm_ssm #(
        .P(1), .UW(9), .XW(8), .KEEP(2), .XS_MIN(0), .XS_W(1), .BS_MIN(0), .BS_W(1), .RS_MIN(6), .RS_W(1), .CL_TABLE(0),
        .CL_MIN(2), .CL_W(1), .LOW(8'h80), .HIGH(8'h7f), .AW(7), .BW(4), .CW(4), .B_COMPLEX(0), .TW(15), .YW(12),
        .BEATS(2), .PERIOD(10), .QUEUE(4), .SPLIT(0), .DITHER(0), .PW(1), .FILE("mem/cx.mem")
    ) cx_cell (
        .clk(clk), .rst(rst), .s_data(u_data), .s_valid(u_valid), .s_ready(u_ready), .t_data(token__cx_t_data),
        .t_valid(token__cx_t_valid), .t_ready(token__cx_t_ready), .p_data(1'd0), .p_valid(1'b0), .p_ready(cx_p_unused),
        .m_data(cx_data), .m_valid(cx_valid), .m_ready(cx_ready), .saturated(cx_saturated)
    );

    // %y : i8[1] = requant %cx multiplier=1 shift=@y.shift low=-128 high=127 from "y"
    qssm_requant #(
        .XW(12), .IW(12), .OW(8), .SW(1), .MIN(4), .N(1), .DITHER(0), .PW(1), .FIXED(1), .WORD(17'hff00), .SLOW(1)
    ) y_cell (
        .clk(clk), .rst(rst), .s_data(cx_data), .s_valid(cx_valid), .s_ready(cx_ready), .p_data(1'd0), .p_valid(1'b0),
        .p_ready(y_p_unused), .m_data(y_data), .m_valid(y_valid), .m_ready(y_ready), .saturated(y_saturated)
    );

    // %summed : i21[1] = add %pooled %y from "pool"
    qssm_add #(.AW(20), .BW(8), .OW(21), .SUBTRACT(0)) summed_cell (
        .clk(clk), .rst(rst), .a_data(pooled_data), .a_valid(pooled_valid), .a_ready(pooled_ready), .b_data(y_data),
        .b_valid(y_valid), .b_ready(y_ready), .m_data(summed_data), .m_valid(summed_valid), .m_ready(summed_ready)
    );

    // %pooled_n : i20[1] = requant %summed multiplier=1 shift=@pooled_n.shift low=-524288 high=524287 from
    //     "pooled_n"
    qssm_requant #(
        .XW(21), .IW(21), .OW(20), .SW(1), .MIN(0), .N(1), .DITHER(0), .PW(1), .FIXED(1), .WORD(41'hfffff00000),
        .SLOW(1)
    ) pooled_n_cell (
        .clk(clk), .rst(rst), .s_data(summed_data), .s_valid(summed_valid), .s_ready(summed_ready), .p_data(1'd0),
        .p_valid(1'b0), .p_ready(pooled_n_p_unused), .m_data(pooled_n_data), .m_valid(pooled_n_valid),
        .m_ready(pooled_n_ready), .saturated(pooled_n_saturated)
    );

    // %out : i23[2] = matvec %pooled weight=@out.weight bias=@out.bias from "out"
    qssm_dot #(
        .XW(20), .WW(4), .BW(8), .OW(23), .IN(1), .OUT(2), .M(1), .K(1), .SERIAL(1),
        .WEIGHTS("mem/out_end_weights.mem"), .FIXED(0), .BIASES("mem/out_end_biases.mem")
    ) out_end_cell (
        .clk(clk), .rst(rst), .s_data(pooled_end_data), .s_valid(pooled_end_valid), .s_ready(pooled_end_ready),
        .m_data(out_end_data), .m_valid(out_end_valid), .m_ready(out_end_ready)
    );

    // output mean = %out
    qssm_frame #(.W(23), .N(2), .AT_END(1)) frame_mean_cell (
        .clk(clk), .rst(rst), .s_data(out_end_data), .s_valid(out_end_valid), .s_ready(out_end_ready), .t_data(1'b1),
        .t_valid(1'b1), .t_ready(frame_mean_t_unused), .m_data(out_mean_data), .m_valid(out_mean_valid),
        .m_ready(out_mean_ready), .m_last(out_mean_last)
    );

    qssm_status #(.N(3)) status (
        .clk(clk), .rst(rst), .sample(s_valid && s_ready), .sample_last(s_last),
        .result_last(m_valid && m_ready && m_last),
        .saturated({
            cx_saturated, y_saturated, pooled_n_saturated
        }),
        .busy(busy), .saturations(saturations)
    );
endmodule
`default_nettype wire
