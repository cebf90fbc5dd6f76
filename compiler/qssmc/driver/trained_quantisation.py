"""Trained quantisation: what of a model's own grids a design keeps, and how far its integers are from the model's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed import fixed_casts, fixed_tables, is_trained_quantised
from qssmc.analysis.scales import is_power_of_two
from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.artifact.stages import Stages
from qssmc.data import InputFormat
from qssmc.ir.graph import Graph
from qssmc.ir.ops import WEIGHTS, Cast, Lut, Requant
from qssmc_sim import run

_MEASURED = 16  # sequences that the integers are compared on, at most
_NAMED = 6
_OF_LAYERS = ("rotate", "prune_states", "balance", "fill", "allocate", "place_poles")


def trained_quantisation(
    stages: Stages, samples: NDArray[np.int64], input_format: InputFormat
) -> dict[str, Any] | None:
    """Of a model with quantisers or tables on grids: these, and what the passes added; None of every other model.

    Each quantiser's integers in the design are compared, one by one, with those of the float model, which rounds as the
    source model does. bound: how many units the rounding itself can be off, given the same operand; 0 where its scale
    is a power of two times its operand's; None where what is rounded has no grid of its own.
    """
    model = stages.canonical
    if not is_trained_quantised(model):
        return None
    samples = samples[:_MEASURED]
    measured = _compared(stages, samples, input_format)
    quantisers = [_row(stages.proven, op, measured[op.name]) for op in fixed_casts(model) if op.name in measured]
    tables = [_table(model, op, name) for op in model.ops for name in fixed_tables(model, op)]
    return {
        "sequences": len(samples),
        "quantisers": quantisers,
        "tables": tables,
        "left_alone": {
            "states": _fixed_states(stages),
            "passes": [name for name in stages if name in _OF_LAYERS],
            "refit": "refit" in stages,
        },
        "added": {"values": list(_added_values(stages)), "tables": list(_added_tables(stages))},
    }


def trained_sentences(report: Mapping[str, Any] | None) -> Iterator[str]:
    """What was kept, how near it is, and what was added, a sentence each; nothing of a model without such grids."""
    if report is None:
        return
    quantisers, tables = report["quantisers"], report["tables"]
    yield (
        f"trained quantised: {len(quantisers)} quantisers and {len(tables)} tables of the model are kept as they are"
    )
    left = report["left_alone"]
    if left["states"]:
        *most, last = left["passes"]
        passes = f"{', '.join(most)} and {last}" if most else last
        yield f"trained quantised: {passes} leave {_named(left['states'], 'layer')} on grids alone"
    if tables and left["refit"]:
        yield f"trained quantised: refit leaves {_named([row['name'] for row in tables], 'table')} alone"
    other = [row for row in quantisers if row["differ"]]
    if quantisers:
        same = len(quantisers) - len(other)
        yield (
            f"trained quantised: {same} of {len(quantisers)} quantisers give the float model's integers one by one "
            f"on {report['sequences']} sequences"
        )
    for row in sorted(other, key=lambda row: -row["differ"] / row["of"])[:_NAMED]:
        own = "" if row["bound"] is None else f"; its own rounding is off by {row['bound']} at most"
        yield (
            f"trained quantised: %{row['name']} differs in {100 * row['differ'] / row['of']:.2g} % of its values, by "
            f"at most {row['largest']} unit{'' if row['largest'] == 1 else 's'}{own}"
        )
    added = report["added"]
    if added["values"] or added["tables"]:
        yield (
            f"trained quantised: the passes chose the grids of {_named(added['values'], 'value')} and "
            f"{_named(added['tables'], 'table')}, which the model has not quantised"
        )


def _named(names: list[str], what: str) -> str:
    shown = ", ".join(f"%{name}" for name in names[:_NAMED]) + (", ..." if len(names) > _NAMED else "")
    count = f"{len(names)} {what}{'' if len(names) == 1 else 's'}"
    return f"{count} ({shown})" if names else f"no {what}"


@dataclass
class _Difference:
    """Integers that were compared: how many, how many differ, and by how much at most."""

    of: int = 0
    differ: int = 0
    largest: int = 0
    rows: list[NDArray[np.int64]] = field(default_factory=list)  # of the float model, a step each, until compared

    def see(self, ours: NDArray[np.int64]) -> None:
        """The design's integers of the next step."""
        distance = np.abs(ours - self.rows.pop(0))
        self.of += distance.size
        self.differ += int(np.count_nonzero(distance))
        self.largest = max(self.largest, int(distance.max(initial=0)))


def _compared(stages: Stages, samples: NDArray[np.int64], input_format: InputFormat) -> dict[str, _Difference]:
    """The float model and the design on the same sequences, at every quantiser that both have."""
    model, design = stages.canonical, stages.proven
    casts = {op.name: op for op in fixed_casts(model) if op.name in design.by_name}
    found = {name: _Difference() for name in casts}

    def wanted(t: int, values: Mapping[str, NDArray[Any]]) -> None:
        for name, op in casts.items():
            if name in values:
                scale = op.scale.data[..., None] if op.type.complex else op.scale.data
                integers = np.rint(values[name] / scale).astype(np.int64)
                left = design.kept.get(name)
                found[name].rows.append(integers if left is None else integers[:, left.data])

    def given(t: int, values: Mapping[str, NDArray[Any]]) -> None:
        for name in casts:
            if name in values:
                found[name].see(values[name])

    run(model, input_format.to_real(samples).astype(np.float64), wanted)
    run(design, samples, given)
    return found


def _row(design: Graph, op: Cast, measured: _Difference) -> dict[str, Any]:
    scales = np.unique(op.scale.data)
    return {
        "name": op.name,
        "origin": op.origin,
        "scale": [float(scales[0]), float(scales[-1])],
        "low": int(op.low.data.min()),
        "high": int(op.high.data.max()),
        "power_of_two": is_power_of_two(scales),
        "of": measured.of,
        "differ": measured.differ,
        "largest": measured.largest,
        "bound": _bound(design, op.name),
    }


def _bound(design: Graph, name: str) -> int | None:
    """By how many units the rounding can differ from that of the real ratio of scales, for the same operand."""
    op = design[name]
    if not isinstance(op, Requant):
        return None if isinstance(op, Lut) else 0
    ratio = design.scales[op.inputs[0]].data / design.scales[name].data
    given = op.multiplier.data * np.exp2(-op.shift.data.astype(np.float64))
    reach = np.maximum(np.abs(op.low.data), np.abs(op.high.data))
    return int(np.ceil(np.max(np.abs(given / ratio - 1.0) * reach, initial=0.0) - 1e-9))


def _table(model: Graph, op: Any, name: str) -> dict[str, Any]:
    table = op.tables()[name]
    scales = np.unique(table.grid.scale)
    return {
        "name": f"{op.name}.{name}",
        "origin": op.origin,
        "scale": [float(scales[0]), float(scales[-1])],
        "bits": int(table.grid.width.max()),
        "numbers": int(table.data.size),
        "power_of_two": is_power_of_two(scales),
    }


def _fixed_states(stages: Stages) -> list[str]:
    """The complex states of layers with tables or a rounding that the model was trained with."""
    free = {layer.state for layer in ssm_layers(stages.discrete)}
    return [op.name for op in stages.discrete.states if op.type.complex and op.name not in free]


def _added_values(stages: Stages) -> Iterator[str]:
    """The casts of the design that the model has not."""
    known = {op.name for op in fixed_casts(stages.canonical)}
    return (op.name for op in stages.quantised.ops if isinstance(op, Cast) and op.name not in known)


def _added_tables(stages: Stages) -> Iterator[str]:
    """The weights and poles of the design whose grids are the passes' own."""
    model = stages.discrete
    known = {f"{op.name}.{name}" for op in model.ops for name in fixed_tables(model, op)}
    for op in stages.quantised.ops:
        for name, what in op.holds.items():
            if what in (*WEIGHTS, "poles") and name in op.tables() and f"{op.name}.{name}" not in known:
                yield f"{op.name}.{name}"
