"""Model: an ONNX graph as a lookup of who makes which tensor, and numbers of any part of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, brief

try:
    import onnx
    from onnx import numpy_helper
    from onnx.reference import ReferenceEvaluator
except ImportError as missing:
    raise ToolError("ONNX models need the package onnx: pip install 'qssmc[onnx]'") from missing

Array = NDArray[Any]


class Model:
    """One ONNX model. Tensors of interest are (batch, n)."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.proto = onnx.load(path)
            onnx.checker.check_model(self.proto)
        except OSError as error:
            raise MalformedInputError(
                f"{path} cannot be read ({error.strerror or error}); give a .onnx file"
            ) from error
        except Exception as error:  # protobuf and the checker raise kinds of their own
            raise MalformedInputError(f"{path} is not an ONNX model ({brief(error)})") from error
        self.graph = self.proto.graph

    @cached_property
    def constants(self) -> dict[str, Array]:
        """Initialisers and Constant nodes by tensor."""
        found = {table.name: np.asarray(numpy_helper.to_array(table)) for table in self.graph.initializer}
        for node in self.graph.node:
            if node.op_type == "Constant":
                found[node.output[0]] = np.asarray(numpy_helper.to_array(node.attribute[0].t))
        return found

    @cached_property
    def maker(self) -> Mapping[str, Any]:
        """The node that makes each tensor."""
        return {name: node for node in self.graph.node if node.op_type != "Constant" for name in node.output}

    @cached_property
    def place(self) -> Mapping[str, int]:
        """Where in the order of nodes each tensor is made."""
        return {name: at for at, node in enumerate(self.graph.node) for name in node.output}

    @property
    def inputs(self) -> dict[str, int | None]:
        """Inputs and their width, None where a shape is not (batch, n)."""
        return {value.name: _width(value) for value in self.graph.input if value.name not in self.constants}

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
        used = {name for node in ordered for name in node.input} | set(targets)
        tables = [numpy_helper.from_array(_double(v), k) for k, v in self.constants.items() if k in used]
        kinds = {name: onnx.helper.np_dtype_to_tensor_dtype(value.dtype) for name, value in given.items()}
        inputs = [onnx.helper.make_tensor_value_info(k, kinds[k], v.shape) for k, v in given.items()]
        outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in targets]
        graph = onnx.helper.make_graph([_in_double(node) for node in ordered], "part", inputs, outputs, tables)
        part = onnx.helper.make_model(graph, opset_imports=self.proto.opset_import)
        return [np.asarray(value) for value in ReferenceEvaluator(part).run(targets, dict(given))]


def _double(values: Array) -> Array:
    return values.astype(np.float64) if values.dtype.kind == "f" else values


def _in_double(node: Any) -> Any:
    """A node whose casts between floats do nothing."""
    if node.op_type != "Cast":
        return node
    return onnx.helper.make_node("Identity", list(node.input), list(node.output))


def _width(value: Any) -> int | None:
    dims = value.type.tensor_type.shape.dim
    return int(dims[1].dim_value) if len(dims) == 2 and dims[1].dim_value > 0 else None
