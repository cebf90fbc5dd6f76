"""Sensor arrays: calibration sequences as a user has them in Python, to integers in an input format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat
from qssmc.errors import UsageError

LEAST_WIDTH = 8  # bits of a proposed input format at least, for sequences to come reach further than these
PROPOSED_WIDTH = 12  # bits of an input format that is proposed for real numbers that lie on no coarser grid
_SHAPE = "(count, length, channels)"
_EXAMPLE = "InputFormat(width=8, frac=8, signed=False), which stands for q / 256"


@dataclass(frozen=True)
class SensorArray:
    """Integer sequences (count, length, channels) with their format. said: what was chosen, in sentences."""

    samples: NDArray[np.int64]
    input_format: InputFormat
    said: tuple[str, ...] = ()


def plain_array(given: Any) -> NDArray[Any]:
    """A numpy array of a numpy array, a torch tensor (of any kind and device) or nested lists of numbers.

    Raises UsageError for what is none, and for numbers that are not finite.

    >>> plain_array([[1, 2], [3, 4]]).shape
    (2, 2)
    """
    if hasattr(given, "detach"):  # a torch tensor; numpy knows no bfloat16
        given = given.detach().cpu()
        given = (given.double() if given.is_floating_point() else given).numpy()
    try:
        array = np.asarray(given)
    except ValueError as error:
        raise UsageError(f"calibration must be one array of shape {_SHAPE}; all sequences have one length") from error
    if array.dtype.kind not in "iuf":
        raise UsageError(f"calibration must be an array of numbers of shape {_SHAPE}, not {array.dtype}")
    if not array.size:
        raise UsageError(f"calibration is empty: its shape is {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UsageError(f"calibration has {int((~np.isfinite(array)).sum())} values that are NaN or infinite")
    return array


def in_format(array: NDArray[Any], input_format: InputFormat | None) -> SensorArray:
    """Integers as they are, in the format that is given; real numbers rounded onto it, or onto a proposed one.

    array: (count, length, channels). Raises UsageError for integers without a format, and for values beyond it.

    >>> in_format(np.array([[[0.25], [-0.5]]]), None).input_format
    InputFormat(width=8, frac=2, signed=True)
    """
    if array.dtype.kind in "iu":
        if input_format is None:
            raise UsageError(f"calibration of integers needs input_format, what they stand for, such as {_EXAMPLE}")
        samples, said = array.astype(np.int64), ""
    else:
        proposed = input_format is None
        input_format = input_format or propose_format(array)
        exact = input_format.to_steps(array)
        samples = np.rint(exact).astype(np.int64)
        worst = float((np.abs(samples - exact) * input_format.units(array.shape[-1])).max())
        how = "proposed for their range; give input_format for another" if proposed else "as given"
        said = f"calibration: real numbers as {input_format} ({how}), rounded by {worst:.1e} at most"
    low, high = input_format.bounds
    if samples.min() < low or samples.max() > high:
        raise UsageError(
            f"calibration must lie in {low}..{high} of {input_format}, not {samples.min()}..{samples.max()}; "
            "give an input_format of a wider range"
        )
    return SensorArray(samples, input_format, (said,) if said else ())


def propose_format(array: NDArray[Any]) -> InputFormat:
    """The format of 8 to 12 bits that holds real numbers exactly, if there is one; else 12 bits over their range.

    >>> propose_format(np.array([0.0, 0.1, 3.0]))
    InputFormat(width=12, frac=10, signed=False)
    """
    low, high = float(array.min()), float(array.max())
    signed = low < 0
    for frac in range(2 * PROPOSED_WIDTH):
        scaled = array * 2.0**frac
        width = _width(low * 2.0**frac, high * 2.0**frac, signed)
        if width > PROPOSED_WIDTH:
            break
        if np.array_equal(scaled, np.rint(scaled)):
            return InputFormat(max(width, LEAST_WIDTH), frac, signed)
    reach = max(abs(low), abs(high))
    frac = PROPOSED_WIDTH - int(signed) - int(np.ceil(np.log2(reach)))
    while _width(np.rint(low * 2.0**frac), np.rint(high * 2.0**frac), signed) > PROPOSED_WIDTH:
        frac -= 1
    return InputFormat(PROPOSED_WIDTH, frac, signed)


def _width(low: float, high: float, signed: bool) -> int:
    """Bits of an integer that reaches from low to high."""
    if not signed:
        return max(1, int(high).bit_length())
    return 1 + max((-int(low) - 1).bit_length() if low <= -1 else 0, int(max(high, 0)).bit_length(), 1 if low else 0)
