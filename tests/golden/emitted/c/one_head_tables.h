/* Constant tables of one_head, in the order in which one_head.c reads them.
 *
 * 18 bytes; more on machines with wide registers, for which QSSM_TABLE(narrow, wide) chooses the wide type.
 */
#ifndef ONE_HEAD_TABLES_H
#define ONE_HEAD_TABLES_H

#include <stdint.h>

/* %ax: factor of the state, the real part */
static const QSSM_TABLE(int8_t, int16_t) one_head_ax_lambda_bar_re[2] = {
    -9, -30,
};

/* %ax: factor of the state, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) one_head_ax_lambda_bar_im[2] = {
    21, 44,
};

/* %bu: input weight, the real part */
static const int8_t one_head_bu_b_bar_re[2] = {
    5, 7,
};

/* %xn: 2^(15 - bits shifted out), see qssm_round_shift_i16 */
static const int16_t one_head_xn_rounding[2] = {
    256, 512,
};

/* %cx: output weight, the real part */
static const QSSM_TABLE(int8_t, int16_t) one_head_cx_c_re[2] = {
    3, -6,
};

/* %cx: output weight, the imaginary part */
static const QSSM_TABLE(int8_t, int16_t) one_head_cx_c_im[2] = {
    -2, 4,
};

/* %out: weights, 2 outputs from 1 inputs, [input][output] */
static const int8_t one_head_out__weight[2] = {
    3, -5,
};

/* %out: biases */
static const int8_t one_head_out__bias[2] = {
    100, 0,
};

#endif
