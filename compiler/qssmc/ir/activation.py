"""The nonlinearities as real functions in float64: the one definition that tables and interpreters share."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.ops import ACTIVATIONS

Real = NDArray[np.float64]
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Real) -> Real:
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)))


def _gelu(x: Real) -> Real:
    return np.asarray(0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))) if x.size else x


def _gelu_tanh(x: Real) -> Real:
    return np.asarray(0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))))


def _qgelu(x: Real) -> Real:
    """x min(max(0, x + 2), 4) / 4 (Zhao et al., arXiv 2506.12480)."""
    return x * np.clip(x + 2.0, 0.0, 4.0) / 4.0


def _exp(x: Real) -> Real:
    """e^x; infinite where float64 ends, and a table saturates there like everywhere above its range."""
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(x))


def _rsqrt(x: Real) -> Real:
    """1 / sqrt(x); infinite at 0 and below, where a table saturates at its top."""
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / np.sqrt(np.maximum(x, 0.0)))


def _softplus(x: Real) -> Real:
    """log(1 + e^x)."""
    return np.asarray(np.logaddexp(0.0, x))


_FUNCTIONS: dict[str, Callable[[Real], Real]] = {
    "exp": _exp,
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "qgelu": _qgelu,
    "relu": lambda x: np.maximum(x, 0.0),
    "rsqrt": _rsqrt,
    "silu": lambda x: x * _sigmoid(x),
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "tanh": lambda x: np.asarray(np.tanh(x)),
}
assert set(_FUNCTIONS) == set(ACTIVATIONS)


def apply_activation(kind: str, x: Real) -> Real:
    """The nonlinearity of a name, element by element."""
    return _FUNCTIONS[kind](x)
