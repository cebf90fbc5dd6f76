"""ONNX: the emitted step, with every value as an output, and the emitted sequence against golden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.verification.comparison import Values
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck, check_sequences, check_steps
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_onnx import EmittedOnnx


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    source = design.folder / "onnx"
    emitted = EmittedOnnx(source, design.graph)

    def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        if not emitted.batch:
            emitted.reset(len(samples))
        values = emitted.step_batch(samples)
        return values, emitted.last_batch() if last else {}

    values = check_steps(design, step, "ONNX Runtime", f"the ONNX step in {source}")
    check_sequences(design, emitted.run, "the ONNX sequence", f"the ONNX sequence in {source}")
    return Compared(values, "ONNX Runtime")


def _is_run(name: str) -> bool:
    """Integer models are run; the float one is only to look at."""
    return name in ("onnx/step.onnx", "onnx/last.onnx", "onnx/sequence.onnx")


CHECK = TargetCheck((), _is_run, _run)
