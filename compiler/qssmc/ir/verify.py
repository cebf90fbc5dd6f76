"""The verifier: collects every fault of a graph, then raises once."""

from __future__ import annotations

import re
from collections.abc import Iterator

from qssmc.errors import QssmcError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import REAL_STAGES, STAGES, Input, Op, State, TypeFault
from qssmc.ir.types import UNTYPED

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


class IRError(QssmcError):
    """A graph that breaks the rules of its stage: a fault of a pass, or of a hand-written text."""

    exit_code = 5


def verify(graph: Graph) -> Graph:
    """Return the graph if it obeys every rule of its stage, else raise IRError with all faults."""
    faults = list(_faults(graph))
    if faults:
        raise IRError(f"graph {graph.name} ({graph.stage}) is not valid:\n  " + "\n  ".join(faults))
    return graph


def _faults(graph: Graph) -> Iterator[str]:
    if graph.stage not in STAGES:
        yield f"stage must be one of {', '.join(STAGES)}, not {graph.stage}"
        return
    if not _NAME.fullmatch(graph.name):
        yield f"graph {graph.name}: the name must be letters, digits and _"
    seen: dict[str, Op] = {}
    for op in graph.ops:
        where = f"%{op.name} ({op.mnemonic}{', from ' + op.origin if op.origin else ''})"
        if not _NAME.fullmatch(op.name):
            yield f"{where}: the name must be letters, digits and _"
        if op.name in seen:
            yield f"{where}: the name is taken"
        missing = [name for name in op.inputs if name not in seen]
        for name in missing:
            yield f"{where}: operand %{name} is not defined before it"
        if not missing:
            yield from (f"{where}: {fault}" for fault in _op_faults(graph.stage, op, [seen[n] for n in op.inputs]))
        seen[op.name] = op
    yield from _binding_faults(graph, seen)


def _op_faults(stage: str, op: Op, operands: list[Op]) -> Iterator[str]:
    if not isinstance(op, STAGES[stage]):
        yield f"the {stage} stage has no {op.mnemonic}"
        return
    if op.type == UNTYPED:
        yield "it has no type"
        return
    if op.type.is_real != (stage in REAL_STAGES):
        yield f"the {stage} stage has no {op.type} values"
    if op.arity is not None and not op.arity <= len(operands) <= op.arity + op.optional:
        most = f" or {op.arity + op.optional}" if op.optional else ""
        yield f"it takes {op.arity}{most} operands, not {len(operands)}"
        return
    try:
        wanted = op.rule(tuple(operand.type for operand in operands))
    except TypeFault as fault:
        yield str(fault)
        return
    if (wanted.shape, wanted.complex, wanted.is_real) != (op.type.shape, op.type.complex, op.type.is_real):
        yield f"its type must be {wanted}, not {op.type}"


def _binding_faults(graph: Graph, ops: dict[str, Op]) -> Iterator[str]:
    for name, value in graph.updates.items():
        if not isinstance(ops.get(name), State):
            yield f"next %{name}: there is no such state"
        elif value not in ops:
            yield f"next %{name}: %{value} is not defined"
        elif (ops[value].type.shape, ops[value].type.complex) != (ops[name].type.shape, ops[name].type.complex):
            yield f"next %{name}: it is {ops[name].type}, but %{value} is {ops[value].type}"
    for state in graph.states:
        if state.name not in graph.updates:
            yield f"%{state.name}: a state must have a next value"
    yield from _output_faults(graph, ops)
    for note, notes in (("range", graph.ranges), ("scale", graph.scales), ("bits", graph.bits), ("kept", graph.kept)):
        yield from (f"{note} %{name}: there is no such value" for name in notes if name.split(".")[0] not in ops)


def _output_faults(graph: Graph, ops: dict[str, Op]) -> Iterator[str]:
    if not graph.outputs:
        yield "a graph must have an output"
    for i, output in enumerate(graph.outputs):
        if not _NAME.fullmatch(output.name):
            yield f"output {output.name}: the name must be letters, digits and _"
        if output.name in {other.name for other in graph.outputs[:i]}:
            yield f"output {output.name}: the name is taken"
        if output.value not in ops:
            yield f"output {output.name}: %{output.value} is not defined"
        elif output.when == "last" and any(isinstance(ops.get(name), Input) for name in graph.needed([output.value])):
            yield f"output {output.name}: it comes after the last sample, so it may depend on states only"
