"""HLS: the emitted C++, built once for tracing and once as a user builds it, against golden."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.verification.comparison import Values
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck, check_sequences, check_steps
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_hls import EmittedHls


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    source = design.folder / "hls"
    with EmittedHls(source, trace=True, cxx=tools.cxx, ap_types=tools.ap_types) as emitted:

        def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
            if not emitted.batch:
                emitted.reset(len(samples))
            return emitted.step_batch(samples, last=last)

        where = f"the emitted HLS C++ in {source}, built for tracing,"
        values = check_steps(design, step, "the emitted HLS C++", where)
        compiler = emitted.compiler
    with EmittedHls(source, cxx=tools.cxx, ap_types=tools.ap_types) as emitted:
        what = "the emitted HLS C++ as a user builds it"
        check_sequences(design, emitted.run, what, f"the emitted HLS C++ in {source}, built as a user does,")
        differs = emitted.trace_differs()
    if differs:
        raise VerificationError(f"the emitted HLS C++ in {source} is not what was traced: {differs}")
    return Compared(values, compiler)


CHECK = TargetCheck(
    ("hls/layout.json", "hls/harness.cpp"),
    lambda name: name.startswith("hls/") and name.endswith((".cpp", ".h")) and not name.endswith("_test.cpp"),
    _run,
)
