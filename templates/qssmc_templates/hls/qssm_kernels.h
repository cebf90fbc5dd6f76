// Kernels that every emitted model shares: rounding, saturation, matrix products, normalisation, streams.
//
// All are exact in the types they are given, which the compiler's range proof makes as narrow as they can be; only
// qssm_round, qssm_requant and qssm_dither lose bits. C++14; needs ap_int.h, hls_stream.h and ap_axi_sdata.h.
#ifndef QSSM_KERNELS_H
#define QSSM_KERNELS_H

#include <ap_int.h>
#include <hls_stream.h>
#include <ap_axi_sdata.h>

// r limited to low..high.
template <class Y, class R, class L, class H> Y qssm_clamp(const R &r, const L &low, const H &high)
{
#pragma HLS inline
    if (r < low) {
        return Y(low);
    }
    if (r > high) {
        return Y(high);
    }
    return Y(r);
}

// clamp(floor((x + 2^(shift-1)) / 2^shift)); nothing is added where shift is 0. Acc holds x + 2^(shift-1).
template <class Acc, class Y, class X, class L, class H>
Y qssm_round(const X &x, int shift, const L &low, const H &high)
{
#pragma HLS inline
    const Acc half = shift > 0 ? Acc(Acc(1) << (shift - 1)) : Acc(0);
    const Acc sum = Acc(x) + half;
    return qssm_clamp<Y>(Acc(sum >> shift), low, high);
}

// qssm_round of x * multiplier.
template <class Acc, class Y, class X, class M, class L, class H>
Y qssm_requant(const X &x, const M &multiplier, int shift, const L &low, const H &high)
{
#pragma HLS inline
    return qssm_round<Acc, Y>(Acc(x * multiplier), shift, low, high);
}

// As qssm_requant, but with floor(phase * 2^shift / 2^Bits) in the place of 2^(shift-1): dithered rounding.
template <class Acc, class Y, int Bits, class X, class M, class P, class L, class H>
Y qssm_dither(const X &x, const M &multiplier, int shift, const P &phase, const L &low, const H &high)
{
#pragma HLS inline
    const Acc term = shift <= Bits ? Acc(phase >> (Bits - shift)) : Acc(Acc(phase) << (shift - Bits));
    const Acc sum = Acc(x * multiplier) + term;
    return qssm_clamp<Y>(Acc(sum >> shift), low, high);
}

// entries[x - first].
template <class Y, int N, class T, class X> Y qssm_lookup(const T (&entries)[N], const X &x, int first, int start)
{
#pragma HLS inline
    return Y(entries[start + x.to_int() - first]);
}

// floor(sqrt(value)) for value < 2^Bits, Bits even: one bit of the result a turn, from the highest.
template <int Bits, class V> ap_uint<Bits> qssm_isqrt(const V &value)
{
    ap_uint<Bits> rest = value;
    ap_uint<Bits> root = 0;
    for (int k = Bits / 2 - 1; k >= 0; k--) {
#pragma HLS pipeline II=1
        const ap_uint<Bits> bit = ap_uint<Bits>(1) << (2 * k);
        const ap_uint<Bits> trial = root + bit;
        root >>= 1;
        if (rest >= trial) {
            rest -= trial;
            root += bit;
        }
    }
    return root;
}

// y = weight * x + bias. weight is stored [Outs / Lanes][Ins][Lanes]: Lanes outputs are summed at once, padded ones
// are 0.
template <class Acc, int Outs, int Ins, int Lanes,
          class W, class B, class X, class Y, int Rows, int Biases, int Xs, int Ys>
void qssm_matvec(const W (&weight)[Rows][Lanes], const B (&bias)[Biases], const X (&x)[Xs], Y (&y)[Ys])
{
#pragma HLS inline off
    static_assert(Rows == (Outs + Lanes - 1) / Lanes * Ins, "weights must fit");
    static_assert(Biases >= Outs && Xs >= Ins && Ys >= Outs, "sizes must fit");
    Acc sum[Lanes];
#pragma HLS array_partition variable=sum complete
    for (int out = 0; out < Outs; out += Lanes) {
        for (int in = 0; in < Ins; in++) {
#pragma HLS pipeline II=1
            for (int lane = 0; lane < Lanes; lane++) {
#pragma HLS unroll
                const Acc before = in == 0 ? Acc(0) : sum[lane];
                const Acc after = before + Acc(weight[out / Lanes * Ins + in][lane] * x[in]);
                sum[lane] = after;
                if (in == Ins - 1 && out + lane < Outs) {
                    y[out + lane] = Y(after + bias[out + lane]);
                }
            }
        }
    }
}

// y = (n x - s) * floor(2^Frac / max(1, isqrt(n sum(x^2) - s^2 + eps))), s = sum(x). Acc holds n^2 max(x^2) + eps.
// Not Centred: s = 0.
template <class Acc, int N, int Frac, int Centred = 1, class E, class X, class Y, int Xs, int Ys>
void qssm_normalize(const X (&x)[Xs], const E &eps, Y (&y)[Ys])
{
#pragma HLS inline off
    static_assert(Xs >= N && Ys >= N, "sizes must fit");
    Acc total = 0;
    Acc squares = 0;
    for (int i = 0; i < N; i++) {
#pragma HLS pipeline II=1
        if (Centred) {
            total += x[i];
        }
        squares += x[i] * x[i];
    }
    const Acc spread = Acc(squares * N) - Acc(total * total) + eps;
    const ap_uint<(Acc::width + 1) / 2 * 2> root = qssm_isqrt<(Acc::width + 1) / 2 * 2>(spread);
    const ap_uint<(Acc::width + 1) / 2 * 2> divisor = root > 1 ? root : ap_uint<(Acc::width + 1) / 2 * 2>(1);
    const ap_uint<Frac + 1> one = ap_uint<Frac + 1>(1) << Frac;
    const ap_uint<Frac + 1> reciprocal = one / divisor;
    for (int i = 0; i < N; i++) {
#pragma HLS pipeline II=1
        y[i] = Y((Acc(x[i] * N) - total) * reciprocal);
    }
}

// N elements of a stream into an array.
template <int N, class T, int Size> void qssm_take_in(hls::stream<T> &in, T (&all)[Size])
{
#pragma HLS inline
    for (int i = 0; i < N; i++) {
#pragma HLS pipeline II=1
        all[i] = in.read();
    }
}

// N elements of an array into a stream.
template <int N, class S, class T, int Size> void qssm_give_out(const S (&all)[Size], hls::stream<T> &out)
{
#pragma HLS inline
    for (int i = 0; i < N; i++) {
#pragma HLS pipeline II=1
        out.write(T(all[i]));
    }
}

// N elements of one array to a place in another.
template <int N, class S, class T, int From, int To>
void qssm_copy(const S (&from)[From], int first, T (&to)[To], int start)
{
#pragma HLS inline
    for (int i = 0; i < N; i++) {
#pragma HLS pipeline II=1
        to[start + i] = T(from[first + i]);
    }
}

// One beat of an AXI4-Stream.
template <class Beat, class T> Beat qssm_beat(const T &value, const ap_uint<1> &last)
{
#pragma HLS inline
    Beat beat;
    beat.data = value;
    beat.keep = -1;
    beat.strb = -1;
    beat.user = 0;
    beat.last = last;
    beat.id = 0;
    beat.dest = 0;
    return beat;
}

#endif
