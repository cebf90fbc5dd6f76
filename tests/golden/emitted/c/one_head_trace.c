/* one_head: the step function, one block of code for each line of the IR or each group of lines that share a loop.
 *
 * Above each block stand its lines of the IR, whose names the variables have; _i is one element, _re and _im are the
 * parts of a complex one. Widths of variables, clamps and shifts follow from intervals that the compiler has proven.
 */
#include "one_head.h"

#include <string.h>

#include "qssm_kernels.h"
#include "one_head_tables.h"
#include "one_head_trace.h" /* this file is one_head.c with such statements between its lines */

/* Kernels for the types of this model: of weights, inputs, biases and sums, or of inputs, sums and results. */
QSSM_MATVEC(one_head_matvec_i8_i32_i8_i32, int8_t, int32_t, int8_t, int32_t)

void one_head_init(one_head_state *s)
{
    memset(s, 0, sizeof *s);
}

void one_head_reset(one_head_state *s)
{
    memset(s->x, 0, sizeof s->x);
    memset(s->pooled, 0, sizeof s->pooled);
}

void one_head_step(one_head_state *restrict s, const uint8_t *restrict sample)
{
    QSSM_TRACE_COPY(0, sample, 1);
    QSSM_TRACE_COPY(1, s->x, 4);
    QSSM_TRACE_COPY(26, s->pooled, 1);
    /* %ax : ci15[2] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
     * %kept : ci15[2] = shift_left %x amount=@kept.amount from "ssm"
     * %bu : cu11[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
     * %xs : ci16[2] = add %kept %ax %bu from "ssm"
     * %xn : ci8[2] = requant %xs multiplier=1 shift=@xn.shift low=-128 high=127 from "xn"
     * %cx : i12[1] = readout %xn c=@cx.c heads=@cx.heads channels=1 from "ssm"
     */
    int16_t cx[1];
    {
        /* each channel of %u to the lanes of its states */
        int16_t u_lanes[2];
        u_lanes[0] = sample[0];
        u_lanes[1] = sample[0];
        int16_t cx_lanes[2];
        for (int lane = 0; lane < 2; lane++) {
            cx_lanes[lane] = 0;
        }
        for (int lane = 0; lane < 2; lane++) {
            const int16_t x_re = s->x[lane];
            const int16_t x_im = s->x[2 + lane];
            const int16_t ax_re =
                (int16_t)(x_re * one_head_ax_lambda_bar_re[lane] - x_im * one_head_ax_lambda_bar_im[lane]);
            const int16_t ax_im =
                (int16_t)(x_im * one_head_ax_lambda_bar_re[lane] + x_re * one_head_ax_lambda_bar_im[lane]);
            const int16_t bu_re = (int16_t)(u_lanes[lane] * one_head_bu_b_bar_re[lane]);
            const int16_t xn_sum_re = (int16_t)(ax_re + bu_re);
            const int16_t xn_rounded_re = (int16_t)(qssm_round_shift_i16(xn_sum_re, one_head_xn_rounding[lane]) + x_re);
            const int16_t xn_re = qssm_clamp_i16(xn_rounded_re, -128, 127);
            const int16_t xn_rounded_im = (int16_t)(qssm_round_shift_i16(ax_im, one_head_xn_rounding[lane]) + x_im);
            const int16_t xn_im = qssm_clamp_i16(xn_rounded_im, -128, 127);
            s->x[lane] = (int8_t)xn_re;
            s->x[2 + lane] = (int8_t)xn_im;
            cx_lanes[lane] =
                (int16_t)(cx_lanes[lane] + xn_re * one_head_cx_c_re[lane] - xn_im * one_head_cx_c_im[lane]);
            QSSM_TRACE_PUT(5 + lane, ax_re);
            QSSM_TRACE_PUT(7 + lane, ax_im);
            QSSM_TRACE_PUT(9 + lane, (int64_t)x_re * one_head_kept_trace_times[lane]);
            QSSM_TRACE_PUT(11 + lane, (int64_t)x_im * one_head_kept_trace_times[lane]);
            QSSM_TRACE_PUT(13 + lane, bu_re);
            QSSM_TRACE_PUT(15 + lane, 0);
            QSSM_TRACE_PUT(17 + lane, (int64_t)((int64_t)x_re * one_head_kept_trace_times[lane]) + ax_re + bu_re);
            QSSM_TRACE_PUT(19 + lane, (int64_t)((int64_t)x_im * one_head_kept_trace_times[lane]) + ax_im + 0);
            QSSM_TRACE_PUT(21 + lane, xn_re);
            QSSM_TRACE_PUT(23 + lane, xn_im);
        }
        /* the sums of the lanes, added up for each channel of %cx */
        cx[0] = cx_lanes[0];
        cx[0] = (int16_t)(cx[0] + cx_lanes[1]);
        QSSM_TRACE_COPY(25, cx, 1);
    }

    /* %y : i8[1] = requant %cx multiplier=1 shift=@y.shift low=-128 high=127 from "y"
     * %summed : i21[1] = add %pooled %y from "pool"
     * %pooled_n : i20[1] = requant %summed multiplier=1 shift=@pooled_n.shift low=-524288 high=524287 from "pooled_n"
     */
    {
        const int16_t cx_i = cx[0];
        const int16_t y_i = qssm_add_shift_i16(cx_i, 8, 4);
        const int32_t pooled_i = s->pooled[0];
        const int32_t pooled_n_sum_i = pooled_i + y_i;
        const int32_t pooled_n_i = qssm_clamp_i32(pooled_n_sum_i, -524288, 524287);
        s->pooled[0] = pooled_n_i;
        QSSM_TRACE_PUT(27, y_i);
        QSSM_TRACE_PUT(28, (int64_t)pooled_i + y_i);
        QSSM_TRACE_PUT(29, pooled_n_i);
    }
}

void one_head_last(const one_head_state *restrict s, int32_t *restrict out)
{
    QSSM_TRACE_COPY(0, s->pooled, 1);
    /* %out : i23[2] = matvec %pooled weight=@out.weight bias=@out.bias from "out" */
    int32_t out_[2];
    one_head_matvec_i8_i32_i8_i32(out_, one_head_out__weight, s->pooled, one_head_out__bias, 2, 1);
    QSSM_TRACE_COPY(1, out_, 2);

    /* output mean = %out */
    for (int i = 0; i < 2; i++) {
        out[i] = out_[i];
    }
}
