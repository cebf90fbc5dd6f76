// lookup: the processes, one an op or layer, and the top function that joins them by streams.
#include "lookup.h"

#include "qssm_kernels.h"
#include "lookup_tables.h"
#include "lookup_types.h"

namespace lookup_design {

// %u : i3[2] = input from "input"
static void run_input(
    hls::stream<lookup_sample> &samples,
    hls::stream<ap_uint<1> > &send_y_last,
    hls::stream<u_t> &qssm_squares_u)
{
    ap_uint<1> last = 0;
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const lookup_sample beat = samples.read();
        const u_t u = qssm_clamp<u_t>(ap_int<8>(beat.data), ap_int<3>(-4), ap_uint<2>(3));
        qssm_squares_u.write(u);
        last = beat.last;
    }
    send_y_last.write(last);
}

// %squares : i5[2] = lut %u entries=@squares.entries first=-4 from "squares"
static void run_squares(
    hls::stream<u_t> &in_u,
    hls::stream<squares_t> &qssm_send_y_squares)
{
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const u_t u = in_u.read();
        const squares_t squares = qssm_lookup<squares_t>(table_squares_entries, u, -4, 0);
        qssm_send_y_squares.write(squares);
    }
}

static void run_send_y(
    hls::stream<ap_uint<1> > &last_in,
    hls::stream<squares_t> &in_squares,
    hls::stream<lookup_y_beat> &qssm_y)
{
    const ap_uint<1> last = last_in.read();
    for (int i = 0; i < 2; i++) {
#pragma HLS pipeline II=1
        const squares_t squares = in_squares.read();
        qssm_y.write(qssm_beat<lookup_y_beat>(squares, ap_uint<1>(last && i == 1)));
    }
}

} // namespace lookup_design

void lookup(hls::stream<lookup_sample> &samples, hls::stream<lookup_y_beat> &qssm_y)
{
#pragma HLS interface axis port=samples
#pragma HLS interface axis port=qssm_y
#pragma HLS interface ap_ctrl_hs port=return
#pragma HLS dataflow
    using namespace lookup_design;

    hls::stream<u_t> squares_u("squares_u");
#pragma HLS stream variable=squares_u depth=2
    hls::stream<squares_t> send_y_squares("send_y_squares");
#pragma HLS stream variable=send_y_squares depth=2
    hls::stream<ap_uint<1> > send_y_last("send_y_last");
#pragma HLS stream variable=send_y_last depth=4

    run_input(samples, send_y_last, squares_u);
    run_squares(squares_u, send_y_squares);
    run_send_y(send_y_last, send_y_squares, qssm_y);
}
