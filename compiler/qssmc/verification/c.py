"""C: the emitted C in each of its variants, traced and as a user builds it, against golden."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.verification.comparison import Values
from qssmc.verification.narrow import check_narrow, narrow_of
from qssmc.verification.target_check import (
    Compared,
    Driven,
    RecordedDesign,
    TargetCheck,
    check_sequences,
    check_steps,
)
from qssmc.verification.toolchain import Toolchain
from qssmc.verification.variants import Variant, other_compilers, variants_of
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.library import C
from qssmc_sim.trace_lines import trace_difference

TRACED = 4  # recorded sequences whose every value is compared, beside the cover


class _Stepped(EmittedC):
    """A traced build, stepped."""

    def fire(self, samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        values = self.step_batch(samples)
        return values, self.last_batch() if last else {}


def run_c(design: RecordedDesign, tools: Toolchain, source: Path) -> Compared:
    """The C in a folder."""
    cc = tools.cc or os.environ.get(C.variable) or C.usual
    others = () if tools.cc else other_compilers(cc)
    variants = variants_of(cc, others)
    traced = design.traced(len(design.samples) if design.limited else TRACED)
    parts = [part for part in (design.recorded, design.made) if len(part.samples)]
    values = 0
    for variant in variants:
        builder = f"the C compiler {variant.cc}"
        if variant.traced:
            values += _traced(design, source, variant, traced, builder)
        values += check_sequences(
            design,
            lambda v=variant: EmittedC(source, cc=v.cc, flags=v.flags),  # type: ignore[misc]
            parts,
            f"the emitted C as a user builds it ({variant})",
            f"the emitted C in {source}, built as a user does ({variant}),",
            builder,
            lambda part, v=variant: _traced(design, source, v, [part], f"the C compiler {v.cc}"),  # type: ignore[misc]
        )
    layout = json.loads((source / "layout.json").read_text(encoding="utf-8"))  # as compiled
    narrow, why = narrow_of(cc)
    if narrow is not None and (source / "main.c").is_file():
        beside = [name for name in layout["sources"] if name != "harness.c"]  # such as the model of the arrays
        values += check_narrow(design, source, ["main.c", f"{layout['prefix']}.c", *beside], narrow)[0]
    differs = trace_difference(source, f"{layout['prefix']}.c", layout["trace_sources"][0])
    if differs:
        raise VerificationError(f"the emitted C in {source} is not what was traced: {differs}")
    return Compared(
        values,
        ", ".join(dict.fromkeys(v.cc for v in variants)),
        sequences=sum(len(part.samples) for part in parts),
        steps=sum(part.samples[..., 0].size for part in parts),
        made=len(design.made.samples),
        traced=sum(len(part.samples) for part in traced),
        variants=tuple(map(str, (*variants, narrow) if narrow is not None else variants)),
        not_run=(why,) if why else (),
    )


def _traced(design: RecordedDesign, source: Path, variant: Variant, parts: list[Driven], builder: str) -> int:
    return check_steps(
        design,
        lambda: _Stepped(source, trace=True, cc=variant.cc, flags=variant.flags),
        parts,
        "the emitted C",
        f"the emitted C in {source}, built for tracing ({variant}),",
        builder,
    )


CHECK = TargetCheck(
    ("c/layout.json", "c/harness.c", "c/trace/harness.c"),
    lambda name: name.startswith("c/") and name.endswith((".c", ".h")),
    lambda design, tools: run_c(design, tools, design.folder / "c"),
)
