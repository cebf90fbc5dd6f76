"""Crossbar: the weight map's cells, the host's C and the core around models of the arrays against golden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar import read_map
from qssmc.verification.c import run_c
from qssmc.verification.comparison import Values
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck, check_steps
from qssmc.verification.toolchain import Toolchain
from qssmc.verification.verilog import is_core, replayed, shows_ops
from qssmc.verification.weight_map import check_stages, check_weights
from qssmc_sim.emitted_verilog import EmittedVerilog
from qssmc_sim.machine import run
from qssmc_sim.mapped import MappedMachine

FEW = 4  # sequences, if no number is given: every cell of every read is a product of its own in Python
FEW_STEPS = 2  # of one sequence, for a core of arrays under Icarus, in which every op has cells of its own


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    """The map's cells against the graph, every value of a step through its conductances, and the stages before.

    Without a number of sequences the first few serve, for a graph of arrays has hundreds of ops.
    """
    if not design.limited:
        few = {name: values[:FEW] for name, values in design.expected.items()}
        design = replace(design, samples=design.samples[:FEW], expected=few)
    crossbar = read_map(design.folder / "crossbar")
    check_weights(design.graph, crossbar)
    machine: list[MappedMachine] = []

    def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        if not machine:
            machine.append(MappedMachine(design.graph, len(samples), crossbar))
        return machine[0].step(samples), machine[0].last() if last else {}

    values = check_steps(design, step, "the arrays of the weight map", f"the arrays in {design.folder}")
    host = run_c(design, tools, design.folder / "crossbar/host")
    core = _run_core(design, tools) if crossbar.file.form != "oscillator" else Compared(0, "")
    stages = dict(check_stages(design.folder, crossbar, design.samples, design.progress))
    told = ", ".join(f"{what} on {count:,} output values" for what, count in stages.items())
    theirs = f", their core under {core.by}" if core.by else ""
    by = f"{len(crossbar.arrays)} arrays, their host built by {host.by}{theirs}, {told}"
    return Compared(values + host.values + core.values + sum(stages.values()), by, len(design.samples))


def _run_core(design: RecordedDesign, tools: Toolchain) -> Compared:
    """The core around models of the arrays; under Icarus, if no number is given, the start of one sequence."""
    samples, expected = design.samples, design.expected
    if tools.simulator == "icarus" and not design.limited:
        samples = samples[:1, :FEW_STEPS]
        expected = run(design.graph, samples).outputs
    folder = design.folder / "crossbar/verilog"
    with EmittedVerilog(folder, simulator=tools.simulator, trace=shows_ops(tools)) as emitted:
        compared, replay = replayed(emitted, design.graph, samples, expected)
        many = f"{len(samples)} sequence{'' if len(samples) == 1 else 's'} of {samples.shape[1]} steps"
        by = f"{emitted.version}, {many}, {replay.interval} clocks a sample"
    return Compared(compared, by)


CHECK = TargetCheck(("crossbar/map.json", "crossbar/arrays.npz"), lambda name: is_core(name, "crossbar/verilog/"), _run)
