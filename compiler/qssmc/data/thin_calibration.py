"""Thin calibration: what makes sequences too few, too short or too alike to choose a design on, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.data.sequences import InputFormat

_FEW = 8  # sequences below which ranges and fits rest on too little
_SHORT = 0.5  # of the steps that the model was trained on
_NARROW = 0.1  # of the input type's range


def thin_calibration(samples: NDArray[Any], input_format: InputFormat, length: int | None) -> Iterator[str]:
    """A sentence for each reason not to trust the sequences. samples: integers (count, steps, channels).

    length: steps of the sequences that the model was trained on, None where it does not say.
    """
    count, steps, channels = samples.shape
    if count < _FEW:
        several = "1 calibration sequence is" if count == 1 else f"{count} calibration sequences are"
        yield f"{several} too few to trust ranges and fits; give {_FEW} or more"
    if length is not None and steps < _SHORT * length:
        yield (
            f"calibration sequences of {steps:,} steps are much shorter than the {length:,} that the model is made "
            "for, so slow states and sums do not reach what they will; give sequences of full length"
        )
    low, high = input_format.bounds
    span = high - low
    flat = samples.reshape(-1, channels)
    least, most = flat.min(axis=0).astype(np.int64), flat.max(axis=0).astype(np.int64)
    constant = [index for index in range(channels) if least[index] == most[index]]
    if constant:
        which = ", ".join(map(str, constant[:8])) + (", ..." if len(constant) > 8 else "")
        one = len(constant) == 1
        yield (
            f"{'channel' if one else 'channels'} {which} of the calibration sequences never "
            f"{'moves' if one else 'move'}, so what the model makes of {'it' if one else 'them'} is not seen; "
            "give sequences in which every channel moves"
        )
    reach = max((int(most[index] - least[index]) for index in range(channels)), default=0)
    if len(constant) < channels and reach <= _NARROW * span:
        yield (
            f"calibration samples lie in {int(least.min())}..{int(most.max())}, {100 * reach / span:.2g} % of the "
            f"range {low}..{high} of the input type; larger samples will saturate, so give sequences that "
            "reach what is to come"
        )
