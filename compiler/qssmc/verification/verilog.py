"""Verilog: the emitted core replays whole sequences in a simulator, and its values are compared with golden's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.verification.comparison import Values, compare_firings
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_verilog import EmittedVerilog, Replay

FEW = 2  # sequences that are replayed under Icarus, which does thousands of clocks a second, if no number is given


def _run(design: RecordedDesign, tools: Toolchain) -> Compared:
    few = FEW if tools.simulator == "icarus" and not design.limited else len(design.samples)
    samples = design.samples[:few]
    expected = {name: values[:few] for name, values in design.expected.items()}
    with EmittedVerilog(design.folder / "verilog", simulator=tools.simulator, trace=shows_ops(tools)) as emitted:
        compared, replay = replayed(emitted, design.graph, samples, expected)
        wanted = emitted.design["expected"]
        if _is_steady(wanted, samples.shape[1]) and replay.interval != wanted["interval"]:
            raise VerificationError(
                f"the emitted Verilog in {design.folder} takes {replay.interval} clocks a sample under "
                f"{emitted.version}, but the compiler's schedule has {wanted['interval']}"
            )
        by = f"{emitted.version}, {few} sequences, {replay.interval} clocks a sample"
    return Compared(compared, by)


def shows_ops(tools: Toolchain) -> bool:
    """Whether the simulator shows the values of ops."""
    return tools.simulator == "icarus"


def replayed(emitted: EmittedVerilog, graph: Graph, samples: NDArray[np.int64], expected: Values) -> tuple[int, Replay]:
    """Every element of every output, and its place in the stream, and in a trace build every value of every op that the
    core holds are compared; how many, and what the replay counted."""
    compared = sum(values.size for values in expected.values())

    def look(steps: Values, closings: Values) -> None:
        nonlocal compared
        compared += compare_firings(graph, samples, steps, closings, "the emitted Verilog")

    replay = emitted.replay(samples, expected, look=look if emitted.trace else None)
    return compared, replay


def is_core(name: str, folder: str) -> bool:
    """What the simulator reads of a core; its test bench is not what is tested."""
    return name.startswith(folder) and name.endswith((".v", ".mem")) and "/sim/" not in name


def _is_steady(wanted: Mapping[str, Any], length: int) -> bool:
    """Whether sequences are so long that the end of one does not hold up the last samples of the next."""
    return bool(length * wanted["interval"] > 2 * max(wanted["latency"].values()))


CHECK = TargetCheck(("verilog/design.json",), lambda name: is_core(name, "verilog/"), _run)
