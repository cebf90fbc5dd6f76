// one_head: the constant tables, each in the narrowest type that holds it.
#ifndef ONE_HEAD_TABLES_H
#define ONE_HEAD_TABLES_H

#include <ap_int.h>

namespace one_head_design {

static const ap_uint<1> table_bu_place[1] = {
    0,
};
static const ap_int<6> table_ax_a_re[2][1] = {
    {-9}, {-30},
};
static const ap_uint<6> table_ax_a_im[2][1] = {
    {21}, {44},
};
static const ap_uint<3> table_kept_amount[2][1] = {
    {7}, {6},
};
static const ap_uint<3> table_bu_b_re[2][1] = {
    {5}, {7},
};
static const ap_uint<3> table_xn_shift[2][1] = {
    {7}, {6},
};
static const ap_int<4> table_cx_c_re[2][1] = {
    {3}, {-6},
};
static const ap_int<4> table_cx_c_im[2][1] = {
    {-2}, {4},
};
static const ap_uint<1> table_x_rows_group[2] = {
    0, 0,
};
static const ap_uint<1> table_x_rows_ends[2] = {
    0, 1,
};
static const ap_uint<7> table_out_bias[2] = {
    100, 0,
};
static const ap_int<4> table_out_weight[2][1] = {
    {3}, {-5},
};

} // namespace one_head_design

#endif
