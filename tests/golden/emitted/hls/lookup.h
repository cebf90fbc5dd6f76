// lookup: a quantised state-space model as one free-standing HLS kernel that takes a sample a call, emitted by qssmc.
//
// Port samples, 2 beat(s) of 8 bits a sample, TLAST at the last beat of a sequence:
//   %u : i3[2] = input from "input"
// Port qssm_y, 2 beat(s) of 8 bits (ap_int<5>) at every sample:
//   Says values: each element is a quantity by itself.
//   integers; the graph notes no scale
// Sequences may have any number of steps, so there is no LOOKUP_MAX_STEPS: nothing is summed over them.
#ifndef LOOKUP_H
#define LOOKUP_H

#include <ap_int.h>
#include <hls_stream.h>
#include <ap_axi_sdata.h>

typedef ap_axiu<8, 1, 1, 1> lookup_sample;
typedef ap_axiu<8, 1, 1, 1> lookup_y_beat;
typedef ap_int<5> lookup_y;

void lookup(hls::stream<lookup_sample> &samples, hls::stream<lookup_y_beat> &qssm_y);

#endif
