/* two_layers: the step function, one block of code for each line of the IR or each group of lines that share a loop.
 *
 * Above each block stand its lines of the IR, whose names the variables have; _i is one element, _re and _im are the
 * parts of a complex one. Widths of variables, clamps and shifts follow from intervals that the compiler has proven.
 */
#include "two_layers.h"

#include <string.h>

#include "qssm_kernels.h"
#include "two_layers_tables.h"

/* Kernels for the types of this model: of weights, inputs, biases and sums, or of inputs, sums and results. */
QSSM_MATVEC(two_layers_matvec_i8_u8_i8_i16, int8_t, uint8_t, int8_t, int16_t)
QSSM_NORMALIZE(two_layers_normalize_i8_i16_i16, int8_t, int16_t, int16_t)
QSSM_MATVEC(two_layers_matvec_i8_i8_i8_i16, int8_t, int8_t, int8_t, int16_t)
QSSM_MATVEC(two_layers_matvec_i8_i32_i8_i32, int8_t, int32_t, int8_t, int32_t)

void two_layers_init(two_layers_state *s)
{
    memset(s, 0, sizeof *s);
}

void two_layers_reset(two_layers_state *s)
{
    memset(s->l0_x, 0, sizeof s->l0_x);
    memset(s->l1_x, 0, sizeof s->l1_x);
    memset(s->total, 0, sizeof s->total);
    memset(s->steps, 0, sizeof s->steps);
}

void two_layers_step(two_layers_state *restrict s, const uint8_t *restrict sample)
{
    /* %encoder : i12[2] = matvec %u weight=@encoder.weight bias=@encoder.bias from "encoder" */
    int16_t encoder[2];
    two_layers_matvec_i8_u8_i8_i16(encoder, two_layers_encoder_weight, sample, two_layers_encoder_bias, 2, 1);

    /* %encoder_q : i6[2] = requant %encoder multiplier=1 shift=@encoder_q.shift low=-32 high=31 from "encoder_q" */
    int8_t encoder_q[2];
    for (int i = 0; i < 2; i++) {
        const int16_t encoder_i = encoder[i];
        const int16_t encoder_q_rounded_i = qssm_add_shift_i16(encoder_i, 16, 5);
        const int16_t encoder_q_i = qssm_clamp_i16(encoder_q_rounded_i, -2, 31);
        encoder_q[i] = (int8_t)encoder_q_i;
    }

    /* %l0_norm : i16[2] = normalize %encoder_q eps=5 frac=12 from "l0" */
    int16_t l0_norm[2];
    two_layers_normalize_i8_i16_i16(l0_norm, encoder_q, 2, 5, 12, 12, 1);

    /* %l0_normq : i6[2] = requant %l0_norm multiplier=1 shift=@l0_normq.shift low=-32 high=31 from "l0_normq" */
    int8_t l0_normq[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l0_norm_i = l0_norm[i];
        const int16_t l0_normq_rounded_i = qssm_add_shift_i16(l0_norm_i, 256, 9);
        const int16_t l0_normq_i = qssm_clamp_i16(l0_normq_rounded_i, -32, 31);
        l0_normq[i] = (int8_t)l0_normq_i;
    }

    /* %l0_ax : ci16[3] = diag %l0_x lambda_bar=@l0_ax.lambda_bar from "l0.ssm"
     * %l0_x1 : ci19[3] = shift_left %l0_x amount=@l0_x1.amount from "l0.ssm"
     * %l0_bu : ci9[3] = inject %l0_normq b_bar=@l0_bu.b_bar heads=@l0_bu.heads from "l0.ssm"
     * %l0_bu1 : ci13[3] = shift_left %l0_bu amount=@l0_bu1.amount from "l0.ssm"
     * %l0_xs : ci20[3] = add %l0_ax %l0_x1 %l0_bu1 from "l0.ssm"
     * %l0_xn : ci8[3] = requant %l0_xs multiplier=1 shift=@l0_xn.shift low=-127 high=127 from "l0.ssm"
     * %l0_cx : i12[2] = readout %l0_xn c=@l0_cx.c heads=@l0_cx.heads channels=2 from "l0.ssm"
     */
    int16_t l0_cx[2];
    {
        /* each channel of %l0_normq to the lanes of its states */
        int16_t l0_normq_lanes[4];
        for (int j = 0; j < 2; j++) {
            l0_normq_lanes[j] = l0_normq[j];
        }
        l0_normq_lanes[2] = l0_normq[0];
        l0_normq_lanes[3] = 0;
        int16_t l0_cx_lanes[4];
        for (int lane = 0; lane < 4; lane++) {
            l0_cx_lanes[lane] = 0;
        }
        for (int lane = 0; lane < 4; lane++) {
            const int16_t l0_x_re = s->l0_x[lane];
            const int16_t l0_x_im = s->l0_x[4 + lane];
            const int16_t l0_ax_re =
                (int16_t)(l0_x_re * two_layers_l0_ax_lambda_bar_re[lane]
                    - l0_x_im * two_layers_l0_ax_lambda_bar_im[lane]);
            const int16_t l0_ax_im =
                (int16_t)(l0_x_im * two_layers_l0_ax_lambda_bar_re[lane]
                    + l0_x_re * two_layers_l0_ax_lambda_bar_im[lane]);
            const int16_t l0_bu_scaled_re = (int16_t)(l0_normq_lanes[lane] * two_layers_l0_bu_scaled_b_bar_re[lane]);
            const int16_t l0_xn_sum_re = (int16_t)(l0_ax_re + l0_bu_scaled_re);
            const int16_t l0_xn_rounded_re =
                (int16_t)(qssm_round_shift_i16(l0_xn_sum_re, two_layers_l0_xn_rounding[lane]) + l0_x_re);
            const int16_t l0_xn_re = qssm_clamp_i16(l0_xn_rounded_re, -127, 127);
            const int16_t l0_bu_scaled_im = (int16_t)(l0_normq_lanes[lane] * two_layers_l0_bu_scaled_b_bar_im[lane]);
            const int16_t l0_xn_sum_im = (int16_t)(l0_ax_im + l0_bu_scaled_im);
            const int16_t l0_xn_rounded_im =
                (int16_t)(qssm_round_shift_i16(l0_xn_sum_im, two_layers_l0_xn_rounding[lane]) + l0_x_im);
            const int16_t l0_xn_im = qssm_clamp_i16(l0_xn_rounded_im, -127, 127);
            s->l0_x[lane] = (int8_t)l0_xn_re;
            s->l0_x[4 + lane] = (int8_t)l0_xn_im;
            l0_cx_lanes[lane] =
                (int16_t)(l0_cx_lanes[lane] + l0_xn_re * two_layers_l0_cx_c_re[lane]
                    - l0_xn_im * two_layers_l0_cx_c_im[lane]);
        }
        /* the sums of the lanes, added up for each channel of %l0_cx */
        for (int j = 0; j < 2; j++) {
            l0_cx[j] = l0_cx_lanes[j];
        }
        l0_cx[0] = (int16_t)(l0_cx[0] + l0_cx_lanes[2]);
    }

    /* %l0_du : i9[2] = scale %l0_normq factor=@l0_du.factor from "l0.ssm"
     * %l0_ys : i12[2] = add %l0_cx %l0_du from "l0.ssm"
     * %l0_y : i6[2] = requant %l0_ys multiplier=1 shift=@l0_y.shift low=-32 high=31 from "l0_y"
     */
    int8_t l0_y[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l0_normq_i = l0_normq[i];
        const int16_t l0_du_i = (int16_t)(l0_normq_i * two_layers_l0_du_factor[i]);
        const int16_t l0_cx_i = l0_cx[i];
        const int16_t l0_y_sum_i = (int16_t)(l0_cx_i + l0_du_i);
        const int16_t l0_y_rounded_i = qssm_add_shift_i16(l0_y_sum_i, 16, 5);
        const int16_t l0_y_i = qssm_clamp_i16(l0_y_rounded_i, -32, 31);
        l0_y[i] = (int8_t)l0_y_i;
    }

    /* %l0_act : i6[2] = lut %l0_y entries=@l0_act.entries first=-32 from "l0.activation" */
    int8_t l0_act[2];
    for (int i = 0; i < 2; i++) {
        l0_act[i] = two_layers_l0_act_entries[l0_y[i] + 32];
    }

    /* %l0_mix : i10[4] = matvec %l0_act weight=@l0_mix.weight bias=@l0_mix.bias from "l0_mix" */
    int16_t l0_mix[4];
    two_layers_matvec_i8_i8_i8_i16(l0_mix, two_layers_l0_mix_weight, l0_act, two_layers_l0_mix_bias, 4, 2);

    /* %l0_a : i10[2] = slice %l0_mix start=0 stop=2 */
    const int16_t *const l0_a = l0_mix;

    /* %l0_b : i9[2] = slice %l0_mix start=2 stop=4 */
    const int16_t *const l0_b = l0_mix + 2;

    /* %l0_gate_in : i3[2] = requant %l0_b multiplier=1 shift=@l0_gate_in.shift low=-32 high=31 from "l0_gate_in" */
    int8_t l0_gate_in[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l0_b_i = l0_b[i];
        const int16_t l0_gate_in_i = qssm_round_shift_i16(l0_b_i, two_layers_l0_gate_in_rounding[i]);
        l0_gate_in[i] = (int8_t)l0_gate_in_i;
    }

    /* %l0_gate : u6[2] = lut %l0_gate_in entries=@l0_gate.entries first=-32 from "l0" */
    int8_t l0_gate[2];
    for (int i = 0; i < 2; i++) {
        l0_gate[i] = two_layers_l0_gate_entries[i * 64 + l0_gate_in[i] + 32];
    }

    /* %l0_value : i3[2] = requant %l0_a multiplier=1 shift=@l0_value.shift low=-32 high=31 from "l0_value"
     * %l0_product : i8[2] = mul %l0_value %l0_gate from "l0.glu"
     * %l0_skip : i9[2] = shift_left %encoder_q amount=@l0_skip.amount from "l0"
     * %l0_sum : i9[2] = add %l0_product %l0_skip from "l0"
     * %l0_out : i4[2] = requant %l0_sum multiplier=1 shift=@l0_out.shift low=-32 high=31 from "l0_out"
     */
    int8_t l0_out[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l0_a_i = l0_a[i];
        const int16_t l0_value_i = qssm_add_shift_i16(l0_a_i, 64, 7);
        const int16_t l0_gate_i = l0_gate[i];
        const int16_t l0_product_i = (int16_t)(l0_value_i * l0_gate_i);
        const int16_t encoder_q_i = encoder_q[i];
        const int16_t l0_out_sum_i = (int16_t)(l0_product_i + encoder_q_i * 8);
        const int16_t l0_out_i = qssm_add_shift_i16(l0_out_sum_i, 32, 6);
        l0_out[i] = (int8_t)l0_out_i;
    }

    /* %l1_norm : i16[2] = normalize %l0_out eps=5 frac=12 from "l1" */
    int16_t l1_norm[2];
    two_layers_normalize_i8_i16_i16(l1_norm, l0_out, 2, 5, 12, 8, 1);

    /* %l1_normq : i6[2] = requant %l1_norm multiplier=1 shift=@l1_normq.shift low=-32 high=31 from "l1_normq" */
    int8_t l1_normq[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l1_norm_i = l1_norm[i];
        const int16_t l1_normq_i = qssm_add_shift_i16(l1_norm_i, 512, 10);
        l1_normq[i] = (int8_t)l1_normq_i;
    }

    /* %l1_ax : ci16[3] = diag %l1_x lambda_bar=@l1_ax.lambda_bar from "l1.ssm"
     * %l1_x1 : ci19[3] = shift_left %l1_x amount=@l1_x1.amount from "l1.ssm"
     * %l1_bu : ci8[3] = inject %l1_normq b_bar=@l1_bu.b_bar heads=@l1_bu.heads from "l1.ssm"
     * %l1_bu1 : ci13[3] = shift_left %l1_bu amount=@l1_bu1.amount from "l1.ssm"
     * %l1_xs : ci20[3] = add %l1_ax %l1_x1 %l1_bu1 from "l1.ssm"
     * %l1_xn : ci8[3] = requant %l1_xs multiplier=1 shift=@l1_xn.shift low=-127 high=127 from "l1.ssm"
     * %l1_cx : i12[2] = readout %l1_xn c=@l1_cx.c heads=@l1_cx.heads channels=2 from "l1.ssm"
     */
    int16_t l1_cx[2];
    {
        /* each channel of %l1_normq to the lanes of its states */
        int16_t l1_normq_lanes[4];
        for (int j = 0; j < 2; j++) {
            l1_normq_lanes[j] = l1_normq[j];
        }
        l1_normq_lanes[2] = l1_normq[0];
        l1_normq_lanes[3] = 0;
        int16_t l1_cx_lanes[4];
        for (int lane = 0; lane < 4; lane++) {
            l1_cx_lanes[lane] = 0;
        }
        for (int lane = 0; lane < 4; lane++) {
            const int16_t l1_x_re = s->l1_x[lane];
            const int16_t l1_x_im = s->l1_x[4 + lane];
            const int16_t l1_ax_re =
                (int16_t)(l1_x_re * two_layers_l1_ax_lambda_bar_re[lane]
                    - l1_x_im * two_layers_l1_ax_lambda_bar_im[lane]);
            const int16_t l1_ax_im =
                (int16_t)(l1_x_im * two_layers_l1_ax_lambda_bar_re[lane]
                    + l1_x_re * two_layers_l1_ax_lambda_bar_im[lane]);
            const int16_t l1_bu_scaled_re = (int16_t)(l1_normq_lanes[lane] * two_layers_l1_bu_scaled_b_bar_re[lane]);
            const int16_t l1_xn_sum_re = (int16_t)(l1_ax_re + l1_bu_scaled_re);
            const int16_t l1_xn_rounded_re = (int16_t)(qssm_add_shift_i16(l1_xn_sum_re, 1024, 11) + l1_x_re);
            const int16_t l1_xn_re = qssm_clamp_i16(l1_xn_rounded_re, -127, 127);
            const int16_t l1_bu_scaled_im = (int16_t)(l1_normq_lanes[lane] * two_layers_l1_bu_scaled_b_bar_im[lane]);
            const int16_t l1_xn_sum_im = (int16_t)(l1_ax_im + l1_bu_scaled_im);
            const int16_t l1_xn_rounded_im = (int16_t)(((l1_xn_sum_im + 1024) >> 11) + l1_x_im);
            const int16_t l1_xn_im = qssm_clamp_i16(l1_xn_rounded_im, -127, 127);
            s->l1_x[lane] = (int8_t)l1_xn_re;
            s->l1_x[4 + lane] = (int8_t)l1_xn_im;
            l1_cx_lanes[lane] =
                (int16_t)(l1_cx_lanes[lane] + l1_xn_re * two_layers_l1_cx_c_re[lane]
                    - l1_xn_im * two_layers_l1_cx_c_im[lane]);
        }
        /* the sums of the lanes, added up for each channel of %l1_cx */
        for (int j = 0; j < 2; j++) {
            l1_cx[j] = l1_cx_lanes[j];
        }
        l1_cx[0] = (int16_t)(l1_cx[0] + l1_cx_lanes[2]);
    }

    /* %l1_du : i8[2] = scale %l1_normq factor=@l1_du.factor from "l1.ssm"
     * %l1_ys : i12[2] = add %l1_cx %l1_du from "l1.ssm"
     * %l1_y : i6[2] = requant %l1_ys multiplier=1 shift=@l1_y.shift low=-32 high=31 from "l1_y"
     */
    int8_t l1_y[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l1_normq_i = l1_normq[i];
        const int16_t l1_du_i = (int16_t)(l1_normq_i * two_layers_l1_du_factor[i]);
        const int16_t l1_cx_i = l1_cx[i];
        const int16_t l1_y_sum_i = (int16_t)(l1_cx_i + l1_du_i);
        const int16_t l1_y_rounded_i = qssm_round_shift_i16(l1_y_sum_i, two_layers_l1_y_rounding[i]);
        const int16_t l1_y_i = qssm_clamp_i16(l1_y_rounded_i, -32, 31);
        l1_y[i] = (int8_t)l1_y_i;
    }

    /* %l1_act : i6[2] = lut %l1_y entries=@l1_act.entries first=-32 from "l1.activation" */
    int8_t l1_act[2];
    for (int i = 0; i < 2; i++) {
        l1_act[i] = two_layers_l1_act_entries[l1_y[i] + 32];
    }

    /* %l1_mix : i10[4] = matvec %l1_act weight=@l1_mix.weight bias=@l1_mix.bias from "l1_mix" */
    int16_t l1_mix[4];
    two_layers_matvec_i8_i8_i8_i16(l1_mix, two_layers_l1_mix_weight, l1_act, two_layers_l1_mix_bias, 4, 2);

    /* %l1_a : i10[2] = slice %l1_mix start=0 stop=2 */
    const int16_t *const l1_a = l1_mix;

    /* %l1_b : i9[2] = slice %l1_mix start=2 stop=4 */
    const int16_t *const l1_b = l1_mix + 2;

    /* %l1_gate_in : i3[2] = requant %l1_b multiplier=1 shift=@l1_gate_in.shift low=-32 high=31 from "l1_gate_in" */
    int8_t l1_gate_in[2];
    for (int i = 0; i < 2; i++) {
        const int16_t l1_b_i = l1_b[i];
        const int16_t l1_gate_in_i = qssm_round_shift_i16(l1_b_i, two_layers_l1_gate_in_rounding[i]);
        l1_gate_in[i] = (int8_t)l1_gate_in_i;
    }

    /* %l1_gate : u6[2] = lut %l1_gate_in entries=@l1_gate.entries first=-32 from "l1" */
    int8_t l1_gate[2];
    for (int i = 0; i < 2; i++) {
        l1_gate[i] = two_layers_l1_gate_entries[i * 64 + l1_gate_in[i] + 32];
    }

    /* %l1_value : i4[2] = requant %l1_a multiplier=1 shift=@l1_value.shift low=-32 high=31 from "l1_value"
     * %l1_product : i9[2] = mul %l1_value %l1_gate from "l1.glu"
     * %l1_skip : i7[2] = shift_left %l0_out amount=@l1_skip.amount from "l1"
     * %l1_sum : i9[2] = add %l1_product %l1_skip from "l1"
     * %l1_out : i3[2] = requant %l1_sum multiplier=1 shift=@l1_out.shift low=-32 high=31 from "l1_out"
     * %total_s : i21[2] = add %total %l1_out from "pool"
     * %total_n : i20[2] = requant %total_s multiplier=1 shift=0 low=-524287 high=524287 from "pool"
     */
    for (int i = 0; i < 2; i++) {
        const int16_t l1_a_i = l1_a[i];
        const int16_t l1_value_i = qssm_round_shift_i16(l1_a_i, two_layers_l1_value_rounding[i]);
        const int16_t l1_gate_i = l1_gate[i];
        const int16_t l1_product_i = (int16_t)(l1_value_i * l1_gate_i);
        const int16_t l0_out_i = l0_out[i];
        const int16_t l1_out_sum_i = (int16_t)(l1_product_i + l0_out_i * two_layers_l0_out_times[i]);
        const int16_t l1_out_i = qssm_add_shift_i16(l1_out_sum_i, 32, 6);
        const int32_t total_i = s->total[i];
        const int32_t total_n_sum_i = total_i + l1_out_i;
        const int32_t total_n_i = qssm_clamp_i32(total_n_sum_i, -524287, 524287);
        s->total[i] = total_n_i;
    }

    /* %steps_s : u20[1] = add %steps %one from "pool"
     * %steps_n : u19[1] = requant %steps_s multiplier=1 shift=0 low=0 high=524287 from "pool"
     */
    {
        const int32_t steps_i = s->steps[0];
        const int32_t steps_n_sum_i = steps_i + 1;
        const int32_t steps_n_i = qssm_clamp_i32(steps_n_sum_i, 0, 524287);
        s->steps[0] = steps_n_i;
    }
}

void two_layers_last(const two_layers_state *restrict s, int32_t *restrict out)
{
    /* %decoder : i24[2] = matvec %total weight=@decoder.weight bias=@decoder.bias from "decoder" */
    int32_t decoder[2];
    two_layers_matvec_i8_i32_i8_i32(decoder, two_layers_decoder_weight, s->total, NULL, 2, 2);

    /* %decoder_bias : u26[2] = matvec %steps weight=@decoder_bias.weight bias=@decoder_bias.bias from "decoder" */
    int32_t decoder_bias[2];
    two_layers_matvec_i8_i32_i8_i32(decoder_bias, two_layers_decoder_bias_weight, s->steps, NULL, 2, 1);

    /* %logits : i27[2] = add %decoder %decoder_bias from "decoder" */
    int32_t logits[2];
    for (int i = 0; i < 2; i++) {
        const int32_t decoder_i = decoder[i];
        const int32_t decoder_bias_i = decoder_bias[i];
        const int32_t logits_i = decoder_i + decoder_bias_i;
        logits[i] = logits_i;
    }

    /* output logits = %logits */
    for (int i = 0; i < 2; i++) {
        out[i] = logits[i];
    }
}
