"""qssm_norm: the integer core of LayerNorm and RMSNorm, against its definition."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from dice import Dice
from module_bench import SEED, run_module


@pytest.mark.parametrize("centred", [1, 0])
@pytest.mark.parametrize(("extent", "eps", "frac"), [(1, 0, 5), (4, 7, 12), (5, 0, 0), (3, 1, 20)])
def test_norm(tmp_path: Path, extent: int, eps: int, frac: int, centred: int) -> None:
    dice = Dice(SEED)
    vectors = [dice.signed(6, extent) for _ in range(6)]
    wanted = []
    for x in vectors:
        total = sum(x) * centred
        root = math.isqrt(extent * sum(v * v for v in x) - total * total + eps)
        wanted += [(extent * v - total) * ((1 << frac) // max(1, root)) for v in x]
    bits = (extent * extent * 1024 + eps).bit_length() + 1
    bits += bits % 2
    parameters = {
        "XW": 6,
        "OW": frac + 12,
        "N": extent,
        "FRAC": frac,
        "VW": bits,
        "EPS": f"{bits}'d{eps}",
        "CENTRED": centred,
    }
    inputs = {"s": (6, [v for x in vectors for v in x])}
    run_module(tmp_path, "qssm_norm", parameters, inputs, {"m": (frac + 12, wanted)})
