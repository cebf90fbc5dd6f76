"""Held-out sequences: real ones that nothing of a design was chosen on, to measure its error on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.data import DATASETS, InputFormat
from qssmc.data.calibration import load_calibration, load_held_out
from qssmc.driver.error_of_design import HELD_OUT
from qssmc.errors import UsageError


def held_out_of(
    asked: str | None,
    calib: str | None,
    used: int,
    shape: tuple[InputFormat, int],
    *,
    steps: int | None,
    seed: int,
    data: Path | None,
) -> tuple[NDArray[np.int64] | None, str]:
    """Integer sequences and where they come from, or None and why there are none.

    asked: --held-out, FILE.npy or DATASET[:COUNT]. Else those of --calib DATASET that come after the `used` ones of the
    same draw; a file's and a model's own sequences all serve for calibration, as there may be few of them. steps: the
    longest that a mean is exact for, None where there is none.
    """
    drawn_from = None if calib is None else calib.partition(":")[0]
    if asked is not None and asked.partition(":")[0] != drawn_from:
        samples, origin = load_calibration(asked, None, *shape, seed=seed, data=data)
        if steps is not None and samples.shape[1] > steps:
            raise UsageError(
                f"--held-out {asked} has sequences of {samples.shape[1]} steps, longer than the {steps} that a mean is "
                "exact for; give a larger --max-steps"
            )
        if len(samples) > HELD_OUT:  # a file may be in the order of its recordings or classes
            samples = samples[np.random.default_rng(seed).permutation(len(samples))[:HELD_OUT]]
            origin = f"{HELD_OUT} of {origin} (seed {seed})"
        return samples, origin
    if drawn_from not in DATASETS:
        return None, "give some with --held-out FILE.npy"
    try:
        samples, _ = load_held_out(calib, used, *shape, seed=seed, data=data, count=HELD_OUT)
    except UsageError:
        return None, f"calibration takes all of {drawn_from}; give some with --held-out FILE.npy"
    return samples, f"{drawn_from}, the {len(samples)} after those of calibration (seed {seed})"
