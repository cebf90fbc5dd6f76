// one_head: a quantised state-space model as one free-standing HLS kernel that takes a sample a call, emitted by qssmc.
//
// Port samples, 1 beat(s) of 8 bits a sample, TLAST at the last beat of a sequence:
//   %u : u8[1] = input from "input"
// Port qssm_mean, 2 beat(s) of 24 bits (ap_int<23>) after the last sample:
//   Says values: each element is a quantity by itself.
//   integers; the graph notes no scale
// Sequences may have 4369 steps (ONE_HEAD_MAX_STEPS). Beyond that, the sums over the steps and the count of steps stay
//     at their limits where they reach them; nothing wraps, but outputs made of them are no longer exact.
#ifndef ONE_HEAD_H
#define ONE_HEAD_H

#include <ap_int.h>
#include <hls_stream.h>
#include <ap_axi_sdata.h>

#define ONE_HEAD_MAX_STEPS 4369

typedef ap_axiu<8, 1, 1, 1> one_head_sample;
typedef ap_axiu<24, 1, 1, 1> one_head_mean_beat;
typedef ap_int<23> one_head_mean;

void one_head(hls::stream<one_head_sample> &samples, hls::stream<one_head_mean_beat> &qssm_mean);

#endif
