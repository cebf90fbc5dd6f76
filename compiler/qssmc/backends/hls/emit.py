"""Emit: the HLS project of an integer graph as texts by path; the same graph gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from qssmc.analysis.bounds import bounds
from qssmc.analysis.output_meaning import output_sentences
from qssmc.analysis.step_limit import step_limit, steps_text
from qssmc.backends.environment import environment
from qssmc.backends.hls.estimate import estimate
from qssmc.backends.hls.flow import edges, levels_of, needs_last
from qssmc.backends.hls.hashes import sequence_hash
from qssmc.backends.hls.loops import shipped
from qssmc.backends.hls.names import identifiers, prefix_of
from qssmc.backends.hls.options import HlsOptions
from qssmc.backends.hls.order import orders
from qssmc.backends.hls.pragmas import depth
from qssmc.backends.hls.processes import processes
from qssmc.backends.hls.scalar import ap_type, word_bits
from qssmc.backends.hls.support import supports
from qssmc.backends.hls.tables import HlsTables
from qssmc.backends.hls.unit import HlsUnit, Stream, comment
from qssmc.backends.hls.writer import Writer
from qssmc.backends.support import check_ops
from qssmc.backends.wrapping import wrapped
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant

FOLDER = "hls"
TRACE_FOLDER = "trace"  # in it: what only verification builds
ESTIMATE = "report/hls.json"
_STANDIN = ("ap_int.h", "hls_stream.h", "ap_axi_sdata.h")


@dataclass(frozen=True)
class OutputStream:
    """An output as the templates see it."""

    name: str
    when: str
    count: int
    width: int
    beat_bits: int
    type: str


@dataclass(frozen=True)
class ValueTypes:
    """A value's types as the templates see them. acc: the type that holds every result on the way, where it has one."""

    name: str
    type: str
    acc: str
    about: str


def emit(graph: Graph, options: HlsOptions | None = None) -> dict[str, str]:
    """All files of the HLS target: {path: text}. The graph must be of the integer stage, its widths proven.

    Raises UnsupportedModelError for another stage, for ops that have no HLS form, and as qssmc.analysis.bounds does.
    """
    if graph.stage != "integer":
        raise UnsupportedModelError(
            f"graph {graph.name} is of the {graph.stage} stage, but HLS needs the integer stage"
        )
    check_ops("HLS", graph.ops, supports)
    unit = unit_of(graph, options or HlsOptions())
    found = edges(graph, unit.processes, unit.orders, unit.names)
    told = needs_last(graph, unit.processes, found)
    writers = [Writer(unit, process, found, told) for process in unit.processes]
    view = _view(unit, writers, found)
    report = json.dumps(estimate(unit, writers, found), indent=1) + "\n"
    files = {
        f"{unit.prefix}.h": "model.h.j2",
        f"{unit.prefix}.cpp": "model.cpp.j2",
        f"{unit.prefix}_types.h": "types.h.j2",
        f"{unit.prefix}_tables.h": "tables.h.j2",
        f"{unit.prefix}_test.cpp": "test.cpp.j2",
        "harness.cpp": "harness.cpp.j2",
        "run_hls.tcl": "run_hls.tcl.j2",
        "Makefile": "Makefile.j2",
        "qssm_kernels.h": "qssm_kernels.h",
        f"{TRACE_FOLDER}/{unit.prefix}_trace.h": "trace.h.j2",
        **{f"standin/{name}": f"standin/{name}" for name in _STANDIN},
    }
    texts = {name: _rendered(template, view) for name, template in files.items()}
    traced = view | {"functions": view["trace_functions"], "traces": True}
    texts[f"{TRACE_FOLDER}/{unit.prefix}_trace.cpp"] = _rendered("model.cpp.j2", traced)
    texts["layout.json"] = json.dumps(_layout(unit, view), indent=1) + "\n"
    return {ESTIMATE: report, **{f"{FOLDER}/{name}": text for name, text in texts.items()}}


def _rendered(template: str, view: dict[str, Any]) -> str:
    made = environment("hls", ("{##", "##}"))  # braces and # stand together in C
    text = made.get_template(template).render(**view)
    return wrapped(text) if template.endswith((".h.j2", ".cpp.j2")) else text


def unit_of(graph: Graph, options: HlsOptions) -> HlsUnit:
    """What is decided before a line is written."""
    offsets: dict[str, dict[str, int]] = {}
    size = 0
    for phase, ops in (("step", graph.step_ops), ("last", graph.last_ops)):
        offsets[phase] = {}
        for op in ops:
            offsets[phase][op.name] = size
            size += int(np.prod(op.type.array_shape))
    return HlsUnit(
        graph,
        prefix_of(graph),
        options,
        identifiers(graph),
        bounds(graph),
        orders(graph, options.lanes),
        processes(graph),
        HlsTables(),
        HlsTables(),
        offsets,
    )


def _ports(unit: HlsUnit) -> list[OutputStream]:
    found = []
    for output in unit.graph.outputs:
        op = unit.graph[output.value]
        width = op.type.width
        assert width is not None
        count = op.type.shape[0] * (2 if op.type.complex else 1)
        kind = ap_type(width, op.type.signed)
        found.append(OutputStream(output.name, output.when, count, width, -(-width // 8) * 8, kind))
    return found


def _values(unit: HlsUnit) -> list[ValueTypes]:
    found = []
    for op in unit.graph.ops:
        assert op.type.width is not None
        acc = ap_type(unit.bounds[op.name].inner_width, True)
        found.append(ValueTypes(unit.names[op.name], ap_type(op.type.width, op.type.signed), acc, comment([op])[0]))
    return found


def _view(unit: HlsUnit, writers: list[Writer], found: tuple[Stream, ...]) -> dict[str, Any]:
    """What the templates print."""
    functions = [writer.lines() for writer in writers]
    (entrance,) = unit.graph.inputs
    assert entrance.type.width is not None
    levels = levels_of(unit.processes, found)
    limit = step_limit(unit.graph, unit.bounds)
    told = [name for writer in writers for name in (writer.work.told() if writer.work.receives else [])]
    streams = [(e.name, unit.element(e.value), e.depth) for e in found]
    streams += [(f"{name}_last", "ap_uint<1> ", levels[name] + 2) for name in told]
    constants = [
        (unit.offsets[phase][op.name], _traced_constant(unit, op), op.type.shape[0], phase)
        for op in unit.graph.ops
        if isinstance(op, Constant)
        for phase in ("step", "last")
        if op.name in unit.offsets[phase]
    ]
    ports = _ports(unit)
    arrays = list(unit.tables.arrays.values())
    return {
        "prefix": unit.prefix,
        "macro": unit.prefix.upper(),
        "name": unit.graph.name,
        "options": unit.options,
        "inputs": entrance.type.shape[0],
        "input_type": ap_type(entrance.type.width, entrance.type.signed),
        "sample_bits": word_bits(entrance),
        "steps": steps_text(limit, f"{unit.prefix.upper()}_MAX_STEPS"),
        "max_steps": limit,
        "input_about": comment([entrance])[0],
        "ports": ports,
        "about": {output.name: tuple(output_sentences(unit.graph, output)) for output in unit.graph.outputs},
        "values": _values(unit),
        "functions": [shipped(lines) for lines in functions],
        "trace_functions": functions,
        "traces": False,
        "streams": [(name, kind, depth(f"{name}", n)) for name, kind, n in streams],
        "calls": [f"run_{w.process.name}({', '.join(_arguments(w))});" for w in writers],
        "arrays": arrays,
        "trace_arrays": list(unit.trace_tables.arrays.values()),
        "constants": constants,
        "traced": _traced(unit),
        "trace_size": sum(count for _, _, count, _ in _traced(unit)),
        "step_size": sum(count for _, _, count, phase in _traced(unit) if phase == "step"),
        "hashes": [(a.name, a.values.size, f"0x{sequence_hash(a.values):016x}ULL") for a in arrays],
    }


def _arguments(writer: Writer) -> list[str]:
    """What the top function hands to a process, in the order of its parameters."""
    process = writer.process
    found = []
    if writer.work.receives:
        found += ["samples", *(f"{name}_last" for name in writer.work.told())]
    if writer.work.asks_last:
        found.append(f"{process.name}_last")
    found += [edge.name for edge in (*writer.work.incoming.values(), *writer.work.outgoing)]
    return found + [f"qssm_{output.name}" for output in writer.work.sent()]


def _traced_constant(unit: HlsUnit, op: Constant) -> str:
    """The table that a trace reads a constant from."""
    return unit.trace_tables.array(f"table_{unit.names[op.name]}_constant", op.value.data).name


def _traced(unit: HlsUnit) -> list[tuple[str, int, int, str]]:
    """Name, offset, elements and phase of every traced value."""
    return [
        (name, offset, int(np.prod(unit.graph[name].type.array_shape)), phase)
        for phase, offsets in unit.offsets.items()
        for name, offset in offsets.items()
    ]


def _layout(unit: HlsUnit, view: dict[str, Any]) -> dict[str, Any]:
    """What the loader of the emitted C++ and other tools need to know."""
    options, (entrance,) = unit.options, unit.graph.inputs
    word = replace(entrance.type, width=word_bits(entrance))
    return {
        "prefix": unit.prefix,
        "project": {
            "ProjectName": unit.prefix,
            "Backend": "Vitis" if options.flavor == "vitis" else "VivadoHLS",
            "Part": options.part,
            "ClockPeriod": options.clock_period,
            "IOType": "io_stream",
            "Lanes": options.lanes,
        },
        "sample": {
            "count": view["inputs"],
            "low": word.bounds[0],
            "high": word.bounds[1],
        },
        "outputs": [
            {
                "name": port.name,
                "when": port.when,
                "count": port.count,
                "shape": list(unit.graph[output.value].type.array_shape),
            }
            for port, output in zip(view["ports"], unit.graph.outputs, strict=True)
        ],
        "trace": {
            phase: {
                name: {"offset": offset, "shape": list(unit.graph[name].type.array_shape)}
                for name, offset, _, at in view["traced"]
                if at == phase
            }
            for phase in ("step", "last")
        },
        "trace_size": view["trace_size"],
    }
