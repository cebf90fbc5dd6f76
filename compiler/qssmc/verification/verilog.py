"""Verilog: the emitted core replays whole sequences in a simulator, and its values are compared with golden's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.verification.comparison import Values, compare_firings
from qssmc.verification.sandbox import Apart, Building, Limits
from qssmc.verification.target_check import Compared, Driven, RecordedDesign, TargetCheck
from qssmc.verification.toolchain import Toolchain
from qssmc_sim.emitted_verilog import EmittedVerilog, Replay
from qssmc_sim.machine import run

SHARE = (
    3  # Icarus, which does thousands of clocks a second, replays a recorded sequence and two made ones, a third each
)


def _begin(design: RecordedDesign, tools: Toolchain) -> Callable[[], Compared]:
    """Start the simulator; what is returned waits for it and compares."""
    folder = design.folder / "verilog"
    parts = _parts(design, tools)
    traced = shows_ops(tools)
    apart = replaying(folder, tools, parts, design.limits)

    def finish() -> Compared:
        values, replay, version = replayed(apart, design.graph, parts)
        wanted = json.loads((folder / "design.json").read_text(encoding="utf-8"))["expected"]  # as compiled
        length = parts[0].samples.shape[1]
        if len(parts) == 1 and _is_steady(wanted, length) and replay.interval != wanted["interval"]:
            raise VerificationError(
                f"the emitted Verilog in {design.folder} takes {replay.interval} clocks a sample under {version}, "
                f"but the compiler's schedule has {wanted['interval']}"
            )
        count = sum(len(part.samples) for part in parts)
        return Compared(
            values,
            f"{version}, {replay.interval} clocks a sample",
            sequences=count,
            steps=sum(part.samples[..., 0].size for part in parts),
            made=sum(len(part.samples) for part in parts) - _recorded(design, parts),
            traced=count if traced else 0,
            variants=(version,),
        )

    return finish


def _parts(design: RecordedDesign, tools: Toolchain) -> list[Driven]:
    """What a simulator replays: all sequences, or under Icarus a few, as long as one of those recorded."""
    if tools.simulator != "icarus":
        return [part for part in (design.recorded, design.made) if len(part.samples)]
    if design.limited:
        return [design.recorded]
    length = max(1, design.samples.shape[1] // SHARE)
    ends = design.made.samples[: SHARE - 1, -length:]  # where edges are reached
    samples = np.concatenate([design.samples[:1, :length], ends]) if len(ends) else design.samples[:1]
    return [Driven(samples, run(design.graph, samples).outputs)]


def _recorded(design: RecordedDesign, parts: Sequence[Driven]) -> int:
    """How many of the sequences were recorded."""
    return len(design.samples) if len(parts) > 1 or parts[0].samples is design.samples else 1


def shows_ops(tools: Toolchain) -> bool:
    """Whether the simulator shows the values of ops."""
    return tools.simulator == "icarus"


def replaying(folder: Path, tools: Toolchain, parts: Sequence[Driven], limits: Limits) -> Apart:
    """A process that builds the core and replays the parts; it sends the values of ops, one by one, and counts."""
    traced = shows_ops(tools)

    def work(building: Building) -> Iterator[Values]:
        building(f"the Verilog simulator {tools.simulator}")
        with EmittedVerilog(folder, simulator=tools.simulator, trace=traced) as emitted:
            building("")
            for part in parts:
                seen: list[Values] = []
                look = (lambda steps, ends: seen.extend((steps, ends))) if traced else None  # noqa: B023
                failed: VerificationError | None = None
                try:
                    replay = emitted.replay(part.samples, part.expected, look=look)
                except VerificationError as error:
                    failed = error  # told after the values, which say where
                for values in seen:
                    for name, value in values.items():
                        yield {name: value}
                    yield {}
                if failed is not None:
                    raise failed
                counts = np.array([replay.clocks, replay.interval, replay.span, replay.saturations], np.int64)
                yield {"replay": counts, "version": np.frombuffer(emitted.version.encode(), np.int8)}

    return Apart(work, f"the emitted Verilog in {folder}", limits)


def replayed(apart: Apart, graph: Graph, parts: Sequence[Driven]) -> tuple[int, Replay, str]:
    """Every element of every output, and its place in the stream, and in a trace build every value of every op that the
    core holds are compared; how many, what the last replay counted, and the simulator.
    """
    compared, answers = 0, iter(apart)
    for part in parts:
        seen: list[dict[str, NDArray[Any]]] = [{}]
        for got in answers:
            if "replay" in got:
                break
            seen[-1] |= {name: np.array(value) for name, value in got.items()}
            if not got:
                seen.append({})
                if len(seen) == 3:  # before the bench's own word on the outputs
                    compared += compare_firings(graph, part.samples, seen[0], seen[1], "the emitted Verilog")
        else:
            raise VerificationError(f"{apart.what} ends before the last sequence")
        counts, version = [int(n) for n in got["replay"]], bytes(got["version"]).decode("utf-8", "replace")
        compared += sum(values.size for values in part.expected.values())
    apart.close()
    return compared, Replay(*counts), version


def is_core(name: str, folder: str) -> bool:
    """What the simulator reads of a core; its test bench is not what is tested."""
    return name.startswith(folder) and name.endswith((".v", ".mem")) and "/sim/" not in name


def _is_steady(wanted: Mapping[str, Any], length: int) -> bool:
    """Whether sequences are so long that the end of one does not hold up the last samples of the next."""
    return bool(length * wanted["interval"] > 2 * max(wanted["latency"].values()))


CHECK = TargetCheck(
    ("verilog/design.json",),
    lambda name: is_core(name, "verilog/"),
    lambda design, tools: _begin(design, tools)(),
    _begin,
)
