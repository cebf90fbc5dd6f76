"""Estimate: clocks and resources of a core, from its schedule and its cells, before any tool has seen it.

Clocks are those of the schedule. What products and memories take: qssmc.backends.cost_model, as for HLS, one device.
"""

from __future__ import annotations

from typing import Any

from qssmc.backends.cost_model import Throughput, Use, part, report
from qssmc.backends.verilog.circuit import Cell, Circuit, Memory
from qssmc.backends.verilog.design import VerilogDesign

ESTIMATE = "report/verilog.json"


def estimate(design: VerilogDesign, clock_period: float | None = None) -> dict[str, Any]:
    """The facts of qssmc.backends.cost_model.report. clock_period: in ns, where a pace was asked for."""
    made = design.schedule
    pace = Throughput(made.interval, max(made.latency.values(), default=made.interval))
    parts = [part(cell.name, cell.timing.occupied, _use(design.circuit, cell)) for cell in design.circuit.cells]
    return report(pace, parts, design.lanes, clock_period)


def _use(circuit: Circuit, cell: Cell) -> Use:
    """What a cell is made of, the queues before it included."""
    tables = [(len(value.words), value.width, 1) for value in cell.parameters.values() if isinstance(value, Memory)]
    queues = [
        (circuit.queues[cell.name, port], net.width, 1)
        for port, (net, _) in cell.inputs.items()
        if (cell.name, port) in circuit.queues
    ]
    hard = tuple((a, b, count - cell.soft) for a, b, count in _factors(cell) if count > cell.soft)
    soft = tuple((a, b, min(count, cell.soft)) for a, b, count in _factors(cell) if cell.soft)
    return Use(hard, soft, (*tables, *queues, *_kept(cell)), _gates(cell))


def _factors(cell: Cell) -> tuple[tuple[int, int, int], ...]:
    """Widths of the factors of the products that a cell can do in a clock, and how many."""
    if not cell.multipliers:
        return ()
    if cell.module == "qssm_ssm":
        lanes, x = _of(cell, "P"), _of(cell, "XW")
        of_b = cell.multipliers // lanes - 6
        found = ((_of(cell, "AW"), x, 4), (_of(cell, "BW"), _of(cell, "UW"), of_b), (_of(cell, "CW"), x, 2))
        return tuple((a, b, count * lanes) for a, b, count in found if count)
    names = {"qssm_dot": ("XW", "WW"), "qssm_scale": ("XW", "FW"), "qssm_product": ("AW", "BW")}[cell.module]
    return ((_of(cell, names[0]), _of(cell, names[1]), cell.multipliers),)


def _kept(cell: Cell) -> list[tuple[int, int, int]]:
    """The memories that a cell writes."""
    if cell.module == "qssm_ssm":
        states = (_of(cell, "BEATS"), 2 * _of(cell, "XW"), _of(cell, "P"))
        return [states, (_of(cell, "QUEUE"), _of(cell, "YW"), 1)]
    if not cell.ram:
        return []
    width = max([net.width for net, _ in cell.inputs.values()], default=1)
    if cell.module == "qssm_state":
        width = _of(cell, "W")
    return [(-(-cell.ram // width), width, 1)]


def _gates(cell: Cell) -> int:
    """Bits of the sums, and of the stages of the shifters, of a cell; what else it has is its outputs' registers."""
    out = sum(net.width for net in cell.outputs.values())
    if cell.module == "qssm_ssm":
        stages = _of(cell, "BS_W") + _of(cell, "RS_W") + (_of(cell, "XS_W") if _of(cell, "KEEP") == 1 else 0)
        sums = 2 * _of(cell, "TW") * (3 + stages) + _of(cell, "CW") + _of(cell, "XW") + _of(cell, "YW")
        return _of(cell, "P") * sums
    if cell.module == "qssm_requant":
        return _of(cell, "IW") * (1 if _of(cell, "FIXED") else 1 + _of(cell, "SW")) + out
    if cell.module == "qssm_shift":
        return _of(cell, "OW") * (1 if _of(cell, "FIXED") else _of(cell, "SW"))
    if cell.module == "qssm_dot":
        return _of(cell, "M") * _of(cell, "OW") + out
    if cell.module == "qssm_norm":
        return 4 * _of(cell, "VW") + out
    return out


def _of(cell: Cell, name: str) -> int:
    """A parameter that is a plain number."""
    value = cell.parameters[name]
    assert isinstance(value, int)
    return value
