"""Emit: the C of an integer graph as texts by path. Pure: the same graph gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qssmc.analysis.bounds import bounds
from qssmc.backends.c.blocks import block_lines
from qssmc.backends.c.lanes import assign
from qssmc.backends.c.names import identifiers, parameters, prefix_of
from qssmc.backends.c.plan import SOURCES, Phase, input_type, plan
from qssmc.backends.c.scalar import CType, stored
from qssmc.backends.c.support import supports
from qssmc.backends.c.tables import Tables
from qssmc.backends.c.trace import Trace, elements, layout_of, orders_of, trace_of
from qssmc.backends.c.unit import Unit, indented
from qssmc.backends.environment import environment
from qssmc.backends.support import check_ops
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph, Output

FOLDER = "c"
HAL_SOURCE = "xbar_sim.c"  # arrays in software, which the harness of a host is built with


@dataclass(frozen=True)
class Leaving:
    """An output as the templates see it. parameter: the pointer argument; value: the op that it is."""

    name: str
    parameter: str
    type: str
    count: int
    macro: str
    about: str
    value: str


@dataclass(frozen=True)
class Field:
    """A member of the state struct as the templates see it."""

    name: str
    type: CType
    count: int
    about: str


def emit(graph: Graph, reads: Sequence[str] = ()) -> dict[str, str]:
    """All files of the C target: {path: text}. The graph must be of the integer stage, its widths proven.

    reads: xbar ops that the host asks the HAL of its arrays for, by number, instead of computing them.

    Raises UnsupportedModelError for another stage, for ops that have no C form, and as qssmc.analysis.bounds does.
    """
    if graph.stage != "integer":
        raise UnsupportedModelError(f"graph {graph.name} is of the {graph.stage} stage, but C needs the integer stage")
    check_ops("C", graph.ops, supports)
    prefix = prefix_of(graph)
    unit = Unit(graph, prefix, identifiers(graph), bounds(graph), assign(graph), Tables(prefix), {}, tuple(reads))
    phases = {name: plan(graph, name, unit.layouts, unit.names, unit.bounds) for name in ("step", "last")}
    traces = {name: trace_of(graph, name, unit.layouts, prefix) for name in phases}
    bodies = {name: _function(unit, phases[name], traces[name]) for name in phases}
    view = _view(unit, bodies) | {"hal": bool(reads)}
    files = {
        f"{prefix}.h": "model.h.j2",
        f"{prefix}.c": "model.c.j2",
        f"{prefix}_tables.h": "tables.h.j2",
        "harness.c": "harness.c.j2",
        "main.c": "main.c.j2",
        "Makefile": "Makefile.j2",
        "qssm_kernels.h": "qssm_kernels.h",
    }
    texts = {name: environment("c").get_template(template).render(**view) for name, template in files.items()}
    texts["layout.json"] = json.dumps(_layout(unit, phases, traces, view), indent=1) + "\n"
    return {f"{FOLDER}/{name}": text for name, text in texts.items()}


def _function(unit: Unit, phase: Phase, trace: Trace) -> list[str]:
    """The body of a phase's function: sources, blocks, outputs, then the states that are not written in place."""
    lines: list[str] = []
    for op in phase.ops:
        if isinstance(op, SOURCES):
            lines.append(trace.copy(op, unit.array(phase, op.name), elements(op, unit.layouts)))
    for block in phase.blocks:
        lines += ["", *block_lines(unit, phase, block, trace)]
    for output in _leaving(unit, phase.name):
        lines += ["", f"/* output {output.name} = %{output.value} */", *_output(unit, phase, output)]
    for state, value in phase.copies:
        op = unit.graph[state]
        target, element = phase.storage[state], stored(op.type).text
        copy = f"{target}[i] = ({element}){unit.array(phase, value)}[i];"
        lines += ["", f"/* next %{state} = %{value} */"]
        lines.append(f"for (int i = 0; i < {elements(op, unit.layouts)}; i++) {copy}")
    return lines


def _output(unit: Unit, phase: Phase, output: Leaving) -> list[str]:
    """A complex output leaves as pairs (re, im)."""
    op = unit.graph[output.value]
    array = unit.array(phase, op.name)
    extent = op.type.shape[0]
    if not op.type.complex:
        return [f"for (int i = 0; i < {extent}; i++) {output.parameter}[i] = ({output.type}){array}[i];"]
    return [
        f"for (int i = 0; i < {extent}; i++) {{",
        f"    {output.parameter}[2 * i] = ({output.type}){array}[i];",
        f"    {output.parameter}[2 * i + 1] = ({output.type}){array}[{extent} + i];",
        "}",
    ]


def _leaving(unit: Unit, when: str) -> list[Leaving]:
    arguments = parameters(unit.graph, when)
    found = []
    for output in (output for output in unit.graph.outputs if output.when == when):
        op = unit.graph[output.value]
        count = op.type.shape[0] * (2 if op.type.complex else 1)
        macro = f"{unit.prefix.upper()}_OUTPUT_{output.name.upper()}"
        about = _about(unit.graph, output)
        found.append(Leaving(output.name, arguments[output.name], stored(op.type).text, count, macro, about, op.name))
    return found


def _about(graph: Graph, output: Output) -> str:
    """What the integers of an output mean."""
    scale = graph.scales.get(output.value)
    if scale is None:
        text = "integers; the graph notes no scale"
    elif scale.data.size == 1:
        text = f"real value = integer * {float(scale.data.reshape(-1)[0])!r}"
    else:
        text = "real value = integer * scale, one an element: " + ", ".join(repr(float(v)) for v in scale.data.ravel())
    return f"{text}, divided by the number of steps" if output.mean else text


def _view(unit: Unit, bodies: dict[str, list[str]]) -> dict[str, Any]:
    """What the templates print."""
    graph, prefix = unit.graph, unit.prefix
    sample = input_type(graph)
    states = [
        Field(unit.names[op.name], stored(op.type), max(1, elements(op, unit.layouts)), f"%{op.name} : {op.type}")
        for op in graph.states
    ]
    formats = [f"%{op.name} : {op.type}, integers {op.type.bounds[0]}..{op.type.bounds[1]}" for op in graph.inputs]
    scales = [
        f"real value of %{op.name} = integer * " + ", ".join(repr(float(v)) for v in graph.scales[op.name].data.ravel())
        for op in graph.inputs
        if op.name in graph.scales
    ]
    arrays = list(unit.tables.arrays.values())
    step, last = _leaving(unit, "step"), _leaving(unit, "last")
    return {
        "prefix": prefix,
        "macro": prefix.upper(),
        "name": graph.name,
        "sample": sample.text,
        "inputs": max([0, *(op.type.shape[0] for op in graph.inputs)]),
        "formats": formats + scales,
        "states": states,
        "table_bytes": unit.tables.bytes,
        "state_bytes": sum(state.type.bytes * state.count for state in states),
        "kernels": list(unit.kernels.values()),
        "step_lines": indented(bodies["step"]),
        "last_lines": indented(bodies["last"]),
        "step_uses_state": _uses(bodies["step"], "s->"),
        "last_uses_state": _uses(bodies["last"], "s->"),
        "step_uses_sample": _uses(bodies["step"], "sample"),
        "step_outputs": step,
        "last_outputs": last,
        "outputs": [*step, *last],
        "step_count": sum(output.count for output in step),
        "last_count": sum(output.count for output in last),
        "arrays": [array for array in arrays if not array.only_trace],
        "trace_arrays": [array for array in arrays if array.only_trace],
    }


def _uses(lines: list[str], text: str) -> bool:
    return any(text in line for line in lines if "_TRACE_" not in line and not line.lstrip().startswith(("/*", "*")))


def _layout(unit: Unit, phases: dict[str, Phase], traces: dict[str, Trace], view: dict[str, Any]) -> dict[str, Any]:
    """What the loader of the emitted C needs to know."""
    outputs = [
        {
            "name": output.name,
            "when": when,
            "count": output.count,
            "shape": list(unit.graph[output.value].type.array_shape),
        }
        for when in ("step", "last")
        for output in view[f"{when}_outputs"]
    ]
    return {
        "prefix": unit.prefix,
        "sources": ["harness.c", *([HAL_SOURCE] if view["hal"] else [])],
        "sample": {"type": view["sample"], "count": view["inputs"]},
        "memory": {"table_bytes": view["table_bytes"], "state_bytes": view["state_bytes"]},
        "outputs": outputs,
        "orders": orders_of(unit.layouts),
        **{name: layout_of(traces[name], phases[name].ops, unit.layouts) for name in phases},
    }
