"""Discretisation of continuous poles in float64: one step of a diagonal SSM."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops import Method

Complex = NDArray[np.complex128]


def lambda_bar(a: Complex, dt: NDArray[np.float64], method: Method) -> Complex:
    """Ā of poles a (S,) and step lengths dt (S,): exp(dt a), or (1 + dt a / 2) / (1 - dt a / 2) for bilinear."""
    if method == "zoh":
        return np.asarray(np.exp(dt * a))
    return np.asarray((1.0 + dt * a / 2.0) / (1.0 - dt * a / 2.0))


def input_gain(a: Complex, dt: NDArray[np.float64], method: Method) -> Complex:
    """b_bar / b (S,): (exp(dt a) - 1) / a, or dt / (1 - dt a / 2) for bilinear."""
    if method == "zoh":
        return np.asarray(np.expm1(dt * a) / a)
    return np.asarray(dt / (1.0 - dt * a / 2.0))
