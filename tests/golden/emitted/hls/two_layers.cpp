// two_layers: the processes, one an op or layer, and the top function that joins them by streams.
#include "two_layers.h"

#include "qssm_kernels.h"
#include "two_layers_tables.h"
#include "two_layers_types.h"

namespace two_layers_design {

// %u : u8[1] = input from "input"
static void run_input(
    hls::stream<two_layers_sample> &samples,
    hls::stream<ap_uint<1> > &closing_last,
    hls::stream<ap_uint<1> > &l0_ssm_last,
    hls::stream<ap_uint<1> > &l1_ssm_last,
    hls::stream<ap_uint<1> > &pool_last,
    hls::stream<u_t> &qssm_encoder_u)
{
    ap_uint<1> last = 0;
    {
        const two_layers_sample beat = samples.read();
        const u_t u = beat.data;
        qssm_encoder_u.write(u);
        last = beat.last;
    }
    closing_last.write(last);
    l0_ssm_last.write(last);
    l1_ssm_last.write(last);
    pool_last.write(last);
}

// %encoder : i12[2] = matvec %u weight=@encoder.weight bias=@encoder.bias from "encoder"
// %encoder_q : i6[2] = requant %encoder multiplier=1 shift=@encoder_q.shift low=-32 high=31 from "encoder_q"
static void run_encoder(
    hls::stream<u_t> &in_u,
    hls::stream<encoder_q_t> &qssm_l0_encoder_q)
{
    encoder_t all_encoder[2];
    u_t all_u[1];
    {
        all_u[0] = in_u.read();
    }
    qssm_matvec<encoder_acc_t, 2, 1, 1>(table_encoder_weight, table_encoder_bias, all_u, all_encoder);
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const encoder_q_t encoder_q =
            qssm_round<encoder_q_acc_t, encoder_q_t>(all_encoder[i], 5, ap_int<6>(-32), ap_uint<5>(31));
        qssm_l0_encoder_q.write(encoder_q);
    }
}

// %l0_norm : i16[2] = normalize %encoder_q eps=5 frac=12 from "l0"
// %l0_normq : i6[2] = requant %l0_norm multiplier=1 shift=@l0_normq.shift low=-32 high=31 from "l0_normq"
// %l0_skip : i9[2] = shift_left %encoder_q amount=@l0_skip.amount from "l0"
static void run_l0(
    hls::stream<encoder_q_t> &in_encoder_q,
    hls::stream<l0_normq_t> &qssm_l0_ssm_l0_normq,
    hls::stream<l0_skip_t> &qssm_l0_mix_l0_skip)
{
    encoder_q_t all_encoder_q[2];
    l0_norm_t all_l0_norm[2];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        all_encoder_q[i] = in_encoder_q.read();
    }
    qssm_normalize<l0_norm_acc_t, 2, 12>(all_encoder_q, ap_uint<3>(5), all_l0_norm);
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l0_normq_t l0_normq =
            qssm_round<l0_normq_acc_t, l0_normq_t>(all_l0_norm[i], 9, ap_int<6>(-32), ap_uint<5>(31));
        qssm_l0_ssm_l0_normq.write(l0_normq);
        const l0_skip_t l0_skip = l0_skip_t(all_encoder_q[i]) << 3;
        qssm_l0_mix_l0_skip.write(l0_skip);
    }
}

// %l0_x : ci8[3] = state from "l0.ssm"
// %l0_ax : ci16[3] = diag %l0_x lambda_bar=@l0_ax.lambda_bar from "l0.ssm"
// %l0_x1 : ci19[3] = shift_left %l0_x amount=@l0_x1.amount from "l0.ssm"
// %l0_bu : ci9[3] = inject %l0_normq b_bar=@l0_bu.b_bar heads=@l0_bu.heads from "l0.ssm"
// %l0_bu1 : ci13[3] = shift_left %l0_bu amount=@l0_bu1.amount from "l0.ssm"
// %l0_xs : ci20[3] = add %l0_ax %l0_x1 %l0_bu1 from "l0.ssm"
// %l0_xn : ci8[3] = requant %l0_xs multiplier=1 shift=@l0_xn.shift low=-127 high=127 from "l0.ssm"
// %l0_cx : i12[2] = readout %l0_xn c=@l0_cx.c heads=@l0_cx.heads channels=2 from "l0.ssm"
// %l0_du : i9[2] = scale %l0_normq factor=@l0_du.factor from "l0.ssm"
// %l0_ys : i12[2] = add %l0_cx %l0_du from "l0.ssm"
// %l0_y : i6[2] = requant %l0_ys multiplier=1 shift=@l0_y.shift low=-32 high=31 from "l0_y"
// %l0_act : i6[2] = lut %l0_y entries=@l0_act.entries first=-32 from "l0.activation"
static void run_l0_ssm(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<l0_normq_t> &in_l0_normq,
    hls::stream<l0_act_t> &qssm_l0_mix_l0_act)
{
    static l0_x_t state_l0_x_re[3][1];
#pragma HLS bind_storage variable=state_l0_x_re type=ram_2p
#pragma HLS dependence variable=state_l0_x_re inter false
    static l0_x_t state_l0_x_im[3][1];
#pragma HLS bind_storage variable=state_l0_x_im type=ram_2p
#pragma HLS dependence variable=state_l0_x_im inter false
    l0_du_t all_l0_du[2];
    const ap_uint<1> last = last_in.read();
    l0_normq_t lanes_l0_bu[3];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l0_normq_t l0_normq = in_l0_normq.read();
        lanes_l0_bu[table_l0_bu_place[i].to_int()] = l0_normq;
        const l0_du_t l0_du = table_l0_du_factor[i] * l0_normq;
        all_l0_du[i] = l0_du;
    }
    l0_cx_acc_t lanes_l0_cx[3];
    l0_cx_acc_t sum_l0_cx[1];
#pragma HLS array_partition variable=sum_l0_cx complete dim=1
    sum_l0_cx[0] = 0;
    lanes_l0_cx[2] = 0;
    for (int row = 0; row < 3; row++) {
#pragma HLS pipeline II=1
        const int group = table_l0_x_rows_group[row].to_int();
        const bool ends = table_l0_x_rows_ends[row] != 0;
        const l0_x_t l0_x_re = state_l0_x_re[row][0];
        const l0_x_t l0_x_im = state_l0_x_im[row][0];
        const l0_ax_t l0_ax_re = table_l0_ax_a_re[row][0] * l0_x_re - table_l0_ax_a_im[row][0] * l0_x_im;
        const l0_ax_t l0_ax_im = table_l0_ax_a_re[row][0] * l0_x_im + table_l0_ax_a_im[row][0] * l0_x_re;
        const l0_x1_t l0_x1_re = l0_x1_t(l0_x_re) << table_l0_x1_amount[row][0].to_int();
        const l0_x1_t l0_x1_im = l0_x1_t(l0_x_im) << table_l0_x1_amount[row][0].to_int();
        const l0_bu_t l0_bu_re = table_l0_bu_b_re[row][0] * lanes_l0_bu[group];
        const l0_bu_t l0_bu_im = table_l0_bu_b_im[row][0] * lanes_l0_bu[group];
        const l0_bu1_t l0_bu1_re = l0_bu1_t(l0_bu_re) << table_l0_bu1_amount[row][0].to_int();
        const l0_bu1_t l0_bu1_im = l0_bu1_t(l0_bu_im) << table_l0_bu1_amount[row][0].to_int();
        const l0_xs_t l0_xs_re = l0_ax_re + l0_x1_re + l0_bu1_re;
        const l0_xs_t l0_xs_im = l0_ax_im + l0_x1_im + l0_bu1_im;
        const l0_xn_t l0_xn_re =
            qssm_round<l0_xn_acc_t, l0_xn_t>(l0_xs_re, table_l0_xn_shift[row][0].to_int(), ap_int<8>(-127),
                ap_uint<7>(127));
        const l0_xn_t l0_xn_im =
            qssm_round<l0_xn_acc_t, l0_xn_t>(l0_xs_im, table_l0_xn_shift[row][0].to_int(), ap_int<8>(-127),
                ap_uint<7>(127));
        const l0_cx_acc_t old_l0_cx = sum_l0_cx[0];
        const l0_cx_acc_t l0_cx = old_l0_cx
            + l0_cx_acc_t(table_l0_cx_c_re[row][0] * l0_xn_re - table_l0_cx_c_im[row][0] * l0_xn_im);
        sum_l0_cx[0] = ends ? l0_cx_acc_t(0) : l0_cx;
        if (ends) {
            lanes_l0_cx[group] = l0_cx;
        }
        state_l0_x_re[row][0] = last ? l0_x_t(0) : l0_x_t(l0_xn_re);
        state_l0_x_im[row][0] = last ? l0_x_t(0) : l0_x_t(l0_xn_im);
    }
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l0_cx_t l0_cx = lanes_l0_cx[table_l0_cx_place[i].to_int()];
        const l0_ys_t l0_ys = l0_cx + all_l0_du[i];
        const l0_y_t l0_y = qssm_round<l0_y_acc_t, l0_y_t>(l0_ys, 5, ap_int<6>(-32), ap_uint<5>(31));
        const l0_act_t l0_act = qssm_lookup<l0_act_t>(table_l0_act_entries, l0_y, -32, 0);
        qssm_l0_mix_l0_act.write(l0_act);
    }
}

// %l0_mix : i10[4] = matvec %l0_act weight=@l0_mix.weight bias=@l0_mix.bias from "l0_mix"
// %l0_a : i10[2] = slice %l0_mix start=0 stop=2
// %l0_value : i3[2] = requant %l0_a multiplier=1 shift=@l0_value.shift low=-32 high=31 from "l0_value"
// %l0_b : i9[2] = slice %l0_mix start=2 stop=4
// %l0_gate_in : i3[2] = requant %l0_b multiplier=1 shift=@l0_gate_in.shift low=-32 high=31 from "l0_gate_in"
// %l0_gate : u6[2] = lut %l0_gate_in entries=@l0_gate.entries first=-32 from "l0"
// %l0_product : i8[2] = mul %l0_value %l0_gate from "l0.glu"
// %l0_sum : i9[2] = add %l0_product %l0_skip from "l0"
// %l0_out : i4[2] = requant %l0_sum multiplier=1 shift=@l0_out.shift low=-32 high=31 from "l0_out"
static void run_l0_mix(
    hls::stream<l0_act_t> &in_l0_act,
    hls::stream<l0_skip_t> &in_l0_skip,
    hls::stream<l0_out_t> &qssm_l1_l0_out)
{
    l0_act_t all_l0_act[2];
    l0_mix_t all_l0_mix[4];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        all_l0_act[i] = in_l0_act.read();
    }
    qssm_matvec<l0_mix_acc_t, 4, 2, 1>(table_l0_mix_weight, table_l0_mix_bias, all_l0_act, all_l0_mix);
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l0_skip_t l0_skip = in_l0_skip.read();
        const l0_a_t l0_a = all_l0_mix[i];
        const l0_value_t l0_value = qssm_round<l0_value_acc_t, l0_value_t>(l0_a, 7, ap_int<6>(-32), ap_uint<5>(31));
        const l0_b_t l0_b = all_l0_mix[2 + i];
        const l0_gate_in_t l0_gate_in =
            qssm_round<l0_gate_in_acc_t, l0_gate_in_t>(l0_b, table_l0_gate_in_shift[i].to_int(), ap_int<6>(-32),
                ap_uint<5>(31));
        const l0_gate_t l0_gate = qssm_lookup<l0_gate_t>(table_l0_gate_entries, l0_gate_in, -32, i * 64);
        const l0_product_t l0_product = l0_value * l0_gate;
        const l0_sum_t l0_sum = l0_product + l0_skip;
        const l0_out_t l0_out = qssm_round<l0_out_acc_t, l0_out_t>(l0_sum, 6, ap_int<6>(-32), ap_uint<5>(31));
        qssm_l1_l0_out.write(l0_out);
    }
}

// %l1_norm : i16[2] = normalize %l0_out eps=5 frac=12 from "l1"
// %l1_normq : i6[2] = requant %l1_norm multiplier=1 shift=@l1_normq.shift low=-32 high=31 from "l1_normq"
// %l1_skip : i7[2] = shift_left %l0_out amount=@l1_skip.amount from "l1"
static void run_l1(
    hls::stream<l0_out_t> &in_l0_out,
    hls::stream<l1_normq_t> &qssm_l1_ssm_l1_normq,
    hls::stream<l1_skip_t> &qssm_l1_mix_l1_skip)
{
    l0_out_t all_l0_out[2];
    l1_norm_t all_l1_norm[2];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        all_l0_out[i] = in_l0_out.read();
    }
    qssm_normalize<l1_norm_acc_t, 2, 12>(all_l0_out, ap_uint<3>(5), all_l1_norm);
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l1_normq_t l1_normq =
            qssm_round<l1_normq_acc_t, l1_normq_t>(all_l1_norm[i], 10, ap_int<6>(-32), ap_uint<5>(31));
        qssm_l1_ssm_l1_normq.write(l1_normq);
        const l1_skip_t l1_skip = l1_skip_t(all_l0_out[i]) << table_l1_skip_amount[i].to_int();
        qssm_l1_mix_l1_skip.write(l1_skip);
    }
}

// %l1_x : ci8[3] = state from "l1.ssm"
// %l1_ax : ci16[3] = diag %l1_x lambda_bar=@l1_ax.lambda_bar from "l1.ssm"
// %l1_x1 : ci19[3] = shift_left %l1_x amount=@l1_x1.amount from "l1.ssm"
// %l1_bu : ci8[3] = inject %l1_normq b_bar=@l1_bu.b_bar heads=@l1_bu.heads from "l1.ssm"
// %l1_bu1 : ci13[3] = shift_left %l1_bu amount=@l1_bu1.amount from "l1.ssm"
// %l1_xs : ci20[3] = add %l1_ax %l1_x1 %l1_bu1 from "l1.ssm"
// %l1_xn : ci8[3] = requant %l1_xs multiplier=1 shift=@l1_xn.shift low=-127 high=127 from "l1.ssm"
// %l1_cx : i12[2] = readout %l1_xn c=@l1_cx.c heads=@l1_cx.heads channels=2 from "l1.ssm"
// %l1_du : i8[2] = scale %l1_normq factor=@l1_du.factor from "l1.ssm"
// %l1_ys : i12[2] = add %l1_cx %l1_du from "l1.ssm"
// %l1_y : i6[2] = requant %l1_ys multiplier=1 shift=@l1_y.shift low=-32 high=31 from "l1_y"
// %l1_act : i6[2] = lut %l1_y entries=@l1_act.entries first=-32 from "l1.activation"
static void run_l1_ssm(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<l1_normq_t> &in_l1_normq,
    hls::stream<l1_act_t> &qssm_l1_mix_l1_act)
{
    static l1_x_t state_l1_x_re[3][1];
#pragma HLS bind_storage variable=state_l1_x_re type=ram_2p
#pragma HLS dependence variable=state_l1_x_re inter false
    static l1_x_t state_l1_x_im[3][1];
#pragma HLS bind_storage variable=state_l1_x_im type=ram_2p
#pragma HLS dependence variable=state_l1_x_im inter false
    l1_du_t all_l1_du[2];
    const ap_uint<1> last = last_in.read();
    l1_normq_t lanes_l1_bu[3];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l1_normq_t l1_normq = in_l1_normq.read();
        lanes_l1_bu[table_l1_bu_place[i].to_int()] = l1_normq;
        const l1_du_t l1_du = table_l1_du_factor[i] * l1_normq;
        all_l1_du[i] = l1_du;
    }
    l1_cx_acc_t lanes_l1_cx[3];
    l1_cx_acc_t sum_l1_cx[1];
#pragma HLS array_partition variable=sum_l1_cx complete dim=1
    sum_l1_cx[0] = 0;
    lanes_l1_cx[2] = 0;
    for (int row = 0; row < 3; row++) {
#pragma HLS pipeline II=1
        const int group = table_l1_x_rows_group[row].to_int();
        const bool ends = table_l1_x_rows_ends[row] != 0;
        const l1_x_t l1_x_re = state_l1_x_re[row][0];
        const l1_x_t l1_x_im = state_l1_x_im[row][0];
        const l1_ax_t l1_ax_re = table_l1_ax_a_re[row][0] * l1_x_re - table_l1_ax_a_im[row][0] * l1_x_im;
        const l1_ax_t l1_ax_im = table_l1_ax_a_re[row][0] * l1_x_im + table_l1_ax_a_im[row][0] * l1_x_re;
        const l1_x1_t l1_x1_re = l1_x1_t(l1_x_re) << 11;
        const l1_x1_t l1_x1_im = l1_x1_t(l1_x_im) << 11;
        const l1_bu_t l1_bu_re = table_l1_bu_b_re[row][0] * lanes_l1_bu[group];
        const l1_bu_t l1_bu_im = table_l1_bu_b_im[row][0] * lanes_l1_bu[group];
        const l1_bu1_t l1_bu1_re = l1_bu1_t(l1_bu_re) << 5;
        const l1_bu1_t l1_bu1_im = l1_bu1_t(l1_bu_im) << 5;
        const l1_xs_t l1_xs_re = l1_ax_re + l1_x1_re + l1_bu1_re;
        const l1_xs_t l1_xs_im = l1_ax_im + l1_x1_im + l1_bu1_im;
        const l1_xn_t l1_xn_re = qssm_round<l1_xn_acc_t, l1_xn_t>(l1_xs_re, 11, ap_int<8>(-127), ap_uint<7>(127));
        const l1_xn_t l1_xn_im = qssm_round<l1_xn_acc_t, l1_xn_t>(l1_xs_im, 11, ap_int<8>(-127), ap_uint<7>(127));
        const l1_cx_acc_t old_l1_cx = sum_l1_cx[0];
        const l1_cx_acc_t l1_cx = old_l1_cx
            + l1_cx_acc_t(table_l1_cx_c_re[row][0] * l1_xn_re - table_l1_cx_c_im[row][0] * l1_xn_im);
        sum_l1_cx[0] = ends ? l1_cx_acc_t(0) : l1_cx;
        if (ends) {
            lanes_l1_cx[group] = l1_cx;
        }
        state_l1_x_re[row][0] = last ? l1_x_t(0) : l1_x_t(l1_xn_re);
        state_l1_x_im[row][0] = last ? l1_x_t(0) : l1_x_t(l1_xn_im);
    }
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l1_cx_t l1_cx = lanes_l1_cx[table_l1_cx_place[i].to_int()];
        const l1_ys_t l1_ys = l1_cx + all_l1_du[i];
        const l1_y_t l1_y =
            qssm_round<l1_y_acc_t, l1_y_t>(l1_ys, table_l1_y_shift[i].to_int(), ap_int<6>(-32), ap_uint<5>(31));
        const l1_act_t l1_act = qssm_lookup<l1_act_t>(table_l1_act_entries, l1_y, -32, 0);
        qssm_l1_mix_l1_act.write(l1_act);
    }
}

// %l1_mix : i10[4] = matvec %l1_act weight=@l1_mix.weight bias=@l1_mix.bias from "l1_mix"
// %l1_a : i10[2] = slice %l1_mix start=0 stop=2
// %l1_value : i4[2] = requant %l1_a multiplier=1 shift=@l1_value.shift low=-32 high=31 from "l1_value"
// %l1_b : i9[2] = slice %l1_mix start=2 stop=4
// %l1_gate_in : i3[2] = requant %l1_b multiplier=1 shift=@l1_gate_in.shift low=-32 high=31 from "l1_gate_in"
// %l1_gate : u6[2] = lut %l1_gate_in entries=@l1_gate.entries first=-32 from "l1"
// %l1_product : i9[2] = mul %l1_value %l1_gate from "l1.glu"
// %l1_sum : i9[2] = add %l1_product %l1_skip from "l1"
// %l1_out : i3[2] = requant %l1_sum multiplier=1 shift=@l1_out.shift low=-32 high=31 from "l1_out"
static void run_l1_mix(
    hls::stream<l1_act_t> &in_l1_act,
    hls::stream<l1_skip_t> &in_l1_skip,
    hls::stream<l1_out_t> &qssm_pool_l1_out)
{
    l1_act_t all_l1_act[2];
    l1_mix_t all_l1_mix[4];
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        all_l1_act[i] = in_l1_act.read();
    }
    qssm_matvec<l1_mix_acc_t, 4, 2, 1>(table_l1_mix_weight, table_l1_mix_bias, all_l1_act, all_l1_mix);
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const l1_skip_t l1_skip = in_l1_skip.read();
        const l1_a_t l1_a = all_l1_mix[i];
        const l1_value_t l1_value =
            qssm_round<l1_value_acc_t, l1_value_t>(l1_a, table_l1_value_shift[i].to_int(), ap_int<6>(-32),
                ap_uint<5>(31));
        const l1_b_t l1_b = all_l1_mix[2 + i];
        const l1_gate_in_t l1_gate_in =
            qssm_round<l1_gate_in_acc_t, l1_gate_in_t>(l1_b, table_l1_gate_in_shift[i].to_int(), ap_int<6>(-32),
                ap_uint<5>(31));
        const l1_gate_t l1_gate = qssm_lookup<l1_gate_t>(table_l1_gate_entries, l1_gate_in, -32, i * 64);
        const l1_product_t l1_product = l1_value * l1_gate;
        const l1_sum_t l1_sum = l1_product + l1_skip;
        const l1_out_t l1_out = qssm_round<l1_out_acc_t, l1_out_t>(l1_sum, 6, ap_int<6>(-32), ap_uint<5>(31));
        qssm_pool_l1_out.write(l1_out);
    }
}

// %total : i20[2] = state from "pool"
// %steps : u19[1] = state from "pool"
// %total_s : i21[2] = add %total %l1_out from "pool"
// %total_n : i20[2] = requant %total_s multiplier=1 shift=0 low=-524287 high=524287 from "pool"
// %steps_s : u20[1] = add %steps %one from "pool"
// %steps_n : u19[1] = requant %steps_s multiplier=1 shift=0 low=0 high=524287 from "pool"
static void run_pool(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<l1_out_t> &in_l1_out,
    hls::stream<total_n_t> &qssm_closing_total,
    hls::stream<steps_n_t> &qssm_closing_steps)
{
    static total_t state_total[2];
#pragma HLS bind_storage variable=state_total type=ram_2p
#pragma HLS dependence variable=state_total inter false
    static steps_t state_steps[1];
#pragma HLS bind_storage variable=state_steps type=ram_2p
#pragma HLS dependence variable=state_steps inter false
    const ap_uint<1> last = last_in.read();
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const total_t total = state_total[i];
        const l1_out_t l1_out = in_l1_out.read();
        const total_s_t total_s = total + l1_out;
        const total_n_t total_n =
            qssm_round<total_n_acc_t, total_n_t>(total_s, 0, ap_int<20>(-524287), ap_uint<19>(524287));
        if (last) { qssm_closing_total.write(total_n); }
        state_total[i] = last ? total_t(0) : total_t(total_n);
    }
    {
        const steps_t steps = state_steps[0];
        const steps_s_t steps_s = steps + table_one_value[0];
        const steps_n_t steps_n = qssm_round<steps_n_acc_t, steps_n_t>(steps_s, 0, ap_uint<1>(0), ap_uint<19>(524287));
        if (last) { qssm_closing_steps.write(steps_n); }
        state_steps[0] = last ? steps_t(0) : steps_t(steps_n);
    }
}

// %decoder : i24[2] = matvec %total weight=@decoder.weight bias=@decoder.bias from "decoder"
// %decoder_bias : u26[2] = matvec %steps weight=@decoder_bias.weight bias=@decoder_bias.bias from "decoder"
// %logits : i27[2] = add %decoder %decoder_bias from "decoder"
static void run_closing(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<total_n_t> &in_total,
    hls::stream<steps_n_t> &in_steps,
    hls::stream<two_layers_logits_beat> &qssm_logits)
{
    decoder_t all_decoder[2];
    decoder_bias_t all_decoder_bias[2];
    steps_t all_steps[1];
    total_t all_total[2];
    const ap_uint<1> last = last_in.read();
    if (last) {
        {
            all_steps[0] = in_steps.read();
        }
        for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
            all_total[i] = in_total.read();
        }
        qssm_matvec<decoder_acc_t, 2, 2, 1>(table_decoder_weight, table_decoder_bias, all_total, all_decoder);
        qssm_matvec<decoder_bias_acc_t, 2, 1, 1>(table_decoder_bias_weight, table_decoder_bias_bias, all_steps,
                all_decoder_bias);
        for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
            const logits_t logits = all_decoder[i] + all_decoder_bias[i];
            qssm_logits.write(qssm_beat<two_layers_logits_beat>(logits, ap_uint<1>(last && i == 1)));
        }
    }
}

} // namespace two_layers_design

void two_layers(hls::stream<two_layers_sample> &samples, hls::stream<two_layers_logits_beat> &qssm_logits)
{
#pragma HLS interface axis port=samples
#pragma HLS interface axis port=qssm_logits
#pragma HLS interface ap_ctrl_hs port=return
#pragma HLS dataflow
    using namespace two_layers_design;

    hls::stream<u_t> encoder_u("encoder_u");
#pragma HLS stream variable=encoder_u depth=2
    hls::stream<encoder_q_t> l0_encoder_q("l0_encoder_q");
#pragma HLS stream variable=l0_encoder_q depth=2
    hls::stream<l0_normq_t> l0_ssm_l0_normq("l0_ssm_l0_normq");
#pragma HLS stream variable=l0_ssm_l0_normq depth=2
    hls::stream<l0_act_t> l0_mix_l0_act("l0_mix_l0_act");
#pragma HLS stream variable=l0_mix_l0_act depth=2
    hls::stream<l0_skip_t> l0_mix_l0_skip("l0_mix_l0_skip");
#pragma HLS stream variable=l0_mix_l0_skip depth=4
    hls::stream<l0_out_t> l1_l0_out("l1_l0_out");
#pragma HLS stream variable=l1_l0_out depth=2
    hls::stream<l1_normq_t> l1_ssm_l1_normq("l1_ssm_l1_normq");
#pragma HLS stream variable=l1_ssm_l1_normq depth=2
    hls::stream<l1_act_t> l1_mix_l1_act("l1_mix_l1_act");
#pragma HLS stream variable=l1_mix_l1_act depth=2
    hls::stream<l1_skip_t> l1_mix_l1_skip("l1_mix_l1_skip");
#pragma HLS stream variable=l1_mix_l1_skip depth=4
    hls::stream<l1_out_t> pool_l1_out("pool_l1_out");
#pragma HLS stream variable=pool_l1_out depth=2
    hls::stream<total_n_t> closing_total("closing_total");
#pragma HLS stream variable=closing_total depth=2
    hls::stream<steps_n_t> closing_steps("closing_steps");
#pragma HLS stream variable=closing_steps depth=2
    hls::stream<ap_uint<1> > closing_last("closing_last");
#pragma HLS stream variable=closing_last depth=11
    hls::stream<ap_uint<1> > l0_ssm_last("l0_ssm_last");
#pragma HLS stream variable=l0_ssm_last depth=5
    hls::stream<ap_uint<1> > l1_ssm_last("l1_ssm_last");
#pragma HLS stream variable=l1_ssm_last depth=8
    hls::stream<ap_uint<1> > pool_last("pool_last");
#pragma HLS stream variable=pool_last depth=10

    run_input(samples, closing_last, l0_ssm_last, l1_ssm_last, pool_last, encoder_u);
    run_encoder(encoder_u, l0_encoder_q);
    run_l0(l0_encoder_q, l0_ssm_l0_normq, l0_mix_l0_skip);
    run_l0_ssm(l0_ssm_last, l0_ssm_l0_normq, l0_mix_l0_act);
    run_l0_mix(l0_mix_l0_act, l0_mix_l0_skip, l1_l0_out);
    run_l1(l1_l0_out, l1_ssm_l1_normq, l1_mix_l1_skip);
    run_l1_ssm(l1_ssm_last, l1_ssm_l1_normq, l1_mix_l1_act);
    run_l1_mix(l1_mix_l1_act, l1_mix_l1_skip, pool_l1_out);
    run_pool(pool_last, pool_l1_out, closing_total, closing_steps);
    run_closing(closing_last, closing_total, closing_steps, qssm_logits);
}
