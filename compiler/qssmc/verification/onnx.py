"""ONNX: the emitted step, with every value as an output, and the emitted sequence against golden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.verification.comparison import Values
from qssmc.verification.target_check import (
    Compared,
    Driven,
    RecordedDesign,
    TargetCheck,
    check_sequences,
    check_steps,
)
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_onnx import EmittedOnnx

TRACED = 4  # recorded sequences whose every value is compared, beside the cover
LOADING = "ONNX Runtime, loading a model,"


class _Loaded(EmittedOnnx):
    """The models, for a while."""

    def __enter__(self) -> _Loaded:
        return self

    def __exit__(self, *_: object) -> None:
        self.sessions.clear()

    def fire(self, samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        values = self.step_batch(samples)
        return values, self.last_batch() if last else {}


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    source = design.folder / "onnx"
    traced = design.traced(len(design.samples) if design.limited else TRACED)
    parts = [part for part in (design.recorded, design.made) if len(part.samples)]

    def trace(some: list[Driven]) -> int:
        build = lambda: _Loaded(source, design.graph)  # noqa: E731
        return check_steps(design, build, some, "ONNX Runtime", f"the ONNX step in {source}", LOADING)

    values = trace(traced) + check_sequences(
        design,
        lambda: _Loaded(source, design.graph),
        parts,
        "the ONNX sequence",
        f"the ONNX sequence in {source}",
        LOADING,
        lambda part: trace([part]),
    )
    return Compared(
        values,
        "ONNX Runtime",
        sequences=sum(len(part.samples) for part in parts),
        steps=sum(part.samples[..., 0].size for part in parts),
        made=len(design.made.samples),
        traced=sum(len(part.samples) for part in traced),
        variants=("ONNX Runtime on the CPU",),
    )


def _is_run(name: str) -> bool:
    """Integer models are run; the float one is only to look at."""
    return name in ("onnx/step.onnx", "onnx/last.onnx", "onnx/sequence.onnx")


CHECK = TargetCheck((), _is_run, _run)
