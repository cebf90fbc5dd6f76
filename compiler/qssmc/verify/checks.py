"""Checks: for each target, how what was emitted is run and compared with the golden model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.crossbar import read_map
from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.verify.comparison import Progress, Values, compare_firings, compare_outputs, compare_steps
from qssmc.verify.sandbox import apart
from qssmc.verify.weight_map import check_stages, check_weights
from qssmc_sim.emitted_c import EmittedC
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.emitted_onnx import EmittedOnnx
from qssmc_sim.emitted_verilog import SIMULATORS, EmittedVerilog, Replay
from qssmc_sim.machine import run
from qssmc_sim.mapped import MappedMachine


@dataclass(frozen=True)
class Tools:
    """The compilers that a user names, a folder with the open ap_int headers, and the simulator of Verilog."""

    cc: str | None = None
    cxx: str | None = None
    ap_types: Path | None = None
    simulator: str = SIMULATORS[0]


@dataclass(frozen=True)
class Subject:
    """A compiled folder, its golden model and its recorded sequences."""

    folder: Path
    graph: Graph
    samples: NDArray[np.int64]
    expected: Values
    progress: Progress
    limited: bool = False  # whether the user said how many sequences


@dataclass(frozen=True)
class Run:
    """How many values were compared, by what the emitted files were built or run, and on how many sequences (None: on
    all that there were).
    """

    values: int
    by: str
    sequences: int | None = None


@dataclass(frozen=True)
class Check:
    """what: the target in a user's words; rests_on: files that must be as compiled; compares: those that run shows."""

    what: str
    rests_on: tuple[str, ...]
    compares: Callable[[str], bool]
    run: Callable[[Subject, Tools], Run]


def _run_c(subject: Subject, tools: Tools) -> Run:
    """The C target."""
    return _run_c_of(subject, tools, subject.folder / "c")


def _run_c_of(subject: Subject, tools: Tools, source: Path) -> Run:
    """The C built twice: for tracing, and as a user builds it."""
    with EmittedC(source, trace=True, cc=tools.cc) as emitted:

        def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
            if not emitted.batch:
                emitted.reset(len(samples))
            values = emitted.step_batch(samples)
            return values, emitted.last_batch() if last else {}

        values = _steps(subject, step, "the emitted C", f"the emitted C in {source}, built for tracing,")
        compiler = emitted.compiler
    with EmittedC(source, cc=tools.cc) as emitted:
        _whole(subject, emitted.run, "the emitted C", f"the emitted C in {source}, built as a user does,")
        differs = emitted.trace_differs()
    if differs:
        raise VerificationError(f"the emitted C in {source} is not what was traced: {differs}")
    return Run(values, compiler)


def _run_hls(subject: Subject, tools: Tools) -> Run:
    """The C++ built twice, as the C is."""
    source = subject.folder / "hls"
    with EmittedHls(source, trace=True, cxx=tools.cxx, ap_types=tools.ap_types) as emitted:

        def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
            if not emitted.batch:
                emitted.reset(len(samples))
            return emitted.step_batch(samples, last=last)

        values = _steps(subject, step, "the emitted HLS C++", f"the emitted HLS C++ in {source}, built for tracing,")
        compiler = emitted.compiler
    with EmittedHls(source, cxx=tools.cxx, ap_types=tools.ap_types) as emitted:
        _whole(subject, emitted.run, "the emitted HLS C++", f"the emitted HLS C++ in {source}, built as a user does,")
        differs = emitted.trace_differs()
    if differs:
        raise VerificationError(f"the emitted HLS C++ in {source} is not what was traced: {differs}")
    return Run(values, compiler)


FEW = 2  # sequences that are replayed under Icarus, which does thousands of clocks a second, if no number is given
FEW_ON_ARRAYS = 4  # sequences, if no number is given: every cell of every read is a product of its own in Python
FEW_STEPS = 2  # of one sequence, for a core of arrays, in which every op has cells of its own


def _run_verilog(subject: Subject, tools: Tools) -> Run:
    """The core replays whole sequences."""
    few = FEW if tools.simulator == "icarus" and not subject.limited else len(subject.samples)
    samples = subject.samples[:few]
    expected = {name: values[:few] for name, values in subject.expected.items()}
    with EmittedVerilog(subject.folder / "verilog", simulator=tools.simulator, trace=_traced(tools)) as emitted:
        compared, replay = _replayed(emitted, subject.graph, samples, expected)
        wanted = emitted.design["expected"]
        if _is_steady(wanted, samples.shape[1]) and replay.interval != wanted["interval"]:
            raise VerificationError(
                f"the emitted Verilog in {subject.folder} takes {replay.interval} clocks a sample under "
                f"{emitted.version}, but the compiler's schedule has {wanted['interval']}"
            )
        by = f"{emitted.version}, {few} sequences, {replay.interval} clocks a sample"
    return Run(compared, by)


def _traced(tools: Tools) -> bool:
    """Whether the simulator shows the values of ops."""
    return tools.simulator == "icarus"


def _replayed(
    emitted: EmittedVerilog, graph: Graph, samples: NDArray[np.int64], expected: Values
) -> tuple[int, Replay]:
    """Every element of every output, and its place in the stream, and in a trace build every value of every op that the
    core holds are compared; how many, and what the replay counted."""
    compared = sum(values.size for values in expected.values())

    def look(steps: Values, closings: Values) -> None:
        nonlocal compared
        compared += compare_firings(graph, samples, steps, closings, "the emitted Verilog")

    replay = emitted.replay(samples, expected, look=look if emitted.trace else None)
    return compared, replay


def _is_steady(wanted: Mapping[str, Any], length: int) -> bool:
    """Whether sequences are so long that the end of one does not hold up the last samples of the next."""
    return bool(length * wanted["interval"] > 2 * max(wanted["latency"].values()))


def _run_onnx(subject: Subject, tools: Tools) -> Run:
    """The step with every value as an output, then the sequence."""
    source = subject.folder / "onnx"
    emitted = EmittedOnnx(source, subject.graph)

    def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        if not emitted.batch:
            emitted.reset(len(samples))
        values = emitted.step_batch(samples)
        return values, emitted.last_batch() if last else {}

    values = _steps(subject, step, "ONNX Runtime", f"the ONNX step in {source}")
    apart(
        lambda report: compare_outputs(emitted.run(subject.samples), subject.expected, "the ONNX sequence"),
        lambda: None,
        f"the ONNX sequence in {source}",
    )
    return Run(values, "ONNX Runtime")


def _run_crossbar(subject: Subject, tools: Tools) -> Run:
    """The map's cells against the graph, every value of a step through its conductances, and the stages before.

    Without a number of sequences the first few serve, for a graph of arrays has hundreds of ops.
    """
    if not subject.limited:
        few = {name: values[:FEW_ON_ARRAYS] for name, values in subject.expected.items()}
        subject = replace(subject, samples=subject.samples[:FEW_ON_ARRAYS], expected=few)
    crossbar = read_map(subject.folder / "crossbar")
    check_weights(subject.graph, crossbar)
    machine: list[MappedMachine] = []

    def step(samples: NDArray[np.int64], last: bool) -> tuple[Values, Values]:
        if not machine:
            machine.append(MappedMachine(subject.graph, len(samples), crossbar))
        return machine[0].step(samples), machine[0].last() if last else {}

    values = _steps(subject, step, "the arrays of the weight map", f"the arrays in {subject.folder}")
    host = _run_c_of(subject, tools, subject.folder / "crossbar/host")
    core = _run_core_of_arrays(subject, tools) if crossbar.file.form != "oscillator" else Run(0, "")
    stages = dict(check_stages(subject.folder, crossbar, subject.samples, subject.progress))
    told = ", ".join(f"{what} on {count:,} output values" for what, count in stages.items())
    theirs = f", their core under {core.by}" if core.by else ""
    by = f"{len(crossbar.arrays)} arrays, their host built by {host.by}{theirs}, {told}"
    return Run(values + host.values + core.values + sum(stages.values()), by, len(subject.samples))


def _run_core_of_arrays(subject: Subject, tools: Tools) -> Run:
    """The core around models of the arrays; under Icarus, if no number is given, the start of one sequence."""
    samples, expected = subject.samples, subject.expected
    if tools.simulator == "icarus" and not subject.limited:
        samples = samples[:1, :FEW_STEPS]
        expected = run(subject.graph, samples).outputs
    folder = subject.folder / "crossbar/verilog"
    with EmittedVerilog(folder, simulator=tools.simulator, trace=_traced(tools)) as emitted:
        compared, replay = _replayed(emitted, subject.graph, samples, expected)
        many = f"{len(samples)} sequence{'' if len(samples) == 1 else 's'} of {samples.shape[1]} steps"
        by = f"{emitted.version}, {many}, {replay.interval} clocks a sample"
    return Run(compared, by)


def _steps(
    subject: Subject,
    step: Callable[[NDArray[np.int64], bool], tuple[Values, Values]],
    what: str,
    where: str,
) -> int:
    return apart(
        lambda report: compare_steps(subject.graph, step, subject.samples, subject.expected, report, what),
        subject.progress,
        where,
    )


def _whole(subject: Subject, run: Callable[[NDArray[np.int64]], Values], what: str, where: str) -> None:
    apart(
        lambda report: compare_outputs(run(subject.samples), subject.expected, f"{what} as a user builds it"),
        lambda: None,
        where,
    )


def _is_core(name: str, folder: str) -> bool:
    """What the simulator reads of a core; its test bench is not what is tested."""
    return name.startswith(folder) and name.endswith((".v", ".mem")) and "/sim/" not in name


def _is_onnx(name: str) -> bool:
    """Integer models are run; the float one is only to look at."""
    return name in ("onnx/step.onnx", "onnx/last.onnx", "onnx/sequence.onnx")


CHECKS: Mapping[str, Check] = {
    "c": Check(
        "C",
        ("c/layout.json", "c/harness.c", "c/trace/harness.c"),
        lambda name: name.startswith("c/") and name.endswith((".c", ".h")),
        _run_c,
    ),
    "hls": Check(
        "HLS C++",
        ("hls/layout.json", "hls/harness.cpp"),
        lambda name: name.startswith("hls/") and name.endswith((".cpp", ".h")) and not name.endswith("_test.cpp"),
        _run_hls,
    ),
    "verilog": Check(
        "Verilog",
        ("verilog/design.json",),
        lambda name: _is_core(name, "verilog/"),
        _run_verilog,
    ),
    "onnx": Check("ONNX", (), _is_onnx, _run_onnx),
    "crossbar": Check(
        "weight map",
        ("crossbar/map.json", "crossbar/arrays.npz"),
        lambda name: _is_core(name, "crossbar/verilog/"),
        _run_crossbar,
    ),
}
