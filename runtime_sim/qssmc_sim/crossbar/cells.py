"""Cells: one draw of an array's conductances, and the weights that they really hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc_sim.crossbar.device import Device

Real = NDArray[np.float64]
_T_READ = 250e-9  # seconds, of the 1/f noise


@dataclass(frozen=True)
class Places:
    """Where each weight's cell sits: row and column line within its array, each (columns, rows)."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    size: tuple[int, int]

    @classmethod
    def alone(cls, shape: tuple[int, int]) -> Places:
        """One array that holds nothing but this matrix, unturned."""
        columns, rows = shape
        column, row = np.indices(shape)
        return cls(row, column, (rows, columns))


def program(
    weights: NDArray[np.float64], device: Device, rng: np.random.Generator, places: Places | None = None
) -> Real:
    """Weights as a drawn array holds them, in the units of the targets. weights: (columns, rows).

    Each column's largest weight spans the conductance window. The same generator state gives the same array.
    """
    largest = np.abs(weights).max(axis=1, initial=0.0)
    unit = np.where(largest > 0, largest, 1.0)[:, None] / device.span
    pair = [device.g_min + np.maximum(sign * weights, 0.0) / unit for sign in (1.0, -1.0)]
    if device.name == "ideal" and device.wire == 0 and not _errs(device):
        return weights.astype(np.float64)
    held = np.ones(weights.shape, bool) if device.idle else weights != 0
    first = [_stick(_programmed(target, device, rng), device, rng) for target in pair]
    aged = [_aged(now, target, device, rng) for now, target in zip(first, pair, strict=True)]
    if device.drift is not None and device.age:
        aged = _compensated(first, aged, held, device)
    if device.wire:
        where = places or Places.alone(weights.shape)
        aged = [_wired(conductance, where, device.wire) for conductance in aged]
    return np.where(held, (aged[0] - aged[1]) * unit, 0.0)


def _errs(device: Device) -> bool:
    kinds = (device.programming, device.stuck_on, device.stuck_off, device.age)
    return any(kinds) or bool(device.polynomial) or device.one_over_f is not None


def _programmed(target: Real, device: Device, rng: np.random.Generator) -> Real:
    """Cells right after programming; a conductance cannot be negative."""
    error = device.cell_deviation(target) * rng.standard_normal(target.shape)
    if device.polynomial:
        return np.maximum(target + error, 0.0)
    return np.asarray(target + error)  # the plain Gaussian model is one of weights: it knows no end of the window


def _stick(conductance: Real, device: Device, rng: np.random.Generator) -> Real:
    """Cells stuck at g_max or g_min, drawn one by one."""
    fate = rng.random(conductance.shape)
    stuck = np.where(fate < device.stuck_on, device.g_max, conductance)
    return np.where(fate >= 1.0 - device.stuck_off, device.g_min, stuck)


def _aged(conductance: Real, target: Real, device: Device, rng: np.random.Generator) -> Real:
    """Cells at the time of the run: drift since the first read, and the 1/f noise that stays through the run."""
    relative = np.maximum(np.abs(target) / device.g_max, 1e-7)
    found, time = conductance, device.age
    if device.drift is not None:
        drift = device.drift
        mean, deviation = (
            np.clip(a * np.log(relative) + b, low, high) for a, b, low, high in (drift.mean, drift.deviation)
        )
        nu = np.abs(mean + deviation * rng.standard_normal(conductance.shape))
        time = device.age + drift.t0
        found = conductance * (time / drift.t0) ** -nu
    if device.one_over_f is not None:
        a, b, most = device.one_over_f
        grown = np.maximum((np.abs(conductance) / device.g_max) ** b, 1e-3)
        deviation = np.minimum(a / grown, most) * np.sqrt(np.log((time + _T_READ) / (2.0 * _T_READ)))
        found = np.maximum(found + np.abs(found) * deviation * rng.standard_normal(conductance.shape), 0.0)
    return np.asarray(found)


def _compensated(first: list[Real], aged: list[Real], held: NDArray[np.bool_], device: Device) -> list[Real]:
    """Drifted cells times the factor by which the sum of all, or of a column's, has fallen since the first read."""
    if device.compensation == "none":
        return aged
    axis = None if device.compensation == "global" else 1
    before = sum(np.where(held, g, 0.0).sum(axis=axis, keepdims=True) for g in first)
    after = sum(np.where(held, g, 0.0).sum(axis=axis, keepdims=True) for g in aged)
    factor = np.where(after > 0, before / np.where(after > 0, after, 1.0), 1.0)
    return [g * factor for g in aged]


def _wired(conductance: Real, places: Places, wire: float) -> Real:
    """Cells in series with their path: along the row from its driver, and down the column to its converter."""
    segments = places.column + 1 + (places.size[0] - places.row)
    return np.asarray(conductance / (1.0 + conductance * 1e-6 * wire * segments))
