"""VerilogDesign: the circuit of a graph and its schedule, at the lanes that are asked for or that a rate needs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from qssmc.backends.verilog.circuit import Circuit
from qssmc.backends.verilog.lower import clocks_of_layers, lower
from qssmc.backends.verilog.schedule import Schedule, schedule
from qssmc.crossbar.map import CrossbarMap
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.ir.graph import Graph

MOST_LANES = 64


@dataclass(frozen=True)
class Pace:
    """What the core must keep up with: steps a second at a clock period in ns."""

    steps_per_second: float = field(metadata={"help": "take the fewest lanes that are so fast at the --clock-period."})
    clock_period: float = field(default=5.0, metadata={"help": "with --steps-per-second, in ns."})

    def __post_init__(self) -> None:
        if not self.steps_per_second > 0:
            raise UsageError(f"--steps-per-second must be more than 0, not {self.steps_per_second:g}")
        if not 0.1 <= self.clock_period <= 1000:
            raise UsageError(f"--clock-period must be 0.1 to 1000 ns, not {self.clock_period:g}")

    @property
    def clocks(self) -> int:
        """Clocks that a sample may take."""
        return math.floor(1e9 / (self.clock_period * self.steps_per_second) * (1 + 1e-12))

    def __str__(self) -> str:
        return f"{self.steps_per_second:,g} steps a second at {self.clock_period:g} ns"


@dataclass(frozen=True)
class VerilogOptions:
    """lanes: complex states that each layer updates in a clock; multipliers: of the device, None where they abound.

    pace: take the fewest lanes that keep it, instead of lanes; argmax: outputs are the index of their largest element.
    """

    lanes: int = field(default=1, metadata={"help": "states worked on in one clock."})
    multipliers: int | None = field(
        default=None, metadata={"help": "how many the device has; narrower products are adders then."}
    )
    pace: Pace | None = field(default=None, metadata={"group": True})
    argmax: bool = field(default=False, metadata={"help": "give the index of the largest output, not all of them."})

    def __post_init__(self) -> None:
        if not 1 <= self.lanes <= MOST_LANES:
            raise UsageError(f"--lanes must be 1 to {MOST_LANES}, not {self.lanes}")
        if self.multipliers is not None and self.multipliers < 0:
            raise UsageError(f"--multipliers must be 0 or more, not {self.multipliers}")


@dataclass(frozen=True)
class VerilogDesign:
    """A circuit of so many lanes with its schedule."""

    circuit: Circuit
    schedule: Schedule
    lanes: int


def design(graph: Graph, options: VerilogOptions, crossbar: CrossbarMap | None = None) -> VerilogDesign:
    """Lower and schedule. Raises UnsupportedModelError for another stage and as lower does, UsageError for a pace that
    no number of lanes keeps."""
    if graph.stage != "integer":
        raise UnsupportedModelError(
            f"graph {graph.name} is of the {graph.stage} stage, but Verilog needs the integer stage"
        )
    if options.argmax and any(graph[output.value].type.complex for output in graph.outputs):
        raise UnsupportedModelError(f"--argmax: an output of {graph.name} is complex and has no largest element")

    def with_clocks(lanes: int, clocks: int | None) -> VerilogDesign:
        circuit = lower(graph, lanes, options.multipliers, crossbar, argmax=options.argmax, clocks=clocks)
        return VerilogDesign(circuit, schedule(circuit), lanes)

    def with_lanes(lanes: int) -> VerilogDesign:
        made = with_clocks(lanes, None)
        if made.schedule.interval <= clocks_of_layers(graph, lanes):
            return made
        # Something else than the layers sets the pace: products of fewer multipliers may keep up with it as well.
        slower = with_clocks(lanes, made.schedule.interval)
        return slower if slower.schedule.interval == made.schedule.interval else made

    return with_lanes(options.lanes) if options.pace is None else _at_pace(options.pace, with_lanes)


def _at_pace(pace: Pace, with_lanes: Callable[[int], VerilogDesign]) -> VerilogDesign:
    """Lanes are tried from one up, in steps that grow: more lanes are never slower, but they may be no faster."""
    fastest: VerilogDesign | None = None
    lanes = 1
    while lanes <= MOST_LANES:
        made = with_lanes(lanes)
        if made.schedule.interval <= pace.clocks:
            return made
        if fastest is None or made.schedule.interval < fastest.schedule.interval:
            fastest = made
        lanes = max(lanes + 1, min(lanes * made.schedule.interval // max(1, pace.clocks) // 2, MOST_LANES))
    assert fastest is not None
    most = 1e9 / pace.clock_period / fastest.schedule.interval
    raise UsageError(
        f"{pace} leave {pace.clocks} clocks a step, but the fastest core, of {fastest.lanes} lanes, needs "
        f"{fastest.schedule.interval} ({most:,.0f} steps a second); ask for fewer or a shorter --clock-period"
    )
