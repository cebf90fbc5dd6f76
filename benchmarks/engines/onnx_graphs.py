"""ONNX graphs of one model: the step, the whole sequence as a Scan of it, and a Scan of the recurrence alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engines.engine import Array
from benchmarks.engines.parameters import Parameters
from qssmc.errors import ToolError

try:
    from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper
except ImportError as missing:
    raise ToolError("the ONNX Runtime engines need onnx: pip install 'qssmc[bench]'") from missing

OPSET, IR_VERSION = 20, 10
CARRIED = ("x_re", "x_im", "total")

_ENCODER = "Gemm u encoder_weight encoder_bias -> s"
_RECURRENCE = """
    Mul a_re x_re -> rr
    Mul a_im x_im -> ii
    Mul b_re v -> br
    Sub rr ii -> r1
    Add r1 br -> x_re_next
    Mul a_re x_im -> ri
    Mul a_im x_re -> ir
    Mul b_im v -> bi
    Add ri ir -> i1
    Add i1 bi -> x_im_next
    Mul c_re x_re_next -> cr
    Mul c_im x_im_next -> ci
    Sub cr ci -> cx
    ReduceSum cx axis_1 -> cx_sum
"""
_DENSE = """
    Mul d s -> ds
    Add cx_row ds -> y
    Gelu y -> g
    Gemm g mixing_weight mixing_bias -> m
    Split m -> value gate
    Sigmoid gate -> open
    Mul value open -> glu
    Add s glu -> out
"""
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "Gemm": {"transB": 1},
    "Split": {"axis": 1, "num_outputs": 2},
    "ReduceSum": {"keepdims": 0},
    "ReduceMean": {"keepdims": 1},
    "Shape": {"end": 1},
    "Cast": {"to": TensorProto.FLOAT},
}
_DECODER = "Gemm mean decoder_weight decoder_bias -> logits"


def step_graph(p: Parameters) -> ModelProto:
    """One sample u (1, d_input) and the carried values to the carried values after it."""
    inputs = [_value("u", 1, p.d_input), *_carried(p, "")]
    return _model(helper.make_graph(_step(), "step", inputs, _carried(p, "_next"), _tables(p)))


def scan_graph(p: Parameters) -> ModelProto:
    """A whole sequence (length, d_input) to logits: the step inside a Scan, as a streaming model is exported."""
    body = helper.make_graph(
        [*_ops("Unsqueeze sample axis_0 -> u"), *_step()],
        "step",
        [*_carried(p, ""), _value("sample", p.d_input)],
        _carried(p, "_next"),
    )
    scan = _scan(["x_zero", "x_zero", "total_zero", "samples"], ["x_re_end", "x_im_end", "total_end"], body)
    close = f"Shape samples -> count\nCast count -> length\nDiv total_end length -> mean\n{_DECODER}"
    return _sequence(p, [scan, *_ops(close)])


def recurrence_graph(p: Parameters) -> ModelProto:
    """The same answer with only the recurrence inside the Scan and every dense layer once over all samples."""
    state = (p.heads, p.states)
    body = helper.make_graph(
        _ops(_RECURRENCE),
        "recurrence",
        [*_carried(p, "")[:2], _value("v", p.heads, 1)],
        [_value("x_re_next", *state), _value("x_im_next", *state), _value("cx_sum", p.heads)],
    )
    scan = _scan(["x_zero", "x_zero", "columns"], ["x_re_end", "x_im_end", "cx_row"], body)
    before = _ops(_ENCODER.replace(" u ", " samples ") + "\nUnsqueeze s axis_2 -> columns")
    return _sequence(p, [*before, scan, *_ops(f"{_DENSE}\nReduceMean out axis_0 -> mean\n{_DECODER}")])


def _step() -> list[NodeProto]:
    """Encoder, recurrence in real arithmetic, GELU, mixing, GLU, residual and the sum over time."""
    column = "Reshape s column -> v"
    close = "Add total out -> total_next"
    return _ops("\n".join([_ENCODER, column, _RECURRENCE, "Reshape cx_sum row -> cx_row", _DENSE, close]))


def _ops(text: str) -> list[NodeProto]:
    """Operators from lines "Kind inputs -> outputs"."""
    found = []
    for line in filter(str.strip, text.splitlines()):
        left, right = line.split("->")
        kind, *inputs = left.split()
        found.append(helper.make_node(kind, inputs, right.split(), **_ATTRIBUTES.get(kind, {})))
    return found


def _scan(inputs: list[str], outputs: list[str], body: GraphProto) -> NodeProto:
    return helper.make_node("Scan", inputs, outputs, body=body, num_scan_inputs=1)


def _sequence(p: Parameters, ops: list[NodeProto]) -> ModelProto:
    """The graph of a whole sequence."""
    inputs, outputs = [_value("samples", "length", p.d_input)], [_value("logits", 1, len(p.decoder_bias))]
    return _model(helper.make_graph(ops, "sequence", inputs, outputs, _tables(p)))


def _tables(p: Parameters) -> list[TensorProto]:
    """Every initialiser; a graph that does not read one drops it when the session optimises."""
    tables: dict[str, Array] = {
        "encoder_weight": p.encoder_weight,
        "encoder_bias": p.encoder_bias,
        "d": p.d[None],
        "mixing_weight": p.mixing_weight,
        "mixing_bias": p.mixing_bias,
        "decoder_weight": p.decoder_weight,
        "decoder_bias": p.decoder_bias,
        "x_zero": np.zeros((p.heads, p.states), np.float32),
        "total_zero": np.zeros((1, p.heads), np.float32),
        "column": np.array([-1, 1]),
        "row": np.array([1, -1]),
        **{f"axis_{axis}": np.array([axis]) for axis in range(3)},
    }
    for name, table in (("a", p.lambda_bar), ("b", p.b_bar), ("c", p.c)):
        tables |= {f"{name}_re": table.real, f"{name}_im": table.imag}
    return [numpy_helper.from_array(np.ascontiguousarray(table), name) for name, table in tables.items()]


def carried_shapes(p: Parameters) -> tuple[tuple[int, int], ...]:
    """Shapes of the values that a step hands to the next one, in the order of CARRIED."""
    return (p.heads, p.states), (p.heads, p.states), (1, p.heads)


def _carried(p: Parameters, suffix: str) -> list[Any]:
    return [_value(name + suffix, *shape) for name, shape in zip(CARRIED, carried_shapes(p), strict=True)]


def _value(name: str, *shape: int | str) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def _model(graph: GraphProto) -> ModelProto:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    checker.check_model(model, full_check=True)
    return model
