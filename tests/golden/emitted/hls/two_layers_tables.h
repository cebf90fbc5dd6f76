// two_layers: the constant tables, each in the narrowest type that holds it.
#ifndef TWO_LAYERS_TABLES_H
#define TWO_LAYERS_TABLES_H

#include <ap_int.h>

namespace two_layers_design {

static const ap_int<7> table_encoder_bias[2] = {
    2, -59,
};
static const ap_uint<3> table_encoder_weight[2][1] = {
    {5}, {2},
};
static const ap_uint<1> table_l0_bu_place[2] = {
    0, 1,
};
static const ap_uint<3> table_l0_du_factor[2] = {
    3, 5,
};
static const ap_int<8> table_l0_ax_a_re[3][1] = {
    {-84}, {-38}, {0},
};
static const ap_uint<7> table_l0_ax_a_im[3][1] = {
    {80}, {105}, {27},
};
static const ap_uint<4> table_l0_x1_amount[3][1] = {
    {11}, {10}, {10},
};
static const ap_uint<3> table_l0_bu_b_re[3][1] = {
    {0}, {6}, {5},
};
static const ap_int<3> table_l0_bu_b_im[3][1] = {
    {0}, {-4}, {2},
};
static const ap_uint<3> table_l0_bu1_amount[3][1] = {
    {5}, {4}, {4},
};
static const ap_uint<4> table_l0_xn_shift[3][1] = {
    {11}, {10}, {10},
};
static const ap_int<4> table_l0_cx_c_re[3][1] = {
    {-8}, {5}, {-8},
};
static const ap_int<4> table_l0_cx_c_im[3][1] = {
    {-2}, {0}, {4},
};
static const ap_uint<1> table_l0_x_rows_group[3] = {
    0, 0, 1,
};
static const ap_uint<1> table_l0_x_rows_ends[3] = {
    0, 1, 1,
};
static const ap_uint<1> table_l0_cx_place[2] = {
    0, 1,
};
static const ap_int<6> table_l0_act_entries[64] = {
    -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3,
    -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31,
};
static const ap_int<8> table_l0_mix_bias[4] = {
    -121, -127, -97, -126,
};
static const ap_int<4> table_l0_mix_weight[8][1] = {
    {5}, {-8}, {0}, {-7}, {-4}, {-1}, {-2}, {-2},
};
static const ap_uint<3> table_l0_gate_in_shift[2] = {
    7, 6,
};
static const ap_uint<6> table_l0_gate_entries[128] = {
    3, 3, 4, 5, 5, 8, 9, 14, 15, 16, 16, 19, 20, 20, 21, 21, 21, 22, 24, 24, 24, 24, 24, 25, 25, 27, 29, 31, 32, 33, 34,
    36, 36, 37, 38, 39, 39, 41, 42, 43, 43, 44, 45, 45, 46, 46, 46, 48, 48, 50, 50, 51, 53, 53, 54, 55, 56, 56, 56, 56,
    59, 60, 62, 63, 1, 3, 3, 3, 4, 5, 6, 11, 12, 12, 12, 14, 14, 18, 19, 22, 23, 25, 26, 26, 26, 26, 27, 28, 28, 29, 30,
    31, 31, 32, 33, 36, 37, 38, 39, 39, 40, 40, 43, 45, 45, 47, 47, 48, 48, 48, 49, 50, 50, 53, 56, 57, 57, 57, 59, 59,
    59, 60, 60, 60, 60, 61, 63, 63,
};
static const ap_uint<3> table_l1_skip_amount[2] = {
    3, 5,
};
static const ap_uint<1> table_l1_bu_place[2] = {
    0, 1,
};
static const ap_uint<3> table_l1_du_factor[2] = {
    6, 4,
};
static const ap_int<8> table_l1_ax_a_re[3][1] = {
    {-119}, {-125}, {-93},
};
static const ap_int<8> table_l1_ax_a_im[3][1] = {
    {95}, {-98}, {-107},
};
static const ap_int<3> table_l1_bu_b_re[3][1] = {
    {-3}, {0}, {-3},
};
static const ap_int<4> table_l1_bu_b_im[3][1] = {
    {-6}, {7}, {6},
};
static const ap_int<4> table_l1_cx_c_re[3][1] = {
    {-2}, {-5}, {-3},
};
static const ap_int<4> table_l1_cx_c_im[3][1] = {
    {5}, {-1}, {-5},
};
static const ap_uint<1> table_l1_x_rows_group[3] = {
    0, 0, 1,
};
static const ap_uint<1> table_l1_x_rows_ends[3] = {
    0, 1, 1,
};
static const ap_uint<1> table_l1_cx_place[2] = {
    0, 1,
};
static const ap_uint<3> table_l1_y_shift[2] = {
    5, 6,
};
static const ap_int<6> table_l1_act_entries[64] = {
    -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3, -3,
    -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
    28, 29, 30, 31,
};
static const ap_int<8> table_l1_mix_bias[4] = {
    49, -118, 80, 59,
};
static const ap_int<4> table_l1_mix_weight[8][1] = {
    {7}, {-4}, {-2}, {0}, {2}, {-1}, {-6}, {6},
};
static const ap_uint<3> table_l1_value_shift[2] = {
    6, 7,
};
static const ap_uint<3> table_l1_gate_in_shift[2] = {
    7, 6,
};
static const ap_uint<6> table_l1_gate_entries[128] = {
    1, 1, 3, 4, 4, 5, 5, 7, 8, 9, 9, 9, 13, 13, 14, 14, 14, 15, 16, 17, 17, 18, 18, 19, 22, 23, 26, 27, 28, 29, 31, 31,
    32, 35, 35, 35, 35, 37, 38, 39, 40, 40, 41, 45, 46, 48, 48, 48, 49, 51, 51, 52, 52, 53, 54, 54, 55, 56, 57, 59, 59,
    60, 61, 61, 0, 0, 2, 2, 2, 3, 4, 5, 6, 7, 7, 8, 10, 11, 16, 17, 17, 17, 17, 19, 20, 20, 22, 23, 24, 26, 26, 26, 27,
    27, 30, 31, 31, 32, 32, 33, 36, 37, 40, 40, 40, 41, 44, 44, 47, 49, 50, 50, 51, 52, 52, 53, 55, 55, 55, 56, 56, 58,
    60, 60, 60, 62, 62, 63,
};
static const ap_uint<1> table_one_value[1] = {
    1,
};
static const ap_uint<1> table_decoder_bias[2] = {
    0, 0,
};
static const ap_uint<3> table_decoder_weight[4][1] = {
    {1}, {6}, {7}, {3},
};
static const ap_uint<1> table_decoder_bias_bias[2] = {
    0, 0,
};
static const ap_uint<7> table_decoder_bias_weight[2][1] = {
    {32}, {92},
};

} // namespace two_layers_design

#endif
