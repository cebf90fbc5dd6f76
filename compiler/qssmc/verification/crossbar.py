"""Crossbar: the weight map's cells, the host's C and the core around models of the arrays against golden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar import CrossbarMap, read_map
from qssmc.verification.c import run_c
from qssmc.verification.comparison import Values
from qssmc.verification.target_check import Compared, Driven, RecordedDesign, TargetCheck, check_steps
from qssmc.verification.toolchain import Toolchain
from qssmc.verification.verilog import is_core, replayed, replaying
from qssmc.verification.weight_map import check_stages, check_weights
from qssmc_sim.machine import run
from qssmc_sim.mapped import MappedMachine

FEW = 4  # sequences, if no number is given: every cell of every read is a product of its own in Python
FEW_STEPS = 2  # of one sequence, for a core of arrays under Icarus, in which every op has cells of its own


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    """The map's cells against the graph, every value of a step through its conductances, and the stages before.

    Without a number of sequences the first few of those recorded and of those made serve, for a graph of arrays has
    hundreds of ops.
    """
    few = len(design.samples) if design.limited else FEW
    short = replace(
        design,
        samples=design.samples[:few],
        expected=design.recorded.first(few).expected,
        made=design.made.first(few),
        cover=min(few, design.cover),
    )
    crossbar = read_map(design.folder / "crossbar")
    check_weights(design.graph, crossbar)
    parts = short.traced(few)
    values = check_steps(
        short,
        lambda: _Arrays(short, crossbar),
        parts,
        "the arrays of the weight map",
        f"the arrays in {design.folder}",
        "the model of the arrays",
    )
    host = run_c(short, tools, design.folder / "crossbar/host")
    core = _run_core(short, tools) if crossbar.file.form != "oscillator" else Compared(0, "")
    stages = dict(check_stages(design.folder, crossbar, short.samples, design.progress))
    told = ", ".join(f"{what} on {count:,} output values" for what, count in stages.items())
    theirs = f", their core under {core.by}" if core.by else ""
    by = f"{len(crossbar.arrays)} arrays, their host built by {host.by}{theirs}, {told}"
    return Compared(
        values + host.values + core.values + sum(stages.values()),
        by,
        sequences=sum(len(part.samples) for part in parts),
        steps=sum(part.samples[..., 0].size for part in parts),
        made=len(short.made.samples),
        traced=sum(len(part.samples) for part in parts),
        variants=(*host.variants, *core.variants),
    )


class _Arrays:
    """The graph with its products through the map's conductances, stepped."""

    def __init__(self, design: RecordedDesign, crossbar: CrossbarMap) -> None:
        self.graph, self.crossbar = design.graph, crossbar

    def __enter__(self) -> _Arrays:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def reset(self, batch: int) -> None:
        """The states of so many sequences."""
        self.machine = MappedMachine(self.graph, batch, self.crossbar)

    def fire(self, samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        """A step of every sequence."""
        return self.machine.step(samples), self.machine.last() if last else {}


def _run_core(design: RecordedDesign, tools: Toolchain) -> Compared:
    """The core around models of the arrays; under Icarus, if no number is given, the start of one sequence."""
    part = design.recorded
    if tools.simulator == "icarus" and not design.limited:
        samples = design.samples[:1, :FEW_STEPS]
        part = Driven(samples, run(design.graph, samples).outputs)
    apart = replaying(design.folder / "crossbar/verilog", tools, [part], design.limits)
    compared, replay, version = replayed(apart, design.graph, [part])
    many = f"{len(part.samples)} sequence{'' if len(part.samples) == 1 else 's'} of {part.samples.shape[1]} steps"
    return Compared(compared, f"{version}, {many}, {replay.interval} clocks a sample", variants=(version,))


CHECK = TargetCheck(("crossbar/map.json", "crossbar/arrays.npz"), lambda name: is_core(name, "crossbar/verilog/"), _run)
