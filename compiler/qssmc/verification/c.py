"""C: the emitted C, built once for tracing and once as a user builds it, against golden."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.verification.comparison import Values
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck, check_sequences, check_steps
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_c import EmittedC


def run_c(design: RecordedDesign, tools: Toolchain, source: Path) -> Compared:
    """The C in a folder."""
    with EmittedC(source, trace=True, cc=tools.cc) as emitted:

        def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
            if not emitted.batch:
                emitted.reset(len(samples))
            values = emitted.step_batch(samples)
            return values, emitted.last_batch() if last else {}

        values = check_steps(design, step, "the emitted C", f"the emitted C in {source}, built for tracing,")
        compiler = emitted.compiler
    with EmittedC(source, cc=tools.cc) as emitted:
        what = "the emitted C as a user builds it"
        check_sequences(design, emitted.run, what, f"the emitted C in {source}, built as a user does,")
        differs = emitted.trace_differs()
    if differs:
        raise VerificationError(f"the emitted C in {source} is not what was traced: {differs}")
    return Compared(values, compiler)


CHECK = TargetCheck(
    ("c/layout.json", "c/harness.c", "c/trace/harness.c"),
    lambda name: name.startswith("c/") and name.endswith((".c", ".h")),
    lambda design, tools: run_c(design, tools, design.folder / "c"),
)
