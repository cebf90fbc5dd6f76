"""numba engine: a whole sequence in float32, structure of arrays, the loops left to LLVM's vectoriser."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.engines.engine import Array, Engine, one_by_one
from benchmarks.engines.parameters import Parameters
from qssmc.errors import ToolError


def numba_sequence(p: Parameters) -> Engine:
    """Tables [state][head], real and imaginary parts apart; frozen into the code, so that no pointer may alias."""
    try:
        from numba import njit
    except ImportError as error:
        raise ToolError("the numba engine needs numba: pip install 'qssmc[bench]'") from error
    kernel: Any = njit(fastmath=True)(_sequence(p))
    return Engine("numba fp32 sequence", one_by_one(kernel))


def _sequence(p: Parameters) -> Any:
    """The plain Python function that numba compiles; its tables are constants of the closure."""
    heads, states, d_input, d_output = p.heads, p.states, p.d_input, len(p.decoder_bias)
    a_re, a_im, b_re, b_im, c_re, c_im = (
        np.ascontiguousarray(part.T) for table in (p.lambda_bar, p.b_bar, p.c) for part in (table.real, table.imag)
    )
    w_in, bias_in, d = np.ascontiguousarray(p.encoder_weight.T), p.encoder_bias, p.d
    w_mix, bias_mix = np.ascontiguousarray(p.mixing_weight.T), p.mixing_bias
    w_out, bias_out = p.decoder_weight, p.decoder_bias
    half, root, one = np.float32(0.5), np.float32(2.0**-0.5), np.float32(1.0)

    def sequence(samples: Array) -> Array:
        x_re, x_im = np.zeros((states, heads), np.float32), np.zeros((states, heads), np.float32)
        x, y, total = np.zeros(heads, np.float32), np.zeros(heads, np.float32), np.zeros(heads, np.float32)
        mixed = np.zeros(2 * heads, np.float32)
        for t in range(samples.shape[0]):
            x[:] = bias_in
            for i in range(d_input):
                for h in range(heads):
                    x[h] += w_in[i, h] * samples[t, i]
            y[:] = d * x
            for n in range(states):
                for h in range(heads):
                    re = a_re[n, h] * x_re[n, h] - a_im[n, h] * x_im[n, h] + b_re[n, h] * x[h]
                    im = a_re[n, h] * x_im[n, h] + a_im[n, h] * x_re[n, h] + b_im[n, h] * x[h]
                    x_re[n, h] = re
                    x_im[n, h] = im
                    y[h] += c_re[n, h] * re - c_im[n, h] * im
            mixed[:] = bias_mix
            for h in range(heads):
                g = half * y[h] * (one + math.erf(root * y[h]))
                for k in range(2 * heads):
                    mixed[k] += w_mix[h, k] * g
            for h in range(heads):
                total[h] += x[h] + mixed[h] / (one + math.exp(-mixed[heads + h]))
        logits = np.zeros(d_output, np.float32)
        for o in range(d_output):
            for h in range(heads):
                logits[o] += w_out[o, h] * total[h]
            logits[o] = logits[o] / np.float32(samples.shape[0]) + bias_out[o]
        return logits

    return sequence
