"""PTQ prune: accuracy of the float models once states, heads and channels are gone, before anything is rounded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.ptq.cases import DATA, MODELS, SEQUENCES
from qssmc.analysis.calibration import Calibration
from qssmc.data import load_split
from qssmc.evaluation.accuracy import evaluate
from qssmc.frontend import trace
from qssmc.models import load_checkpoint
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc.passes.prune import PruneChannels, PruneHeads, PruneStates
from qssmc_sim import run

# model, states a head that stay, heads, channels, the loss in points that was asked for
CASES = (
    ("S4D-16", None, None, None, None),
    ("S4D-16", 16.0, None, None, 0.1),
    ("S4D-16", 6.0, None, None, None),
    ("S4D-64", None, None, None, None),
    ("S4D-64", 4.0, None, None, 0.1),
    ("S4D-64", 4.0, 52, 42, None),
)


def float_points(data: Path | None, work: Path) -> list[dict[str, Any]]:
    """One measurement a case, read back where it is there."""
    found = []
    for case in CASES:
        kept = work / f"float_{'_'.join(map(str, case))}.json"
        if not kept.is_file():
            work.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(_measure(*case, data)))
        found.append(json.loads(kept.read_text()))
    return found


def _measure(
    model: str, states: float | None, heads: int | None, channels: int | None, asked: float | None, data: Path | None
) -> dict[str, Any]:
    path = Path("examples") / MODELS[model]
    checkpoint = load_checkpoint(path)
    graph = discretize(canonicalise(trace(checkpoint.build(), checkpoint.config.d_input, "model")))
    drawn = load_split(DATA[model], "train", data).take(SEQUENCES[model], 0).samples
    calibration = Calibration(checkpoint.input_format.to_real(drawn).astype(np.float64), run)
    if channels:
        graph = PruneChannels(channels, calibration)(graph)
    if heads:
        graph = PruneHeads(heads, calibration)(graph)
    graph = PruneStates(states, None, calibration)(graph)
    test = load_split(DATA[model], "test", data)
    if states is None:
        answers = evaluate(path, "torch", test).predictions
    else:
        samples = checkpoint.input_format.to_real(test.samples).astype(np.float64)
        answers = Calibration(samples, run).outputs(graph)["y"].argmax(-1)
    left = sum(op.type.shape[0] for op in graph.states if op.type.complex)
    accuracy = 100.0 * float((answers == test.labels).mean())
    return {
        "model": model, "states": states, "heads": heads, "channels": channels,
        "asked": asked, "left": left, "accuracy": accuracy,
    }  # fmt: skip
