// two_layers: the type of every value, and of every accumulator (_acc_t), as narrow as the range proof allows.
#ifndef TWO_LAYERS_TYPES_H
#define TWO_LAYERS_TYPES_H

#include <ap_int.h>

namespace two_layers_design {

// %u : u8[1] = input from "input"
typedef ap_uint<8> u_t;
typedef ap_int<9> u_acc_t;
// %encoder : i12[2] = matvec %u weight=@encoder.weight bias=@encoder.bias from "encoder"
typedef ap_int<12> encoder_t;
typedef ap_int<12> encoder_acc_t;
// %encoder_q : i6[2] = requant %encoder multiplier=1 shift=@encoder_q.shift low=-32 high=31 from "encoder_q"
typedef ap_int<6> encoder_q_t;
typedef ap_int<12> encoder_q_acc_t;
// %l0_norm : i16[2] = normalize %encoder_q eps=5 frac=12 from "l0"
typedef ap_int<16> l0_norm_t;
typedef ap_int<16> l0_norm_acc_t;
// %l0_normq : i6[2] = requant %l0_norm multiplier=1 shift=@l0_normq.shift low=-32 high=31 from "l0_normq"
typedef ap_int<6> l0_normq_t;
typedef ap_int<16> l0_normq_acc_t;
// %l0_x : ci8[3] = state from "l0.ssm"
typedef ap_int<8> l0_x_t;
typedef ap_int<8> l0_x_acc_t;
// %l0_ax : ci16[3] = diag %l0_x lambda_bar=@l0_ax.lambda_bar from "l0.ssm"
typedef ap_int<16> l0_ax_t;
typedef ap_int<16> l0_ax_acc_t;
// %l0_x1 : ci19[3] = shift_left %l0_x amount=@l0_x1.amount from "l0.ssm"
typedef ap_int<19> l0_x1_t;
typedef ap_int<19> l0_x1_acc_t;
// %l0_bu : ci9[3] = inject %l0_normq b_bar=@l0_bu.b_bar heads=@l0_bu.heads from "l0.ssm"
typedef ap_int<9> l0_bu_t;
typedef ap_int<9> l0_bu_acc_t;
// %l0_bu1 : ci13[3] = shift_left %l0_bu amount=@l0_bu1.amount from "l0.ssm"
typedef ap_int<13> l0_bu1_t;
typedef ap_int<13> l0_bu1_acc_t;
// %l0_xs : ci20[3] = add %l0_ax %l0_x1 %l0_bu1 from "l0.ssm"
typedef ap_int<20> l0_xs_t;
typedef ap_int<20> l0_xs_acc_t;
// %l0_xn : ci8[3] = requant %l0_xs multiplier=1 shift=@l0_xn.shift low=-127 high=127 from "l0.ssm"
typedef ap_int<8> l0_xn_t;
typedef ap_int<20> l0_xn_acc_t;
// %l0_cx : i12[2] = readout %l0_xn c=@l0_cx.c heads=@l0_cx.heads channels=2 from "l0.ssm"
typedef ap_int<12> l0_cx_t;
typedef ap_int<12> l0_cx_acc_t;
// %l0_du : i9[2] = scale %l0_normq factor=@l0_du.factor from "l0.ssm"
typedef ap_int<9> l0_du_t;
typedef ap_int<9> l0_du_acc_t;
// %l0_ys : i12[2] = add %l0_cx %l0_du from "l0.ssm"
typedef ap_int<12> l0_ys_t;
typedef ap_int<12> l0_ys_acc_t;
// %l0_y : i6[2] = requant %l0_ys multiplier=1 shift=@l0_y.shift low=-32 high=31 from "l0_y"
typedef ap_int<6> l0_y_t;
typedef ap_int<12> l0_y_acc_t;
// %l0_act : i6[2] = lut %l0_y entries=@l0_act.entries first=-32 from "l0.activation"
typedef ap_int<6> l0_act_t;
typedef ap_int<6> l0_act_acc_t;
// %l0_mix : i10[4] = matvec %l0_act weight=@l0_mix.weight bias=@l0_mix.bias from "l0_mix"
typedef ap_int<10> l0_mix_t;
typedef ap_int<10> l0_mix_acc_t;
// %l0_a : i10[2] = slice %l0_mix start=0 stop=2
typedef ap_int<10> l0_a_t;
typedef ap_int<10> l0_a_acc_t;
// %l0_value : i3[2] = requant %l0_a multiplier=1 shift=@l0_value.shift low=-32 high=31 from "l0_value"
typedef ap_int<3> l0_value_t;
typedef ap_int<10> l0_value_acc_t;
// %l0_b : i9[2] = slice %l0_mix start=2 stop=4
typedef ap_int<9> l0_b_t;
typedef ap_int<9> l0_b_acc_t;
// %l0_gate_in : i3[2] = requant %l0_b multiplier=1 shift=@l0_gate_in.shift low=-32 high=31 from "l0_gate_in"
typedef ap_int<3> l0_gate_in_t;
typedef ap_int<9> l0_gate_in_acc_t;
// %l0_gate : u6[2] = lut %l0_gate_in entries=@l0_gate.entries first=-32 from "l0"
typedef ap_uint<6> l0_gate_t;
typedef ap_int<7> l0_gate_acc_t;
// %l0_product : i8[2] = mul %l0_value %l0_gate from "l0.glu"
typedef ap_int<8> l0_product_t;
typedef ap_int<8> l0_product_acc_t;
// %l0_skip : i9[2] = shift_left %encoder_q amount=@l0_skip.amount from "l0"
typedef ap_int<9> l0_skip_t;
typedef ap_int<9> l0_skip_acc_t;
// %l0_sum : i9[2] = add %l0_product %l0_skip from "l0"
typedef ap_int<9> l0_sum_t;
typedef ap_int<9> l0_sum_acc_t;
// %l0_out : i4[2] = requant %l0_sum multiplier=1 shift=@l0_out.shift low=-32 high=31 from "l0_out"
typedef ap_int<4> l0_out_t;
typedef ap_int<10> l0_out_acc_t;
// %l1_norm : i16[2] = normalize %l0_out eps=5 frac=12 from "l1"
typedef ap_int<16> l1_norm_t;
typedef ap_int<16> l1_norm_acc_t;
// %l1_normq : i6[2] = requant %l1_norm multiplier=1 shift=@l1_normq.shift low=-32 high=31 from "l1_normq"
typedef ap_int<6> l1_normq_t;
typedef ap_int<16> l1_normq_acc_t;
// %l1_x : ci8[3] = state from "l1.ssm"
typedef ap_int<8> l1_x_t;
typedef ap_int<8> l1_x_acc_t;
// %l1_ax : ci16[3] = diag %l1_x lambda_bar=@l1_ax.lambda_bar from "l1.ssm"
typedef ap_int<16> l1_ax_t;
typedef ap_int<16> l1_ax_acc_t;
// %l1_x1 : ci19[3] = shift_left %l1_x amount=@l1_x1.amount from "l1.ssm"
typedef ap_int<19> l1_x1_t;
typedef ap_int<19> l1_x1_acc_t;
// %l1_bu : ci8[3] = inject %l1_normq b_bar=@l1_bu.b_bar heads=@l1_bu.heads from "l1.ssm"
typedef ap_int<8> l1_bu_t;
typedef ap_int<8> l1_bu_acc_t;
// %l1_bu1 : ci13[3] = shift_left %l1_bu amount=@l1_bu1.amount from "l1.ssm"
typedef ap_int<13> l1_bu1_t;
typedef ap_int<13> l1_bu1_acc_t;
// %l1_xs : ci20[3] = add %l1_ax %l1_x1 %l1_bu1 from "l1.ssm"
typedef ap_int<20> l1_xs_t;
typedef ap_int<20> l1_xs_acc_t;
// %l1_xn : ci8[3] = requant %l1_xs multiplier=1 shift=@l1_xn.shift low=-127 high=127 from "l1.ssm"
typedef ap_int<8> l1_xn_t;
typedef ap_int<20> l1_xn_acc_t;
// %l1_cx : i12[2] = readout %l1_xn c=@l1_cx.c heads=@l1_cx.heads channels=2 from "l1.ssm"
typedef ap_int<12> l1_cx_t;
typedef ap_int<12> l1_cx_acc_t;
// %l1_du : i8[2] = scale %l1_normq factor=@l1_du.factor from "l1.ssm"
typedef ap_int<8> l1_du_t;
typedef ap_int<8> l1_du_acc_t;
// %l1_ys : i12[2] = add %l1_cx %l1_du from "l1.ssm"
typedef ap_int<12> l1_ys_t;
typedef ap_int<12> l1_ys_acc_t;
// %l1_y : i6[2] = requant %l1_ys multiplier=1 shift=@l1_y.shift low=-32 high=31 from "l1_y"
typedef ap_int<6> l1_y_t;
typedef ap_int<12> l1_y_acc_t;
// %l1_act : i6[2] = lut %l1_y entries=@l1_act.entries first=-32 from "l1.activation"
typedef ap_int<6> l1_act_t;
typedef ap_int<6> l1_act_acc_t;
// %l1_mix : i10[4] = matvec %l1_act weight=@l1_mix.weight bias=@l1_mix.bias from "l1_mix"
typedef ap_int<10> l1_mix_t;
typedef ap_int<10> l1_mix_acc_t;
// %l1_a : i10[2] = slice %l1_mix start=0 stop=2
typedef ap_int<10> l1_a_t;
typedef ap_int<10> l1_a_acc_t;
// %l1_value : i4[2] = requant %l1_a multiplier=1 shift=@l1_value.shift low=-32 high=31 from "l1_value"
typedef ap_int<4> l1_value_t;
typedef ap_int<10> l1_value_acc_t;
// %l1_b : i9[2] = slice %l1_mix start=2 stop=4
typedef ap_int<9> l1_b_t;
typedef ap_int<9> l1_b_acc_t;
// %l1_gate_in : i3[2] = requant %l1_b multiplier=1 shift=@l1_gate_in.shift low=-32 high=31 from "l1_gate_in"
typedef ap_int<3> l1_gate_in_t;
typedef ap_int<9> l1_gate_in_acc_t;
// %l1_gate : u6[2] = lut %l1_gate_in entries=@l1_gate.entries first=-32 from "l1"
typedef ap_uint<6> l1_gate_t;
typedef ap_int<7> l1_gate_acc_t;
// %l1_product : i9[2] = mul %l1_value %l1_gate from "l1.glu"
typedef ap_int<9> l1_product_t;
typedef ap_int<9> l1_product_acc_t;
// %l1_skip : i7[2] = shift_left %l0_out amount=@l1_skip.amount from "l1"
typedef ap_int<7> l1_skip_t;
typedef ap_int<7> l1_skip_acc_t;
// %l1_sum : i9[2] = add %l1_product %l1_skip from "l1"
typedef ap_int<9> l1_sum_t;
typedef ap_int<9> l1_sum_acc_t;
// %l1_out : i3[2] = requant %l1_sum multiplier=1 shift=@l1_out.shift low=-32 high=31 from "l1_out"
typedef ap_int<3> l1_out_t;
typedef ap_int<9> l1_out_acc_t;
// %total : i20[2] = state from "pool"
typedef ap_int<20> total_t;
typedef ap_int<20> total_acc_t;
// %total_s : i21[2] = add %total %l1_out from "pool"
typedef ap_int<21> total_s_t;
typedef ap_int<21> total_s_acc_t;
// %total_n : i20[2] = requant %total_s multiplier=1 shift=0 low=-524287 high=524287 from "pool"
typedef ap_int<20> total_n_t;
typedef ap_int<21> total_n_acc_t;
// %steps : u19[1] = state from "pool"
typedef ap_uint<19> steps_t;
typedef ap_int<20> steps_acc_t;
// %one : u1[1] = constant value=@one.value from "pool"
typedef ap_uint<1> one_t;
typedef ap_int<2> one_acc_t;
// %steps_s : u20[1] = add %steps %one from "pool"
typedef ap_uint<20> steps_s_t;
typedef ap_int<21> steps_s_acc_t;
// %steps_n : u19[1] = requant %steps_s multiplier=1 shift=0 low=0 high=524287 from "pool"
typedef ap_uint<19> steps_n_t;
typedef ap_int<21> steps_n_acc_t;
// %decoder : i24[2] = matvec %total weight=@decoder.weight bias=@decoder.bias from "decoder"
typedef ap_int<24> decoder_t;
typedef ap_int<24> decoder_acc_t;
// %decoder_bias : u26[2] = matvec %steps weight=@decoder_bias.weight bias=@decoder_bias.bias from "decoder"
typedef ap_uint<26> decoder_bias_t;
typedef ap_int<27> decoder_bias_acc_t;
// %logits : i27[2] = add %decoder %decoder_bias from "decoder"
typedef ap_int<27> logits_t;
typedef ap_int<27> logits_acc_t;

} // namespace two_layers_design

#endif
