"""Emit: the C of an integer graph as texts by path; the same graph gives the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qssmc.analysis.bounds import bounds
from qssmc.analysis.input_zero import input_zero
from qssmc.analysis.output_meaning import one_scale, output_sentences
from qssmc.analysis.step_limit import step_limit, steps_text
from qssmc.backends.c.blocks import block_lines
from qssmc.backends.c.identities import SourceLines, without_identities
from qssmc.backends.c.lanes import assign
from qssmc.backends.c.names import identifiers, parameters, prefix_of
from qssmc.backends.c.plan import SOURCES, Phase, input_type, plan, saturates
from qssmc.backends.c.scalar import CType, Expression, argument, arithmetic, literal, narrowed, plus, stored
from qssmc.backends.c.statements import comment, each, indented, loop
from qssmc.backends.c.support import supports
from qssmc.backends.c.tables import CTables
from qssmc.backends.c.trace import Trace, elements, layout_of, orders_of, shipped, trace_of
from qssmc.backends.c.unit import CUnit
from qssmc.backends.environment import environment
from qssmc.backends.support import check_ops
from qssmc.backends.wrapping import wrapped
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph, Output
from qssmc.ir.ops import Constant, Input, Op

FOLDER = "c"
TRACE_FOLDER = "trace"  # in it: what only verification builds
HAL_SOURCE = "xbar_sim.c"  # arrays in software, which the harness of a host is built with


@dataclass(frozen=True)
class OutputArgument:
    """An output as the templates see it.

    parameter: the pointer argument; value: the op that it is; about: sentences; constants: more macros, by name.
    """

    name: str
    parameter: str
    ctype: CType
    count: int
    macro: str
    about: tuple[str, ...]
    value: str
    constants: Mapping[str, str]

    @property
    def type(self) -> str:
        """The element's type in C."""
        return self.ctype.text


@dataclass(frozen=True)
class StateField:
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
    unit = _unit(graph, tuple(reads))
    prefix = unit.prefix
    phases = {name: plan(unit.graph, name, unit.layouts, unit.names, unit.bounds) for name in ("step", "last")}
    traces = {name: trace_of(phase.ops, unit.layouts) for name, phase in phases.items()}
    bodies = {name: _function(unit, phases[name], traces[name]) for name in phases}
    view = _view(unit, {name: shipped(lines) for name, lines in bodies.items()}) | {"hal": bool(reads)}
    files = {
        f"{prefix}.h": "model.h.j2",
        f"{prefix}.c": "model.c.j2",
        f"{prefix}_tables.h": "tables.h.j2",
        "harness.c": "harness.c.j2",
        "main.c": "main.c.j2",
        "Makefile": "Makefile.j2",
        "qssm_kernels.h": "qssm_kernels.h",
        f"{TRACE_FOLDER}/{prefix}_trace.h": "trace.h.j2",
        f"{TRACE_FOLDER}/harness.c": "trace_harness.c.j2",
    }
    texts = {name: _rendered(template, view) for name, template in files.items()}
    traced = {f"{name}_lines": indented(lines) for name, lines in bodies.items()}
    texts[f"{TRACE_FOLDER}/{prefix}_trace.c"] = _rendered("model.c.j2", view | traced | {"traced": True})
    texts["layout.json"] = json.dumps(_layout(unit, traces, view), indent=1) + "\n"
    return {f"{FOLDER}/{name}": text for name, text in texts.items()}


def _rendered(template: str, view: dict[str, Any]) -> str:
    text = environment("c").get_template(template).render(**view)
    return wrapped(text) if template.endswith((".h.j2", ".c.j2")) else text


def _unit(source: Graph, reads: tuple[str, ...]) -> CUnit:
    """What is decided before a line is written."""
    prefix, proven = prefix_of(source), bounds(source)
    graph, same = without_identities(source, proven)
    tables, trace_tables = CTables(prefix), CTables(prefix)
    names = identifiers(source)
    return CUnit(graph, source, same, prefix, names, proven, assign(graph), tables, trace_tables, {}, reads)


def _function(unit: CUnit, phase: Phase, trace: Trace) -> list[str]:
    """The body of a phase's function: sources, blocks, outputs, then the states that are not written in place."""
    saturating = [op for op in phase.ops if isinstance(op, Input) and saturates(unit.graph, op)]
    lines = [_source(unit, phase, trace, op) for op in phase.ops if isinstance(op, SOURCES) and op not in saturating]
    sections: list[list[str]] = [_saturated(unit, phase, trace, op) for op in saturating]
    said = SourceLines(unit.source, unit.same)
    for block in phase.blocks:
        sections.append([*comment(said.of(block.ops)), *block_lines(unit, phase, block, trace)])
    outputs = {output.name: output.value for output in unit.source.outputs}
    for output in _output_arguments(unit, phase.name):
        value = outputs[output.name]
        before = said.before(value)
        heading = f"/* output {output.name} = %{value} */"
        sections.append([*(comment(before) if before else []), heading, *_output(unit, phase, output)])
    for state, value in phase.copies:
        sections.append([f"/* next %{state} = %{value} */", *_next(unit, phase, unit.graph[state], value)])
    for at, section in enumerate(sections):
        lines += [*([""] if at else []), *section]
    return lines


def _source(unit: CUnit, phase: Phase, trace: Trace, op: Op) -> str:
    """The statement that traces an input, a state or a constant."""
    count = elements(op, unit.layouts)
    if not isinstance(op, Constant):
        return trace.copy(op, phase.storage[op.name], count)
    values = [int(value) for value in op.value.data]
    table = unit.trace_tables.array(f"{unit.names[op.name]}_trace_value", values, f"%{op.name}: its elements")
    return trace.copy(op, table.name, count)


def _saturated(unit: CUnit, phase: Phase, trace: Trace, op: Input) -> list[str]:
    """The samples of an input whose format is narrower than the element of a sample, clamped to the format."""
    name, element, count = phase.storage[op.name], phase.element[op.name], op.type.shape[0]
    sample, (low, high) = input_type(unit.graph), op.type.bounds
    kind = arithmetic(*sample.bounds)

    def clamp(i: str) -> str:
        limits = ", ".join(argument(literal(limit)) for limit in (low, high))
        call = Expression(f"qssm_clamp_i{kind.bits}(sample[{i}], {limits})", kind)
        return f"{name}[{i}] = {narrowed(call, element)};"

    declared = f"{element.text} {name}[{count}];"
    return [*comment([op]), declared, *each("i", count, clamp), trace.copy(op, name, count)]


def _next(unit: CUnit, phase: Phase, state: Op, value: str) -> list[str]:
    """A state takes the value that it becomes."""
    target, element, source = phase.storage[state.name], stored(state.type), unit.array(phase, value)

    def move(i: str) -> str:
        return f"{target}[{i}] = {narrowed(Expression(f'{source}[{i}]', phase.element[value]), element)};"

    return each("i", elements(state, unit.layouts), move)


def _output(unit: CUnit, phase: Phase, output: OutputArgument) -> list[str]:
    """A complex output leaves as pairs (re, im)."""
    op = unit.graph[output.value]
    element, extent = phase.element[op.name], op.type.shape[0]
    if extent == 0:
        return [f"(void){output.parameter};"]
    array = unit.array(phase, op.name)

    def move(to: str, at: str) -> str:
        return f"{output.parameter}[{to}] = {narrowed(Expression(f'{array}[{at}]', element), output.ctype)};"

    if not op.type.complex:
        return each("i", extent, lambda i: move(i, i))
    if extent == 1:
        return [move("0", "0"), move("1", "1")]
    return loop("i", extent, [move("2 * i", "i"), move("2 * i + 1", plus(extent, "i"))])


def _output_arguments(unit: CUnit, when: str) -> list[OutputArgument]:
    arguments = parameters(unit.graph, when)
    sources = {output.name: output for output in unit.source.outputs}
    found = []
    for output in (output for output in unit.graph.outputs if output.when == when):
        op = unit.graph[output.value]
        count = op.type.shape[0] * (2 if op.type.complex else 1)
        macro = f"{unit.prefix.upper()}_OUTPUT_{output.name.upper()}"
        about = tuple(output_sentences(unit.source, sources[output.name]))
        constants = _constants(unit, sources[output.name])
        name, ctype = output.name, stored(op.type)
        found.append(OutputArgument(name, arguments[name], ctype, count, macro, about, op.name, constants))
    return found


def _constants(unit: CUnit, output: Output) -> dict[str, str]:
    """Macros that say in numbers what the header's comment says of an output."""
    macro, scale = unit.prefix.upper(), one_scale(unit.source, output)
    found = {f"{macro}_THRESHOLD_{output.name.upper()}": "0"} if output.kind == "flags" else {}
    return found if scale is None else {**found, f"{macro}_SCALE_{output.name.upper()}": repr(scale)}


def _less_zero(graph: Graph, op: Input) -> str:
    """A sample, less the one that stands for 0."""
    zero = input_zero(graph, op)
    if not zero.any():
        return "integer"
    return (
        f"(integer - {zero[0]})" if not np.ptp(zero) else f"(integer - zero), zero {', '.join(map(str, zero))}, scale"
    )


def _view(unit: CUnit, bodies: dict[str, list[str]]) -> dict[str, Any]:
    """What the templates print."""
    graph, prefix = unit.graph, unit.prefix
    sample, limit = input_type(graph), step_limit(unit.source, unit.bounds)
    states = [
        StateField(unit.names[op.name], stored(op.type), max(1, elements(op, unit.layouts)), f"%{op.name} : {op.type}")
        for op in graph.states
    ]
    formats = [f"%{op.name} : {op.type}, integers {op.type.bounds[0]}..{op.type.bounds[1]}" for op in graph.inputs]
    scales = [
        f"real value of %{op.name} = {_less_zero(graph, op)} * "
        + ", ".join(repr(float(v)) for v in graph.scales[op.name].data.ravel())
        for op in graph.inputs
        if op.name in graph.scales
    ]
    step, last = _output_arguments(unit, "step"), _output_arguments(unit, "last")
    return {
        "prefix": prefix,
        "macro": prefix.upper(),
        "name": graph.name,
        "sample": sample.text,
        "inputs": max([0, *(op.type.shape[0] for op in graph.inputs)]),
        "formats": formats + scales,
        "steps": steps_text(limit, f"{prefix.upper()}_MAX_STEPS"),
        "max_steps": limit,
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
        "arrays": list(unit.tables.arrays.values()),
        "trace_arrays": list(unit.trace_tables.arrays.values()),
        "traced": False,
    }


def _uses(lines: list[str], text: str) -> bool:
    return any(text in line for line in lines if not line.lstrip().startswith(("/*", "*")))


def _layout(unit: CUnit, traces: dict[str, Trace], view: dict[str, Any]) -> dict[str, Any]:
    """What the loader of the emitted C needs to know."""
    ops = {"step": unit.source.step_ops, "last": unit.source.last_ops}
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
        "trace_sources": [f"{TRACE_FOLDER}/{unit.prefix}_trace.c", f"{TRACE_FOLDER}/harness.c"],
        "sample": {"type": view["sample"], "count": view["inputs"]},
        "memory": {"table_bytes": view["table_bytes"], "state_bytes": view["state_bytes"]},
        "outputs": outputs,
        "orders": orders_of(unit.layouts),
        **{name: layout_of(traces[name], unit.graph, ops[name], unit.same, unit.layouts) for name in traces},
    }
