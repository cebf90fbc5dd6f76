"""Model: an ONNX graph as a lookup of who makes which tensor, and numbers of any part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, UnsupportedModelError, brief

try:
    import onnx
    import onnx.inliner
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator
except ImportError as missing:
    raise ToolError("ONNX models need the package onnx: pip install 'qssmc[onnx]'") from missing

from qssmc.frontend.onnx.layout import StepLayout, layout_of

Array = NDArray[Any]


class Model:
    """One ONNX model. Tensors of interest are (batch, ...)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.proto = onnx.load(path)
            onnx.checker.check_model(self.proto)
            if self.proto.functions:
                self.proto = onnx.inliner.inline_local_functions(self.proto)
        except OSError as error:
            raise MalformedInputError(
                f"{path} cannot be read ({error.strerror or error}); give a .onnx file"
            ) from error
        except Exception as error:  # protobuf and the checker raise kinds of their own
            raise MalformedInputError(f"{path} is not an ONNX model ({brief(error)})") from error
        self.graph = self.proto.graph
        self.folded: set[str] = set()  # constants that are made of other ones
        foreign = [node for node in self.graph.node if node.domain not in ("", "ai.onnx")]
        if foreign:
            raise UnsupportedModelError(
                f"{path.name}: {foreign[0].op_type} is an operator of {foreign[0].domain}, whose meaning is not known; "
                "export the model in ONNX's own operators, before any optimisation by a runtime"
            )

    @cached_property
    def constants(self) -> dict[str, Array]:
        """Initialisers and Constant nodes by tensor."""
        found = {table.name: np.asarray(numpy_helper.to_array(table)) for table in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant":
                found[node.output[0]] = _constant(node)
        return found

    @cached_property
    def layout(self) -> StepLayout:
        """The shapes of all tensors, and how many samples a run takes."""
        return layout_of(self.proto, self.constants)

    def shape(self, name: str) -> tuple[int, ...]:
        """A tensor's shape without the batch; values are numbered along it, the last axis fastest."""
        return self.layout.shapes.get(name, ())

    def size(self, name: str) -> int:
        """How many numbers a tensor has for one sample."""
        return int(np.prod(self.shape(name), dtype=np.int64))

    @cached_property
    def maker(self) -> Mapping[str, Any]:
        """The node that makes each tensor."""
        return {name: node for node in self.graph.node if node.op_type != "Constant" for name in node.output}

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Where in the order of nodes each tensor is made."""
        return {name: at for at, node in enumerate(self.graph.node) for name in node.output}

    @property
    def inputs(self) -> list[str]:
        """Names of the inputs."""
        return [value.name for value in self.graph.input if value.name not in self.constants]

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs."""
        return [value.name for value in self.graph.output]

    def operands(self, name: str) -> list[str]:
        """What the maker of a tensor reads, constants left out."""
        return [i for i in self.maker[name].input if i and i not in self.constants]

    def attribute(self, node: Any, name: str, default: Any = None) -> Any:
        """An attribute's value."""
        return next((onnx.helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)

    def between(self, starts: Iterable[str], target: str) -> list[Any]:
        """The nodes from some tensors to one, in order."""
        stop, found, todo = set(starts), set(), [target]
        while todo:
            name = todo.pop()
            if name in stop or name not in self.maker or self.place[name] in found:
                continue
            found.add(self.place[name])
            todo += self.operands(name)
        return [self.graph.node[at] for at in sorted(found)]

    def evaluate(self, given: Mapping[str, Array], targets: list[str]) -> list[Array]:
        """The values of tensors from those of others, in float64 wherever the model computes in floats."""
        nodes = {id(node): node for target in targets for node in self.between(given, target)}
        ordered = sorted(nodes.values(), key=lambda node: self.place[node.output[0]])
        kinds = {name: onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in given.items()}
        shapes = {name: value.shape for name, value in given.items()}
        return [np.asarray(value) for value in self._part(ordered, kinds, shapes, targets).run(targets, dict(given))]

    def rows(self, given: Mapping[str, Array], targets: list[str]) -> list[Array]:
        """As evaluate, of tensors (rows, size) for many samples at once; returns such tensors."""
        count = len(next(iter(given.values())))
        at_once = self.layout.at_once or count
        nodes = {id(node): node for target in targets for node in self.between(given, target)}
        ordered = sorted(nodes.values(), key=lambda node: self.place[node.output[0]])
        kinds = dict.fromkeys(given, onnx.TensorProto.DOUBLE)
        part = self._part(ordered, kinds, {name: (at_once, *self.shape(name)) for name in given}, targets)
        found: list[list[Array]] = [[] for _ in targets]
        for start in range(0, count, at_once):
            now = {}
            for name, value in given.items():
                block = np.zeros((at_once, value.shape[1]))
                own = value[start : start + at_once]
                block[: len(own)] = own
                now[name] = block.reshape(self.layout.of_run(name, at_once))
            for values, value in zip(found, part.run(targets, now), strict=True):
                values.append(np.asarray(value).reshape(at_once, -1))
        return [np.concatenate(values)[:count] for values in found]

    def _part(
        self, ordered: list[Any], kinds: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]], targets: list[str]
    ) -> ReferenceEvaluator:
        used = {name for node in ordered for name in node.input} | set(targets)
        tables = [numpy_helper.from_array(_double(v), k) for k, v in self.constants.items() if k in used]
        inputs = [onnx.helper.make_tensor_value_info(name, kinds[name], shapes[name]) for name in kinds]
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in targets]
        graph = onnx.helper.make_graph([_in_double(node) for node in ordered], "part", inputs, outputs, tables)
        part = onnx.helper.make_model(graph, opset_imports=self.proto.opset_import)
        return ReferenceEvaluator(part)


def _constant(node: Any) -> Array:
    """What a Constant node gives, whichever of its attributes says it."""
    value = onnx.helper.get_attribute_value(node.attribute[0])
    return np.asarray(numpy_helper.to_array(value) if node.attribute[0].name == "value" else value)


def _double(values: Array) -> Array:
    return values.astype(np.float64) if values.dtype.kind == "f" else values


_FLOATS = (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE)


def _in_double(node: Any) -> Any:
    """A node whose casts to floats give float64."""
    to = [one.i for one in node.attribute if one.name == "to"] if node.op_type == "Cast" else []
    if not to or to[0] not in _FLOATS:
        return node
    return onnx.helper.make_node("Cast", list(node.input), list(node.output), to=onnx.TensorProto.DOUBLE)
