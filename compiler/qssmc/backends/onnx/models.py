"""Models: the ONNX models of a graph, as bytes by path; the same graph gives the same bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from qssmc.analysis.bounds import bounds
from qssmc.analysis.input_zero import input_zero
from qssmc.analysis.output_meaning import output_facts
from qssmc.analysis.scales import is_power_of_two
from qssmc.analysis.step_limit import step_limit, steps_text
from qssmc.backends.onnx import qdq
from qssmc.backends.onnx.integer import INTEGER, write_op
from qssmc.backends.onnx.nodes import Nodes, TensorProto, helper, parts
from qssmc.backends.onnx.qdq import QDQ, QdqNodes
from qssmc.backends.onnx.real import REAL
from qssmc.backends.onnx.support import supports
from qssmc.backends.support import check_ops
from qssmc.errors import UnsupportedModelError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, Op, State
from qssmc.ir.types import WIDEST

FOLDER = "onnx"
OPSET, IR_VERSION = 18, 8
NEXT, SATURATED = ":next", ":saturated"
BATCH = "batch"


def emit_models(graph: Graph, real: Graph | None, quantised: Graph | None = None) -> dict[str, bytes]:
    """The step, the closing after the last sample, the whole sequence; the float step, and that of the quantised stage
    with QuantizeLinear and DequantizeLinear."""
    if graph.stage != "integer" or (real is not None and real.stage not in ("discrete", "calibrated")):
        raise UnsupportedModelError(
            "ONNX needs graphs of the integer and the discrete stage, "
            f"not {' and '.join(given.stage for given in (graph, real) if given is not None)}"
        )
    check_ops("ONNX", [op for given in (graph, real, quantised) if given is not None for op in given.ops], supports)
    models = {"step": step_model(graph), "sequence": sequence_model(graph)}
    if graph.last_ops:
        models["last"] = last_model(graph)
    models = {what: _limited(model, graph) for what, model in models.items()}
    if real is not None:
        models["float_step"] = _noted(step_model(real), graph)
        if real.last_ops:
            models["float_last"] = _noted(last_model(real), graph)
    if quantised is not None:
        models["qdq_step"] = step_model(quantised)
        if quantised.last_ops:
            models["qdq_last"] = last_model(quantised)
    return {f"{FOLDER}/{what}.onnx": model.SerializeToString(deterministic=True) for what, model in models.items()}


def _limited(model: Any, graph: Graph) -> Any:
    """An integer model that says what its outputs mean, how many steps a sequence may have, and what becomes of samples
    beyond the format.
    """
    limit = step_limit(graph, bounds(graph))
    low, high = graph.inputs[0].type.bounds
    model.doc_string = f"Samples beyond {low}..{high} become the nearest of these. {steps_text(limit)}"
    facts = {output.name: output_facts(graph, output) for output in graph.outputs}
    properties = {"qssmc.outputs": json.dumps(facts, sort_keys=True)}
    helper.set_model_props(model, properties | ({} if limit is None else {"qssmc.max_steps": str(limit)}))
    return model


def _noted(model: Any, graph: Graph) -> Any:
    """A float model that says what the import needs: the format of the samples, and which outputs are means."""
    (entrance,) = graph.inputs
    note: dict[str, Any] = {"means": [f"output:{output.name}" for output in graph.outputs if output.mean]}
    if entrance.name in graph.scales:
        note["input_format"] = _input_format(graph, entrance)
    helper.set_model_props(model, {"qssmc": json.dumps(note, sort_keys=True)})
    return model


def _input_format(graph: Graph, entrance: Input) -> dict[str, Any]:
    """The keywords of an InputFormat: a power of two alone as fractional bits, else scales."""
    unit, zero = np.broadcast_to(graph.scales[entrance.name].data, entrance.type.shape), input_zero(graph, entrance)
    plain = is_power_of_two(unit) and not np.ptp(unit)
    frac = -round(math.log2(float(unit[0]))) if plain else 0
    found: dict[str, Any] = {"width": entrance.type.width, "frac": frac, "signed": entrance.type.signed}
    found |= {} if plain else {"scale": unit.tolist()}
    return found | ({"zero": zero.tolist()} if zero.any() else {})


def step_model(graph: Graph) -> Any:
    """One sample and the states to the outputs of a step and the states after it."""
    nodes, kind = _nodes(graph)
    _step(nodes, graph)
    inputs = [_value(name, kind, op) for op in (*graph.inputs, *graph.states) for name in _names(op)]
    outputs = [_value(f"{name}{NEXT}", kind, op) for op in graph.states for name in _names(op)]
    outputs += _outputs(nodes, graph, "step", kind)
    return _model(graph, nodes, inputs, outputs, "step")


def last_model(graph: Graph) -> Any:
    """The states after the last sample to the outputs of the end."""
    nodes, kind = _nodes(graph)
    if not graph.states:
        raise UnsupportedModelError(
            f"graph {graph.name} closes a sequence without a state, so ONNX has no input for it"
        )
    _closing(nodes, graph)
    inputs = [_value(name, kind, op) for op in graph.states for name in _names(op)]
    return _model(graph, nodes, inputs, _outputs(nodes, graph, "last", kind), "last")


def sequence_model(graph: Graph) -> Any:
    """A batch of whole sequences (batch, length, n): the step inside a Scan, then the closing."""
    nodes, kind = _nodes(graph)
    (entrance,) = graph.inputs
    body, states = _body(graph, kind), [name for op in graph.states for name in _names(op)]
    nodes.begin(entrance)
    _batch(nodes, entrance.name)
    zeros = []
    for state in graph.states:
        nodes.begin(state)
        extents = nodes.add("Concat", BATCH, nodes.ints("extent", state.type.shape[0]), axis=0)
        zero = helper.make_tensor("zero", kind, [1], [0])
        zeros += [nodes.add("ConstantOfShape", extents, to=f"{name}:zero", value=zero) for name in _names(state)]
    step = [o for o in graph.outputs if o.when == "step"]
    leaving = [f"{o.name}{part}:all" for o in step for part in parts(graph[o.value])]
    axes: dict[str, Any] = {"scan_output_axes": [1] * len(leaving)} if leaving else {}
    ends = [*states, *leaving]
    scan = helper.make_node(
        "Scan", [*zeros, entrance.name], ends, "sequence", body=body, num_scan_inputs=1, scan_input_axes=[1], **axes
    )
    nodes.found.append(scan)
    _closing(nodes, graph, batch=False)
    outputs = []
    for output in step:
        op = graph[output.value]
        for part in parts(op):
            outputs.append(_value(f"{output.name}{part}:all", kind, op, "length"))
    outputs += _outputs(nodes, graph, "last", kind)
    return _model(graph, nodes, [_value(entrance.name, kind, entrance, "length")], outputs, "sequence")


def _nodes(graph: Graph) -> tuple[Nodes, int]:
    if graph.stage == "integer":
        return Nodes(np.int64), TensorProto.INT64
    if graph.stage == "quantised":
        return QdqNodes(), TensorProto.FLOAT
    return Nodes(np.float64), TensorProto.DOUBLE


_RULES: dict[str, dict[type[Op], Any]] = {"integer": INTEGER, "quantised": QDQ}


def _names(op: Op) -> list[str]:
    return [op.name + part for part in parts(op)]


def _value(name: str, kind: int, op: Op, *middle: str) -> Any:
    return helper.make_tensor_value_info(name, kind, [BATCH, *middle, op.type.shape[0]])


def _batch(nodes: Nodes, source: str) -> None:
    """The size of the batch, for constants."""
    nodes.add("Shape", source, to=BATCH, end=1)


def _step(nodes: Nodes, graph: Graph) -> None:
    (entrance,) = graph.inputs
    nodes.begin(entrance)
    _batch(nodes, entrance.name)
    if graph.stage == "integer":
        _saturate(nodes, entrance)
    _write(nodes, graph, graph.step_ops)
    for state, value in graph.updates.items():
        nodes.begin(graph[state])
        for part in parts(graph[state]):
            nodes.add("Identity", value + part, to=f"{state}{part}{NEXT}")


def _saturate(nodes: Nodes, entrance: Input) -> None:
    """Samples beyond the format become the nearest bound, whatever 64 bits hold."""
    if entrance.type.width == WIDEST:
        return
    low, high = (
        nodes.constant(name, [[limit]]) for name, limit in zip(("low", "high"), entrance.type.bounds, strict=True)
    )
    name = f"{entrance.name}{SATURATED}"
    nodes.add("Min", nodes.add("Max", entrance.name, low), high, to=name)
    nodes.stands[entrance.name] = name


def _closing(nodes: Nodes, graph: Graph, *, batch: bool = True) -> None:
    if batch:
        nodes.begin(graph.states[0])
        _batch(nodes, _names(graph.states[0])[0])
    _write(nodes, graph, graph.last_ops)


def _write(nodes: Nodes, graph: Graph, ops: Sequence[Op]) -> None:
    rules = _RULES.get(graph.stage, REAL)
    for op in ops:
        if not isinstance(op, (Input, State)):
            write_op(nodes, op, rules)


def _outputs(nodes: Nodes, graph: Graph, when: str, kind: int) -> list[Any]:
    """The outputs under their own names."""
    found = []
    for output in graph.outputs:
        op = graph[output.value]
        for part in parts(op) if output.when == when else ():
            name = f"output:{output.name}{part}"
            nodes.begin(op)
            nodes.add("Identity", op.name + part, to=name)
            found.append(_value(name, kind, op))
    return found


def _body(graph: Graph, kind: int) -> Any:
    """The step as the body of a Scan; its tables are its own, and its names differ from those outside."""
    nodes, _ = _nodes(graph)
    _step(nodes, graph)
    inputs = [_value(name, kind, op) for op in (*graph.states, *graph.inputs) for name in _names(op)]
    outputs = [_value(f"{name}{NEXT}", kind, op) for op in graph.states for name in _names(op)]
    outputs += _outputs(nodes, graph, "step", kind)
    body = helper.make_graph(nodes.found, "step", inputs, outputs, list(nodes.tables.values()))
    return _renamed(body)


def _renamed(body: Any) -> Any:
    """All names of a graph with a prefix, so that none hides one of the graph around it."""
    for node in body.node:
        node.name = f"step/{node.name}"
        for names in (node.input, node.output):
            renamed = [f"step/{name}" if name else "" for name in names]
            del names[:]
            names.extend(renamed)
    for value in (*body.input, *body.output, *body.initializer):
        value.name = f"step/{value.name}"
    return body


def _model(graph: Graph, nodes: Nodes, inputs: list[Any], outputs: list[Any], what: str) -> Any:
    used = {name for node in nodes.found for name in node.input}
    tables = [table for name, table in nodes.tables.items() if name in used]
    made = helper.make_graph(nodes.found, f"{graph.name}_{what}", inputs, outputs, tables)
    opset, version = (qdq.OPSET, qdq.IR_VERSION) if graph.stage == "quantised" else (OPSET, IR_VERSION)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(made, opset_imports=opsets, ir_version=version, producer_name="qssmc")
