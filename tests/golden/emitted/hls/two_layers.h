// two_layers: a quantised state-space model as one free-standing HLS kernel that takes a sample a call, emitted by
//     qssmc.
//
// Port samples, 1 beat(s) of 8 bits a sample, TLAST at the last beat of a sequence:
//   %u : u8[1] = input from "input"
// Port qssm_logits, 2 beat(s) of 32 bits (ap_int<27>) after the last sample:
//   Says values: each element is a quantity by itself.
//   integers; the graph notes no scale, divided by the number of steps
// Sequences may have 174762 steps (TWO_LAYERS_MAX_STEPS). Beyond that, the sums over the steps and the count of steps
//     stay at their limits where they reach them; nothing wraps, but outputs made of them are no longer exact.
#ifndef TWO_LAYERS_H
#define TWO_LAYERS_H

#include <ap_int.h>
#include <hls_stream.h>
#include <ap_axi_sdata.h>

#define TWO_LAYERS_MAX_STEPS 174762

typedef ap_axiu<8, 1, 1, 1> two_layers_sample;
typedef ap_axiu<32, 1, 1, 1> two_layers_logits_beat;
typedef ap_int<27> two_layers_logits;

void two_layers(hls::stream<two_layers_sample> &samples, hls::stream<two_layers_logits_beat> &qssm_logits);

#endif
