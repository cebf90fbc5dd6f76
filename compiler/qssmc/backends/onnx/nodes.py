"""Nodes: collects the operators of an ONNX graph in order, with its constants as initialisers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import ToolError
from qssmc.ir.ops import Op
from qssmc.ir.text import op_line

try:
    from onnx import NodeProto, TensorProto, helper, numpy_helper
except ImportError as missing:
    raise ToolError("the ONNX target needs the package onnx: pip install 'qssmc[onnx]'") from missing

__all__ = ["PARTS", "Nodes", "TensorProto", "helper", "parts"]
PARTS = (".re", ".im")


class Nodes:
    """Operators that make one value after another, (batch, n) tensors; a complex value is NAME.re and NAME.im."""

    def __init__(self, dtype: type[np.generic]) -> None:
        self.dtype = dtype
        self.found: list[NodeProto] = []
        self.tables: dict[str, TensorProto] = {}
        self.op: Op | None = None
        self.count = 0
        self.stands: dict[str, str] = {}  # tensor -> what all that is added from now on reads in its place

    def begin(self, op: Op) -> None:
        """What follows computes an op."""
        self.op, self.count = op, 0

    def constant(self, name: str, values: Any, dtype: Any = None) -> str:
        """An initialiser; the name is the op's and what it holds."""
        array = np.ascontiguousarray(np.asarray(values, dtype or self.dtype))
        stem = f"{self.op.name}." if self.op else ""
        full = f"{stem}{name}"
        if full not in self.tables:
            self.tables[full] = numpy_helper.from_array(array, full)
        return full

    def add(self, kind: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        """One operator with one result; `to` names it, else it is named after the op and numbered."""
        assert self.op is not None
        if to is None:
            self.count += 1
            to = f"{self.op.name}:{self.count}"
        if kind == "Cast":
            attributes = {"to": attributes["to_type"]}
        node = helper.make_node(
            kind,
            [self.stands.get(name, name) for name in inputs],
            [to],
            name=to,
            doc_string=op_line(self.op),
            **attributes,
        )
        self.found.append(node)
        return to

    def columns(self, table: NDArray[Any]) -> NDArray[Any]:
        """A table over the elements of a vector, or a scalar, as a row that broadcasts over the batch."""
        return np.asarray(table).reshape(1, -1)

    def ints(self, name: str, *values: int) -> str:
        """Indices, axes and extents."""
        return self.constant(name, list(values), np.int64)


def parts(op: Op) -> tuple[str, ...]:
    """The suffixes of a value's tensors."""
    return PARTS if op.type.complex else ("",)
