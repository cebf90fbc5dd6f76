// one_head: the type of every value, and of every accumulator (_acc_t), as narrow as the range proof allows.
#ifndef ONE_HEAD_TYPES_H
#define ONE_HEAD_TYPES_H

#include <ap_int.h>

namespace one_head_design {

// %u : u8[1] = input from "input"
typedef ap_uint<8> u_t;
typedef ap_int<9> u_acc_t;
// %x : ci8[2] = state from "ssm"
typedef ap_int<8> x_t;
typedef ap_int<8> x_acc_t;
// %ax : ci15[2] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
typedef ap_int<15> ax_t;
typedef ap_int<15> ax_acc_t;
// %kept : ci15[2] = shift_left %x amount=@kept.amount from "ssm"
typedef ap_int<15> kept_t;
typedef ap_int<15> kept_acc_t;
// %bu : cu11[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
typedef ap_uint<11> bu_t;
typedef ap_int<12> bu_acc_t;
// %xs : ci16[2] = add %kept %ax %bu from "ssm"
typedef ap_int<16> xs_t;
typedef ap_int<16> xs_acc_t;
// %xn : ci8[2] = requant %xs multiplier=1 shift=@xn.shift low=-128 high=127 from "xn"
typedef ap_int<8> xn_t;
typedef ap_int<16> xn_acc_t;
// %cx : i12[1] = readout %xn c=@cx.c heads=@cx.heads channels=1 from "ssm"
typedef ap_int<12> cx_t;
typedef ap_int<12> cx_acc_t;
// %pooled : i20[1] = state from "pool"
typedef ap_int<20> pooled_t;
typedef ap_int<20> pooled_acc_t;
// %y : i8[1] = requant %cx multiplier=1 shift=@y.shift low=-128 high=127 from "y"
typedef ap_int<8> y_t;
typedef ap_int<12> y_acc_t;
// %summed : i21[1] = add %pooled %y from "pool"
typedef ap_int<21> summed_t;
typedef ap_int<21> summed_acc_t;
// %pooled_n : i20[1] = requant %summed multiplier=1 shift=@pooled_n.shift low=-524288 high=524287 from "pooled_n"
typedef ap_int<20> pooled_n_t;
typedef ap_int<21> pooled_n_acc_t;
// %out : i23[2] = matvec %pooled weight=@out.weight bias=@out.bias from "out"
typedef ap_int<23> out_t;
typedef ap_int<23> out_acc_t;

} // namespace one_head_design

#endif
