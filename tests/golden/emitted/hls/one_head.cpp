// one_head: the processes, one an op or layer, and the top function that joins them by streams.
#include "one_head.h"

#include "qssm_kernels.h"
#include "one_head_tables.h"
#include "one_head_types.h"

namespace one_head_design {

// %u : u8[1] = input from "input"
static void run_input(
    hls::stream<one_head_sample> &samples,
    hls::stream<ap_uint<1> > &closing_last,
    hls::stream<ap_uint<1> > &pool_last,
    hls::stream<ap_uint<1> > &ssm_last,
    hls::stream<u_t> &qssm_ssm_u)
{
    ap_uint<1> last = 0;
    {
        const one_head_sample beat = samples.read();
        const u_t u = beat.data;
        qssm_ssm_u.write(u);
        last = beat.last;
    }
    closing_last.write(last);
    pool_last.write(last);
    ssm_last.write(last);
}

// %x : ci8[2] = state from "ssm"
// %ax : ci15[2] = diag %x lambda_bar=@ax.lambda_bar from "ssm"
// %kept : ci15[2] = shift_left %x amount=@kept.amount from "ssm"
// %bu : cu11[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
// %xs : ci16[2] = add %kept %ax %bu from "ssm"
// %xn : ci8[2] = requant %xs multiplier=1 shift=@xn.shift low=-128 high=127 from "xn"
// %cx : i12[1] = readout %xn c=@cx.c heads=@cx.heads channels=1 from "ssm"
// %y : i8[1] = requant %cx multiplier=1 shift=@y.shift low=-128 high=127 from "y"
static void run_ssm(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<u_t> &in_u,
    hls::stream<y_t> &qssm_pool_y)
{
    static x_t state_x_re[2][1];
#pragma HLS bind_storage variable=state_x_re type=ram_2p
#pragma HLS dependence variable=state_x_re inter false
    static x_t state_x_im[2][1];
#pragma HLS bind_storage variable=state_x_im type=ram_2p
#pragma HLS dependence variable=state_x_im inter false
    const ap_uint<1> last = last_in.read();
    u_t lanes_bu[2];
    {
        const u_t u = in_u.read();
        lanes_bu[table_bu_place[0].to_int()] = u;
    }
    cx_acc_t lanes_cx[2];
    cx_acc_t sum_cx[1];
#pragma HLS array_partition variable=sum_cx complete dim=1
    sum_cx[0] = 0;
    lanes_cx[1] = 0;
    for (int row = 0; row < 2; row++) {
#pragma HLS pipeline II=1
        const int group = table_x_rows_group[row].to_int();
        const bool ends = table_x_rows_ends[row] != 0;
        const x_t x_re = state_x_re[row][0];
        const x_t x_im = state_x_im[row][0];
        const ax_t ax_re = table_ax_a_re[row][0] * x_re - table_ax_a_im[row][0] * x_im;
        const ax_t ax_im = table_ax_a_re[row][0] * x_im + table_ax_a_im[row][0] * x_re;
        const kept_t kept_re = kept_t(x_re) << table_kept_amount[row][0].to_int();
        const kept_t kept_im = kept_t(x_im) << table_kept_amount[row][0].to_int();
        const bu_t bu_re = table_bu_b_re[row][0] * lanes_bu[group];
        const bu_t bu_im = 0;
        const xs_t xs_re = kept_re + ax_re + bu_re;
        const xs_t xs_im = kept_im + ax_im + bu_im;
        const xn_t xn_re =
            qssm_round<xn_acc_t, xn_t>(xs_re, table_xn_shift[row][0].to_int(), ap_int<8>(-128), ap_uint<7>(127));
        const xn_t xn_im =
            qssm_round<xn_acc_t, xn_t>(xs_im, table_xn_shift[row][0].to_int(), ap_int<8>(-128), ap_uint<7>(127));
        const cx_acc_t old_cx = sum_cx[0];
        const cx_acc_t cx = old_cx + cx_acc_t(table_cx_c_re[row][0] * xn_re - table_cx_c_im[row][0] * xn_im);
        sum_cx[0] = ends ? cx_acc_t(0) : cx;
        if (ends) {
            lanes_cx[group] = cx;
        }
        state_x_re[row][0] = last ? x_t(0) : x_t(xn_re);
        state_x_im[row][0] = last ? x_t(0) : x_t(xn_im);
    }
    {
        const cx_t cx = lanes_cx[0];
        const y_t y = qssm_round<y_acc_t, y_t>(cx, 4, ap_int<8>(-128), ap_uint<7>(127));
        qssm_pool_y.write(y);
    }
}

// %pooled : i20[1] = state from "pool"
// %summed : i21[1] = add %pooled %y from "pool"
// %pooled_n : i20[1] = requant %summed multiplier=1 shift=@pooled_n.shift low=-524288 high=524287 from "pooled_n"
static void run_pool(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<y_t> &in_y,
    hls::stream<pooled_n_t> &qssm_closing_pooled)
{
    static pooled_t state_pooled[1];
#pragma HLS bind_storage variable=state_pooled type=ram_2p
#pragma HLS dependence variable=state_pooled inter false
    const ap_uint<1> last = last_in.read();
    {
        const pooled_t pooled = state_pooled[0];
        const y_t y = in_y.read();
        const summed_t summed = pooled + y;
        const pooled_n_t pooled_n =
            qssm_round<pooled_n_acc_t, pooled_n_t>(summed, 0, ap_int<20>(-524288), ap_uint<19>(524287));
        if (last) { qssm_closing_pooled.write(pooled_n); }
        state_pooled[0] = last ? pooled_t(0) : pooled_t(pooled_n);
    }
}

// %out : i23[2] = matvec %pooled weight=@out.weight bias=@out.bias from "out"
static void run_closing(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<pooled_n_t> &in_pooled,
    hls::stream<one_head_mean_beat> &qssm_mean)
{
    out_t all_out[2];
    pooled_t all_pooled[1];
    const ap_uint<1> last = last_in.read();
    if (last) {
        {
            all_pooled[0] = in_pooled.read();
        }
        qssm_matvec<out_acc_t, 2, 1, 1>(table_out_weight, table_out_bias, all_pooled, all_out);
        for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
            qssm_mean.write(qssm_beat<one_head_mean_beat>(all_out[i], ap_uint<1>(last && i == 1)));
        }
    }
}

} // namespace one_head_design

void one_head(hls::stream<one_head_sample> &samples, hls::stream<one_head_mean_beat> &qssm_mean)
{
#pragma HLS interface axis port=samples
#pragma HLS interface axis port=qssm_mean
#pragma HLS interface ap_ctrl_hs port=return
#pragma HLS dataflow
    using namespace one_head_design;

    hls::stream<u_t> ssm_u("ssm_u");
#pragma HLS stream variable=ssm_u depth=2
    hls::stream<y_t> pool_y("pool_y");
#pragma HLS stream variable=pool_y depth=2
    hls::stream<pooled_n_t> closing_pooled("closing_pooled");
#pragma HLS stream variable=closing_pooled depth=2
    hls::stream<ap_uint<1> > closing_last("closing_last");
#pragma HLS stream variable=closing_last depth=5
    hls::stream<ap_uint<1> > pool_last("pool_last");
#pragma HLS stream variable=pool_last depth=4
    hls::stream<ap_uint<1> > ssm_last("ssm_last");
#pragma HLS stream variable=ssm_last depth=3

    run_input(samples, closing_last, pool_last, ssm_last, ssm_u);
    run_ssm(ssm_last, ssm_u, pool_y);
    run_pool(pool_last, pool_y, closing_pooled);
    run_closing(closing_last, closing_pooled, qssm_mean);
}
