/* Constant tables of two_layers, in the order in which two_layers.c reads them.
 *
 * 496 bytes; more on machines with wide registers, for which QSSM_TABLE(narrow, wide) chooses the wide type.
 */
#ifndef TWO_LAYERS_TABLES_H
#define TWO_LAYERS_TABLES_H

#include <stdint.h>

/* %encoder: weights, 2 outputs from 1 inputs, [input][output] */
static const int8_t two_layers_encoder_weight[2] = {
    5, 2,
};

/* %encoder: biases */
static const int8_t two_layers_encoder_bias[2] = {
    2, -59,
};

/* %l0_ax: factor of the state, the real part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l0_ax_lambda_bar_re[4] = {
    -84, 0, -38, 0,
};

/* %l0_ax: factor of the state, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l0_ax_lambda_bar_im[4] = {
    80, 27, 105, 0,
};

/* %l0_bu: input weight, the real part, times the power of two that aligns the product */
static const int8_t two_layers_l0_bu_scaled_b_bar_re[4] = {
    0, 80, 96, 0,
};

/* %l0_xn: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int8_t two_layers_l0_xn_rounding[4] = {
    16, 32, 32, 0,
};

/* %l0_bu: input weight, the imaginary part, times the power of two that aligns the product */
static const int8_t two_layers_l0_bu_scaled_b_bar_im[4] = {
    0, 32, -64, 0,
};

/* %l0_cx: output weight, the real part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l0_cx_c_re[4] = {
    -8, -8, 5, 0,
};

/* %l0_cx: output weight, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l0_cx_c_im[4] = {
    -2, 4, 0, 0,
};

/* %l0_du: factor */
static const int8_t two_layers_l0_du_factor[2] = {
    3, 5,
};

/* %l0_act: results, from the smallest input on */
static const int8_t two_layers_l0_act_entries[64] = {
    -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3,
    -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31,
};

/* %l0_mix: weights, 4 outputs from 2 inputs, [input][output] */
static const int8_t two_layers_l0_mix_weight[8] = {
    5, 0, -4, -2, -8, -7, -1, -2,
};

/* %l0_mix: biases */
static const int8_t two_layers_l0_mix_bias[4] = {
    -121, -127, -97, -126,
};

/* %l0_gate_in: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int16_t two_layers_l0_gate_in_rounding[2] = {
    256, 512,
};

/* %l0_gate: one row of results an element, from the smallest input on */
static const int8_t two_layers_l0_gate_entries[128] = {
    3, 3, 4, 5, 5, 8, 9, 14, 15, 16, 16, 19, 20, 20, 21, 21, 21, 22, 24, 24, 24, 24, 24, 25, 25, 27, 29, 31, 32, 33, 34,
    36, 36, 37, 38, 39, 39, 41, 42, 43, 43, 44, 45, 45, 46, 46, 46, 48, 48, 50, 50, 51, 53, 53, 54, 55, 56, 56, 56, 56,
    59, 60, 62, 63, 1, 3, 3, 3, 4, 5, 6, 11, 12, 12, 12, 14, 14, 18, 19, 22, 23, 25, 26, 26, 26, 26, 27, 28, 28, 29, 30,
    31, 31, 32, 33, 36, 37, 38, 39, 39, 40, 40, 43, 45, 45, 47, 47, 48, 48, 48, 49, 50, 50, 53, 56, 57, 57, 57, 59, 59,
    59, 60, 60, 60, 60, 61, 63, 63,
};

/* %l1_ax: factor of the state, the real part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l1_ax_lambda_bar_re[4] = {
    -119, -93, -125, 0,
};

/* %l1_ax: factor of the state, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l1_ax_lambda_bar_im[4] = {
    95, -107, -98, 0,
};

/* %l1_bu: input weight, the real part, times the power of two that aligns the product */
static const int8_t two_layers_l1_bu_scaled_b_bar_re[4] = {
    -96, -96, 0, 0,
};

/* %l1_bu: input weight, the imaginary part, times the power of two that aligns the product */
static const int16_t two_layers_l1_bu_scaled_b_bar_im[4] = {
    -192, 192, 224, 0,
};

/* %l1_cx: output weight, the real part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l1_cx_c_re[4] = {
    -2, -3, -5, 0,
};

/* %l1_cx: output weight, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) two_layers_l1_cx_c_im[4] = {
    5, -5, -1, 0,
};

/* %l1_du: factor */
static const int8_t two_layers_l1_du_factor[2] = {
    6, 4,
};

/* %l1_y: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int16_t two_layers_l1_y_rounding[2] = {
    1024, 512,
};

/* %l1_act: results, from the smallest input on */
static const int8_t two_layers_l1_act_entries[64] = {
    -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3,
    -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31,
};

/* %l1_mix: weights, 4 outputs from 2 inputs, [input][output] */
static const int8_t two_layers_l1_mix_weight[8] = {
    7, -2, 2, -6, -4, 0, -1, 6,
};

/* %l1_mix: biases */
static const int8_t two_layers_l1_mix_bias[4] = {
    49, -118, 80, 59,
};

/* %l1_gate_in: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int16_t two_layers_l1_gate_in_rounding[2] = {
    256, 512,
};

/* %l1_gate: one row of results an element, from the smallest input on */
static const int8_t two_layers_l1_gate_entries[128] = {
    1, 1, 3, 4, 4, 5, 5, 7, 8, 9, 9, 9, 13, 13, 14, 14, 14, 15, 16, 17, 17, 18, 18, 19, 22, 23, 26, 27, 28, 29, 31, 31,
    32, 35, 35, 35, 35, 37, 38, 39, 40, 40, 41, 45, 46, 48, 48, 48, 49, 51, 51, 52, 52, 53, 54, 54, 55, 56, 57, 59, 59,
    60, 61, 61, 0, 0, 2, 2, 2, 3, 4, 5, 6, 7, 7, 8, 10, 11, 16, 17, 17, 17, 17, 19, 20, 20, 22, 23, 24, 26, 26, 26, 27,
    27, 30, 31, 31, 32, 32, 33, 36, 37, 40, 40, 40, 41, 44, 44, 47, 49, 50, 50, 51, 52, 52, 53, 55, 55, 55, 56, 56, 58,
    60, 60, 60, 62, 62, 63,
};

/* %l1_value: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int16_t two_layers_l1_value_rounding[2] = {
    512, 256,
};

/* %l0_out: power of two that aligns it with what it is added to */
static const int8_t two_layers_l0_out_times[2] = {
    8, 32,
};

/* %decoder: weights, 2 outputs from 2 inputs, [input][output] */
static const int8_t two_layers_decoder_weight[4] = {
    1, 7, 6, 3,
};

/* %decoder_bias: weights, 2 outputs from 1 inputs, [input][output] */
static const int8_t two_layers_decoder_bias_weight[2] = {
    32, 92,
};

#endif
