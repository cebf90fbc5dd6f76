"""Schedule: how many clocks a sample takes, when its results come, and how deep a queue each stream needs for that.

One sample is followed through an idle core, and then the same in the steady state, where a cell is free only when the
sample before has left it. A queue stands wherever a stream's next element comes, or its driver has begun on it, before
its reader has taken the one before; it holds what then piles up, samples that follow each other at the initiation
interval included. With queues so deep the periodic schedule can run, and a self-timed core is never slower than a
schedule that can run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qssmc.backends.verilog.circuit import Cell, Circuit, Net
from qssmc.backends.verilog.timing import Pipe, StateTiming, Times

QUEUE_LATENCY = 2
CHAIN = 3  # cells that ready passes through in one clock
# Modules whose ready hangs on registers.
_REGISTERED = ("qssm_dot", "qssm_gather", "qssm_norm", "qssm_ssm", "qssm_array_control")
_WAITING = ("qssm_select", "qssm_concat", "qssm_source", "qssm_norm")  # work on nothing else until a result is taken
_ROUNDS = 64

Edge = tuple[str, str]  # reading cell, port prefix


@dataclass(frozen=True)
class Schedule:
    """Clocks between samples; clocks from a sample's first element to each output's last, in an idle core, by name."""

    interval: int
    latency: dict[str, int]


@dataclass
class _Trace:
    """Times of one firing: when nets are offered, when each edge's elements are taken, when cells are done."""

    valid: dict[Net, Times]
    taken: dict[Edge, Times]
    done: dict[str, int]


def schedule(circuit: Circuit) -> Schedule:
    """Sets the queues of a circuit and returns its schedule."""
    circuit.queues.clear()
    circuit.skids = _long_chains(circuit)
    busiest = max(cell.timing.occupied for cell in circuit.cells if not ends(cell))
    for _ in range(_ROUNDS):
        idle = _follow(circuit, lambda name: 0)
        steady, interval = _settle(circuit, idle, busiest)
        missing = [edge for trace in (idle, steady) for edge in _short_of_queues(circuit, trace, interval)]
        for edge in missing:
            circuit.queues[edge] = 1
        skids = _long_chains(circuit)
        if not missing and skids == circuit.skids:
            break
        circuit.skids = skids
    for edge in circuit.queues:
        circuit.queues[edge] = max(2, _depth(circuit, edge, steady, interval), _depth(circuit, edge, idle, interval))
    return Schedule(interval, {port.name: idle.taken[port.cell.name, "s"][-1] for port in circuit.ports})


def _settle(circuit: Circuit, idle: _Trace, interval: int) -> tuple[_Trace, int]:
    """The steady state: what is done a sample earlier frees the cells; if that never ends, samples come too fast.

    Times are sums and maxima of times before, so that cells which grow later by the same in two rounds go on so.
    """
    trace = idle
    while True:
        growth: dict[str, int] = {}
        for _ in range(_ROUNDS):
            done = trace.done
            following = _follow(circuit, lambda name, done=done, late=interval: done[name] - late)  # type: ignore[misc]
            if following.done == trace.done:
                return following, interval
            before, growth = growth, {name: following.done[name] - trace.done[name] for name in trace.done}
            trace = following
            if growth == before and max(growth.values()) > 0:
                break
        interval += max(1, *growth.values())
        trace = idle


def _follow(circuit: Circuit, free: Callable[[str], int]) -> _Trace:
    """One firing of every cell; a state gives its old value first and takes its new one when all else is known."""
    trace = _Trace({}, {}, {})
    held: list[tuple[Cell, Times]] = []
    for cell in circuit.cells:
        if cell.module == "qssm_source":
            taken = list(range(circuit.sample.extent))
            trace.valid |= {cell.outputs["m"]: taken, cell.outputs["t"]: taken[-1:]}
            trace.done[cell.name] = taken[-1] + 1
        elif isinstance(cell.timing, StateTiming):
            token = _offered(circuit, trace, cell, "t")[0]
            at, given = cell.timing.give(token, free(cell.name))
            trace.taken[cell.name, "t"] = [at]
            trace.valid[cell.outputs["m"]] = given
            if "l" in cell.outputs:
                trace.valid[cell.outputs["l"]] = given  # until the new value is known
            held.append((cell, given))
        elif not cell.inputs:
            trace.valid |= {net: [0] * net.extent for net in cell.outputs.values()}
            trace.done[cell.name] = 0
        elif not ends(cell):
            _fire(circuit, trace, cell, free(cell.name))
    for cell, given in _behind_readers(circuit, held):
        _take(circuit, trace, cell, given)
    for cell in circuit.cells:
        if cell.inputs and ends(cell):
            _fire(circuit, trace, cell, 0)
    return trace


def _behind_readers(circuit: Circuit, held: list[tuple[Cell, Times]]) -> list[tuple[Cell, Times]]:
    """States in an order in which one that takes the old value of another comes before it."""
    found: list[tuple[Cell, Times]] = []
    left = held
    while left:
        waiting = [cell for cell, _ in left]
        free = [
            (cell, given)
            for cell, given in left
            if not any(reader in waiting and port == "s" for reader, port in circuit.readers(cell.outputs["m"]))
        ]
        assert free, "a ring of states that only pass their values on has no bounds"
        found += free
        left = [pair for pair in left if pair not in free]
    return found


def ends(cell: Cell) -> bool:
    """Whether a cell works at the end of a sequence alone."""
    return cell.module != "qssm_state" and any(net.last for net in cell.outputs.values())


def _fire(circuit: Circuit, trace: _Trace, cell: Cell, free: int) -> None:
    valid = {port: _offered(circuit, trace, cell, port) for port in cell.inputs}
    fired = cell.timing.fire(valid, free)
    trace.taken |= {(cell.name, port): times for port, times in fired.taken.items()}
    trace.valid |= {cell.outputs[port]: times for port, times in fired.given.items()}
    trace.done[cell.name] = fired.done


def _take(circuit: Circuit, trace: _Trace, cell: Cell, given: Times) -> None:
    assert isinstance(cell.timing, StateTiming)
    gone = list(given)
    for reader, port in circuit.readers(cell.outputs["m"]):
        edge = (reader.name, port)
        if edge not in circuit.queues and edge not in circuit.skids:  # which take it as soon as it is given
            gone = [max(pair) for pair in zip(gone, trace.taken[edge], strict=True)]
    taken, done = cell.timing.take(_offered(circuit, trace, cell, "s"), gone)
    trace.taken[cell.name, "s"], trace.done[cell.name] = taken, done
    if "l" in cell.outputs:
        trace.valid[cell.outputs["l"]] = taken


def _offered(circuit: Circuit, trace: _Trace, cell: Cell, port: str) -> Times:
    times = trace.valid[cell.inputs[port][0]]
    edge = (cell.name, port)
    late = QUEUE_LATENCY if edge in circuit.queues else 1 if edge in circuit.skids else 0
    return [time + late for time in times]


def _long_chains(circuit: Circuit) -> set[Edge]:
    """Edges that need a skid buffer, so that ready passes through few cells in a clock. A queue does the same."""
    found: set[Edge] = set()
    deep: dict[str, int] = {}  # cells that ready passes through on its way to a cell's outputs
    for cell in reversed(circuit.cells):
        ahead = [0]
        for net in cell.outputs.values():
            for reader, port in circuit.readers(net):
                edge = (reader.name, port)
                if edge in circuit.queues or _is_registered(reader, port):
                    continue
                behind = _behind_state(circuit, reader, deep) if reader.module == "qssm_state" else deep[reader.name]
                if behind >= CHAIN:
                    found.add(edge)
                else:
                    ahead.append(behind)
        deep[cell.name] = max(ahead) + 1
    return found


def _is_registered(reader: Cell, port: str) -> bool:
    """Whether a cell's ready hangs on its registers alone."""
    state = reader.module == "qssm_state" and (port == "t" or "l" not in reader.outputs)
    return state or reader.module in _REGISTERED or bool(reader.parameters.get("SLOW"))


def _behind_state(circuit: Circuit, state: Cell, deep: dict[str, int]) -> int:
    """Cells that ready passes through from whoever reads a state at the end of a sequence."""
    readers = [reader for reader, port in circuit.readers(state.outputs["l"]) if not _is_registered(reader, port)]
    return 1 + max((deep[reader.name] for reader in readers), default=0)


def _short_of_queues(circuit: Circuit, trace: _Trace, interval: int) -> list[Edge]:
    """Edges without a queue whose next element comes before the one before is taken."""
    found: list[Edge] = []
    known = {net.name for net in trace.valid}
    for cell in circuit.cells:
        for port, (net, _) in cell.inputs.items():
            edge = (cell.name, port)
            if edge in circuit.queues or edge in found or net.name not in known:
                continue
            driver = circuit.driver(net)
            if driver.module == "qssm_const" or (driver.module == "qssm_state" and _alone(circuit, net)):
                continue
            valid, taken = trace.valid[net], trace.taken[edge]
            through = driver.module in _WAITING
            waits = [t > v for v, t in zip(valid, taken, strict=True)]
            before = [v - 1 for v in valid] if edge in circuit.skids else _room_at(trace, driver, valid)
            room = [*before[1:], taken[-1] if net.last else before[0] + interval]
            late = any(wait and t > at for wait, t, at in zip(waits, taken, room, strict=True))
            if late or (through and any(waits)):
                found.append(edge)
    return found


def _room_at(trace: _Trace, driver: Cell, valid: Times) -> Times:
    """For each element, the clock in which the one before must have gone, lest the driver be late with it.

    A pipe stands still while a result waits. One that looks at its operand first does so only when the result is gone.
    """
    if not isinstance(driver.timing, Pipe):
        return [v - 1 for v in valid]
    lane = next(port for port in driver.inputs if port != driver.timing.shared)
    return [t - 2 * driver.timing.wait for t in trace.taken[driver.name, lane]]


def _alone(circuit: Circuit, net: Net) -> bool:
    return len(circuit.readers(net)) == 1


def _depth(circuit: Circuit, edge: Edge, trace: _Trace, interval: int) -> int:
    """The most elements between the driver and the reader at a time, samples before and after included."""
    cell = next(cell for cell in circuit.cells if cell.name == edge[0])
    net = cell.inputs[edge[1]][0]
    valid, taken = trace.valid[net], trace.taken[edge]
    span = 0 if net.last else -(-(taken[-1] - valid[0]) // interval) + 1
    deepest = 1
    for at in taken:
        # Just before this element goes: what has come, of this and of neighbouring samples, and what has gone.
        come = sum(v + k * interval <= at for k in range(-span, span + 1) for v in valid)
        gone = sum(t + k * interval < at for k in range(-span, span + 1) for t in taken)
        deepest = max(deepest, come - gone)
    return deepest
