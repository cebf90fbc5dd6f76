"""numpy engine: one step in complex64 with as few calls as the arithmetic allows."""

from __future__ import annotations

import numpy as np

from benchmarks.engines.engine import Array, Engine, one_by_one
from benchmarks.engines.parameters import Parameters
from qssmc.errors import ToolError


def numpy_step(p: Parameters) -> Engine:
    """Step by step, in place. scipy gives the exact GELU, which numpy alone lacks."""
    try:
        from scipy.special import erf  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolError("the numpy engine needs scipy for erf: pip install scipy") from error
    heads = p.heads
    half, root = np.float32(0.5), np.float32(2.0**-0.5)
    # Re(c x) is the dot product of the pairs (re, -im) and (re, im): one einsum instead of a complex product and a sum.
    readout = np.ascontiguousarray(p.c.conj()).view(np.float32)

    def run(samples: Array) -> Array:
        state = np.zeros_like(p.c)
        pairs = state.view(np.float32)
        total = np.zeros(heads, np.float32)
        for u in samples:
            x = p.encoder_weight @ u + p.encoder_bias
            np.multiply(state, p.lambda_bar, out=state)
            np.add(state, p.b_bar * x[:, None], out=state)
            y = np.einsum("hk,hk->h", readout, pairs) + p.d * x
            mixed = p.mixing_weight @ (half * y * (1 + erf(root * y))) + p.mixing_bias
            total += x + mixed[:heads] / (1 + np.exp(-mixed[heads:]))
        mean: Array = total / np.float32(len(samples))
        return p.decoder_weight @ mean + p.decoder_bias

    return Engine("numpy step", one_by_one(run))
