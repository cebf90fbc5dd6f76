"""The range certificate: a bound and a width for every value and every accumulator of an integer graph."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from qssmc.analysis.bounds import Bound, bounds
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op
from qssmc.ir.table import Table

FORMAT, VERSION = "qssmc.range-certificate", 1
_BASE = ("name", "type", "inputs", "origin")


def certificate(graph: Graph) -> dict[str, Any]:
    """What is claimed of each op, with the structure that a checker needs to derive it again from the tables alone.

    low..high is the span of the op's values; inner_low..inner_high that of every partial sum and product on the way;
    accumulator_width the bits of a signed register that holds both.
    """
    proven = bounds(graph)
    return {
        "format": FORMAT,
        "version": VERSION,
        "graph": graph.name,
        "states": dict(graph.updates),
        "ops": [_claim(op, proven[op.name]) for op in graph.ops],
    }


def _claim(op: Op, bound: Bound) -> dict[str, Any]:
    low, high = bound.value.span
    return {
        "name": op.name,
        "op": op.mnemonic,
        "inputs": list(op.inputs),
        "origin": op.origin,
        "shape": list(op.type.shape),
        "complex": op.type.complex,
        "width": op.type.width,
        "signed": op.type.signed,
        "low": low,
        "high": high,
        "inner_low": bound.inner[0],
        "inner_high": bound.inner[1],
        "accumulator_width": bound.inner_width,
        "attributes": _attributes(op),
    }


def _attributes(op: Op) -> dict[str, Any]:
    """Scalars by value; tables by their shape alone, since the checker takes their numbers from the emitted files."""
    found: dict[str, Any] = {}
    for field in fields(op):
        value = getattr(op, field.name)
        if field.name in _BASE or value == field.default:
            continue
        if isinstance(value, Table):
            found[field.name] = int(value.data[()]) if value.shape == () else {"shape": list(value.shape)}
        else:
            found[field.name] = value
    return found
