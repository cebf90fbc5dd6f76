"""Plan: the integers of one layer of oscillators: cells, scales of registers, ranges of converters, leaks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.passes.oscillate.converters import Converters
from qssmc.passes.oscillate.oscillators import Oscillators, Real

Ints = NDArray[np.int64]
_HEADROOM = 1.2  # of registers over their calibrated peaks
_ADC_HEADROOM = 1.05
_LEAK_BITS = 4  # significant bits of 1 - rho: a shift and a small product
_SCALE_BITS = 10  # significant bits of a column's digital scale
_SMALLEST = 0.25  # of the cell of kappa, relative to the cell of u beside it in its column
_SPARED = 16.0  # p may use that little of its DAC's range to make the cell of kappa as large


@dataclass(frozen=True)
class OscillatorPlan:
    """One entry a state, but u_shift and u_code, one a head. Real meanings are in units of the layer's input u.

    w_p, w_u: cells of the state's column; step: log2 of what one code of its converter is worth; p_lsb, v_lsb: of the
    registers, p_lsb = v_lsb 2^ahead; leak: rho = leak / 2^shift; scale: v' takes scale * code / 2^shift.
    """

    u_shift: Ints
    u_code: Real
    w_p: Ints
    w_u: Ints
    step: Ints
    p_lsb: Real
    v_lsb: Real
    ahead: Ints
    leak: Ints
    shift: Ints
    scale: Ints


def plan_layer(
    oscillators: Oscillators, heads: Ints, u: Real, u_lsb: Real, u_width: int, converters: Converters
) -> OscillatorPlan:
    """Choose every integer of a layer.

    heads: (S,); u: calibration input (count, steps, channels), real; u_lsb: (channels,) of its integer form of u_width
    bits. A column's largest cell uses the largest level, and its input weight is exactly 1: only kappa's ratio to it
    matters, and p's share of its DAC's range is what makes that ratio a ratio of levels.
    """
    narrow = converters.register_bits - converters.dac_bits
    leak, shift = _leaks(oscillators.rho)
    rho = leak / np.ldexp(1.0, shift)
    kappa = oscillators.kappa * rho / oscillators.rho
    u_shift = np.full(len(u_lsb), max(0, u_width - converters.dac_bits), np.int64)
    driven = u[:, :, heads]
    tallest, _, _ = Oscillators(rho, kappa, kappa, kappa).peaks(driven, converters.share)
    p_code = _HEADROOM * tallest / converters.drive
    # A cell of u below one level would be none: such a head drives u with a coarser code.
    ratio = kappa * p_code / (u_lsb[heads] * np.ldexp(1.0, u_shift[heads]))
    most = np.zeros(len(u_lsb))
    np.maximum.at(most, heads, ratio)
    u_shift += np.ceil(np.log2(np.maximum(most / converters.level, 1.0))).astype(np.int64)
    u_code = u_lsb * np.ldexp(1.0, u_shift)
    least = _SMALLEST * u_code[heads] / (_SPARED * p_code)
    # Slower than it decays, and too slow for a cell: v is a leaky sum and p one of v, with no cell between them.
    still = (kappa < least) & (kappa < (1.0 - rho) ** 2)
    kappa = np.where(still, 0.0, np.maximum(kappa, least))
    tallest, fastest, column = Oscillators(rho, kappa, kappa, kappa).peaks(driven, converters.share)
    ratio = kappa * p_code / u_code[heads]
    w_p, w_u = _cells(ratio, np.full(len(heads), converters.level))
    full, step = fitted(column * w_u / u_code[heads], converters)
    w_p, w_u = _cells(ratio, np.maximum(1, np.floor(full * converters.level)).astype(np.int64))
    unit = u_code[heads] / w_u
    w_p = np.where(still, 0, w_p)
    p_lsb = np.where(still, _HEADROOM * tallest / converters.drive, w_p * unit / np.where(still, 1.0, kappa))
    p_lsb = p_lsb / (1 << narrow)
    wanted = _HEADROOM * fastest / ((1 << (converters.register_bits - 1)) - 1)
    ahead = np.floor(np.log2(p_lsb / np.maximum(wanted, p_lsb * 2.0**-24))).astype(np.int64)
    v_lsb = p_lsb * np.ldexp(1.0, -ahead)
    scale = _rounded(np.ldexp(unit / v_lsb, step + shift))
    return OscillatorPlan(u_shift, u_code, -w_p, w_u, step, p_lsb, v_lsb, ahead, leak, shift, scale)


def fitted(peak: Real, converters: Converters) -> tuple[Real, Ints]:
    """How far a column's levels are scaled down, above 1/2 to 1, so that its peak fills a power-of-two range.

    peak: largest |z| with full levels. Also returns log2 of the converter's step.
    """
    share = np.maximum(peak * _ADC_HEADROOM / converters.reading, 1.0)
    step = np.floor(np.log2(share)).astype(np.int64)
    return np.ldexp(1.0, step) / share, step


def significant(value: Real, bits: int) -> tuple[Ints, Ints]:
    """mantissa, shift with value = mantissa * 2^-shift to `bits` significant bits."""
    exponent = np.floor(np.log2(value)).astype(np.int64) + 1 - bits
    mantissa = np.rint(value * np.ldexp(1.0, -exponent)).astype(np.int64)
    over = mantissa >= (1 << bits)
    return np.where(over, mantissa >> 1, mantissa), -(exponent + over)


def _rounded(value: Real) -> Ints:
    """Integers of _SCALE_BITS significant bits, at least 1."""
    mantissa, shift = significant(np.maximum(value, 1.0), _SCALE_BITS)
    return np.maximum(1, np.rint(np.ldexp(mantissa.astype(np.float64), -shift)).astype(np.int64))


def _leaks(rho: Real) -> tuple[Ints, Ints]:
    """leak, shift with rho = leak / 2^shift, where 1 - rho has _LEAK_BITS significant bits."""
    mantissa, shift = significant(np.clip(1.0 - rho, 2.0**-16, 1.0 - 2.0**-_LEAK_BITS), _LEAK_BITS)
    return (np.int64(1) << shift) - mantissa, shift


def _cells(ratio: Real, level: Ints) -> tuple[Ints, Ints]:
    """Levels of kappa's and of u's cell, of at least the ratio, the larger being the largest level that is given."""
    ratio = np.maximum(ratio, _SMALLEST)
    w_u = np.where(ratio >= 1.0, np.maximum(1, np.floor(level / ratio)), level).astype(np.int64)
    w_p = np.where(ratio >= 1.0, level, np.minimum(level, np.ceil(ratio * level - 1e-9))).astype(np.int64)
    return w_p, w_u
