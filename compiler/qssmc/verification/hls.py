"""HLS: the emitted C++, built once for tracing and once as a user builds it, against golden."""

from __future__ import annotations

import json
import os

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
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
from qssmc_sim.emitted_hls import FLAGS, EmittedHls
from qssmc_sim.library import CXX
from qssmc_sim.trace_lines import trace_difference

TRACED = 4  # recorded sequences whose every value is compared, beside the cover


class _Stepped(EmittedHls):
    """A traced build, stepped."""

    def fire(self, samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        return self.step_batch(samples, last=last)


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    source = design.folder / "hls"
    cxx = tools.cxx or os.environ.get(CXX.variable) or CXX.usual
    builder = f"the C++ compiler {cxx}"
    traced = design.traced(len(design.samples) if design.limited else TRACED)
    parts = [part for part in (design.recorded, design.made) if len(part.samples)]

    def trace(some: list[Driven]) -> int:
        where = f"the emitted HLS C++ in {source}, built for tracing,"
        build = lambda: _Stepped(source, trace=True, cxx=cxx, ap_types=tools.ap_types)  # noqa: E731
        return check_steps(design, build, some, "the emitted HLS C++", where, builder)

    values = trace(traced) + check_sequences(
        design,
        lambda: EmittedHls(source, cxx=cxx, ap_types=tools.ap_types),
        parts,
        "the emitted HLS C++ as a user builds it",
        f"the emitted HLS C++ in {source}, built as a user does,",
        builder,
        lambda part: trace([part]),
    )
    prefix = json.loads((source / "layout.json").read_text(encoding="utf-8"))["prefix"]  # as compiled
    differs = trace_difference(source, f"{prefix}.cpp", f"trace/{prefix}_trace.cpp")
    if differs:
        raise VerificationError(f"the emitted HLS C++ in {source} is not what was traced: {differs}")
    types = "the stand-in of ap_int" if tools.ap_types is None else f"ap_int of {tools.ap_types}"
    return Compared(
        values,
        cxx,
        sequences=sum(len(part.samples) for part in parts),
        steps=sum(part.samples[..., 0].size for part in parts),
        made=len(design.made.samples),
        traced=sum(len(part.samples) for part in traced),
        variants=(f"{cxx} {' '.join(flag for flag in FLAGS if flag.startswith('-O'))}, {types}",),
    )


CHECK = TargetCheck(
    ("hls/layout.json", "hls/harness.cpp"),
    lambda name: name.startswith("hls/") and name.endswith((".cpp", ".h")) and not name.endswith("_test.cpp"),
    _run,
)
