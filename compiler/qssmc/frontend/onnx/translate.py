"""Translate: ONNX tensors as IR values, asked for from the outputs backwards."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.qdq import fold_weights, rounding_of, table_of
from qssmc.frontend.onnx.regions import LINEAR, linear_maps, nonlinearity
from qssmc.frontend.onnx.states import StatePair, depends
from qssmc.ir.build import Builder
from qssmc.ir.ops import (
    Activation,
    Add,
    Concat,
    Constant,
    Diag,
    Divide,
    Inject,
    LayerNorm,
    Matvec,
    Mul,
    Offset,
    Op,
    Readout,
    Scale,
    Slice,
    Take,
)
from qssmc.ir.table import Grid, Table

Real = NDArray[np.float64]


class Translation:
    """Makes IR ops as they are needed. known: tensors that are IR values already, halves of complex ones as NAME.re."""

    def __init__(self, builder: Builder, model: Model, known: dict[str, str], pairs: list[StatePair]) -> None:
        self.b, self.model, self.values = builder, model, dict(known)
        self.pairs = {name: pair for pair in pairs for name in (pair.next_re, pair.next_im)}
        halves = {name for name, value in known.items() if value.endswith((".re", ".im"))}
        self.grids = fold_weights(model)
        self.reach = depends(model, halves | set(self.pairs))

    def value(self, name: str) -> str:
        """The IR value of a tensor."""
        if name not in self.values:
            if name in self.pairs:
                self._state(self.pairs[name])
            elif name in self.model.constants:
                value = Table.real(self.model.constants[name].astype(np.float64).ravel())
                self.values[name] = self._add(Constant(value=value), name)
            elif name not in self.model.maker:
                raise UnsupportedModelError(f"{self.model.path.name}: {name} is no state of the step")
            elif self.reach.get(name):
                self.values[name] = self._readout(name)
            else:
                self.values[name] = self._real(name)
        return self.values[name]

    def _add(self, op: Op, name: str, *operands: str) -> str:
        stem = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
        stem = stem if stem[:1].isalpha() else f"t{stem}"
        return self.b.add(op, self.b.fresh(stem), *operands, origin=stem)

    def _state(self, pair: StatePair) -> None:
        """The update of a complex state."""
        x = self.values[pair.re].removesuffix(".re")
        terms = [self.b.add(Diag(lambda_bar=Table.real(pair.lambda_bar)), self.b.fresh(f"{x}_ax"), x, origin=x)]
        if pair.u is not None:
            u = self.value(pair.u)
            table, heads = sparse(pair.b_re, pair.b_im)
            terms.append(self.b.add(Inject(b_bar=table, heads=heads), self.b.fresh(f"{x}_bu"), u, origin=x))
        if len(terms) > 1:
            terms = [self.b.add(Add(), self.b.fresh(f"{x}_xn"), *terms, origin=x)]
        self.b.updates[x] = terms[0]
        self.values |= {pair.next_re: f"{terms[0]}.re", pair.next_im: f"{terms[0]}.im"}

    def _readout(self, name: str) -> str:
        """A tensor that is linear in the halves of one complex value, else an op on tensors that are."""
        halves = self._halves(name)
        whole = {value.rsplit(".", 1)[0] for value in halves.values()}
        linear = all(node.op_type in LINEAR for node in self.model.between(halves, name))
        if len(whole) == 1 and linear and not self._mixes(name, halves):
            (x,) = whole
            sizes = dict.fromkeys(halves, self.b.type(x).shape[0])
            maps = linear_maps(self.model, sizes, [name])
            if maps is not None:
                width = next(iter(maps.values())).shape[0]
                both = {value.rsplit(".", 1)[1]: maps[name, half] for half, value in halves.items()}
                none = np.zeros((width, self.b.type(x).shape[0]))
                table, heads = sparse(both.get("re", none).T, -both.get("im", none).T)
                if heads is None:
                    table = Table.real(np.stack([both.get("re", none), -both.get("im", none)], axis=-1))
                return self._add(Readout(c=table, heads=heads, channels=width), name, x)
        return self._real(name)

    def _halves(self, name: str) -> dict[str, str]:
        """The halves of complex values that a tensor comes from, next states before old ones."""
        found: dict[str, str] = {}
        todo = [name]
        while todo:
            tensor = todo.pop()
            if tensor in self.pairs:
                self.value(tensor)
                found[tensor] = self.values[tensor]
            elif self.values.get(tensor, "").endswith((".re", ".im")):
                found[tensor] = self.values[tensor]
            elif self.reach.get(tensor) and tensor in self.model.maker:
                todo += self.model.operands(tensor)
        return found

    def _mixes(self, name: str, halves: dict[str, str]) -> bool:
        """Whether something else than the halves goes into a tensor."""
        inner = self.model.between(halves, name)
        inside = {output for node in inner for output in node.output}
        read = {i for node in inner for i in node.input if i and i not in self.model.constants}
        return bool(read - inside - set(halves))

    # --- real values ---

    def _real(self, name: str) -> str:
        node = self.model.maker[name]
        known = nonlinearity(self.model, name)
        if known is not None:
            return self._add(Activation(kind=known[0]), name, self.value(known[1]))
        rule = getattr(self, f"_on_{node.op_type.lower()}", None)
        if rule is None:
            raise UnsupportedModelError(f"{self.model.path.name}: {node.op_type} (tensor {name}) has no IR form here")
        result: str = rule(name, node)
        return result

    def _tables(self, node: Any) -> list[Any]:
        return [self.model.constants.get(i) for i in node.input]

    def _on_identity(self, name: str, node: Any) -> str:
        return self.value(node.input[0])

    _on_cast = _on_identity

    def _on_dequantizelinear(self, name: str, node: Any) -> str:
        """A rounding, with the QuantizeLinear before it."""
        rounding = rounding_of(self.model, name)
        return self._add(rounding.cast(), name, self.value(rounding.source))

    def _on_expand(self, name: str, node: Any) -> str:
        """A constant repeated over the batch."""
        return self.value(node.input[0])

    def _on_matmul(self, name: str, node: Any, bias: Real | None = None, to: str | None = None) -> str:
        weight = self._tables(node)[1]
        if weight is None or weight.ndim != 2:
            raise UnsupportedModelError(f"{self.model.path.name}: MatMul (tensor {name}) needs a constant matrix")
        zero = np.zeros(weight.shape[1]) if bias is None else bias
        table = table_of(self.model, self.grids, node.input[1], transposed=True)
        product = Matvec(weight=table, bias=Table.real(zero.astype(np.float64)))
        return self._add(product, to or name, self.value(node.input[0]))

    def _on_gemm(self, name: str, node: Any) -> str:
        weight, bias = (self.model.constants.get(i) for i in (node.input[1], (*node.input, "")[2]))
        plain = all(self.model.attribute(node, key, 1.0) == 1.0 for key in ("alpha", "beta"))
        if weight is None or not plain or self.model.attribute(node, "transA", 0):
            raise UnsupportedModelError(f"{self.model.path.name}: Gemm (tensor {name}) must be x @ constant + constant")
        table = table_of(self.model, self.grids, node.input[1], transposed=not self.model.attribute(node, "transB", 0))
        zero = np.zeros(table.shape[0]) if bias is None else bias.ravel()
        product = Matvec(weight=table, bias=Table.real(zero.astype(np.float64)))
        return self._add(product, name, self.value(node.input[0]))

    def _on_add(self, name: str, node: Any, sign: float = 1.0) -> str:
        """A bias of a matrix product, an offset, or a sum."""
        constant = [at for at, table in enumerate(self._tables(node)) if table is not None]
        if not constant:
            return self._add(Add(), name, *(self.value(i) for i in node.input))
        other = node.input[1 - constant[0]]
        values = self.model.constants[node.input[constant[0]]].astype(np.float64) * sign
        if other in self.model.maker and self.model.maker[other].op_type == "MatMul" and other not in self.values:
            product = self.model.maker[other]
            weight = self._tables(product)[1]
            if weight is not None:
                return self._on_matmul(other, product, np.broadcast_to(values.ravel(), weight.shape[1:]), name)
        x = self.value(other)
        return self._add(Offset(value=Table.real(np.broadcast_to(values.ravel(), self.b.type(x).shape))), name, x)

    def _on_sub(self, name: str, node: Any) -> str:
        if self._tables(node)[1] is None:
            raise UnsupportedModelError(f"{self.model.path.name}: Sub (tensor {name}) must take away a constant")
        return self._on_add(name, node, -1.0)

    def _on_mul(self, name: str, node: Any) -> str:
        constant = [at for at, table in enumerate(self._tables(node)) if table is not None]
        if not constant:
            return self._add(Mul(), name, *(self.value(i) for i in node.input))
        values = self.model.constants[node.input[constant[0]]].astype(np.float64)
        x = self.value(node.input[1 - constant[0]])
        factor = values.reshape(()) if values.size == 1 and self.b.type(x).shape != (1,) else values.ravel()
        grid = self.grids.get(node.input[constant[0]])
        if grid is not None:
            grid = Grid.of(grid.scale.reshape(()) if grid.scale.size == 1 else grid.scale.ravel(), grid.width)
        return self._add(Scale(factor=Table.real(factor, grid)), name, x)

    def _on_div(self, name: str, node: Any) -> str:
        table = self._tables(node)[1]
        if table is None:
            return self._add(Divide(), name, *(self.value(i) for i in node.input))
        x = self.value(node.input[0])
        return self._add(Scale(factor=Table.real(np.broadcast_to(1.0 / table.ravel(), self.b.type(x).shape))), name, x)

    def _on_slice(self, name: str, node: Any) -> str:
        starts, stops, axes, *steps = (np.atleast_1d(t) for t in self._tables(node)[1:] if t is not None)
        x = self.value(node.input[0])
        (extent,) = self.b.type(x).shape
        if axes.tolist() not in ([1], [-1]) or any(step.tolist() != [1] for step in steps):
            raise UnsupportedModelError(f"{self.model.path.name}: Slice (tensor {name}) must be along the channels")
        start, stop = (min(int(v[0]) + (extent if v[0] < 0 else 0), extent) for v in (starts, stops))
        return self._add(Slice(start=start, stop=stop), name, x)

    def _on_split(self, name: str, node: Any) -> str:
        x = self.value(node.input[0])
        (extent,) = self.b.type(x).shape
        sizes = self._tables(node)[1] if len(node.input) > 1 else [extent // len(node.output)] * len(node.output)
        at = list(node.output).index(name)
        start = int(sum(sizes[:at]))
        return self._add(Slice(start=start, stop=start + int(sizes[at])), name, x)

    def _on_gather(self, name: str, node: Any) -> str:
        indices = self._tables(node)[1]
        if indices is None or indices.ndim != 1 or self.model.attribute(node, "axis", 0) != 1:
            raise UnsupportedModelError(f"{self.model.path.name}: Gather (tensor {name}) must pick constant channels")
        return self._add(Take(indices=Table.integer(indices.astype(np.int64))), name, self.value(node.input[0]))

    def _on_concat(self, name: str, node: Any) -> str:
        return self._add(Concat(), name, *(self.value(i) for i in node.input))

    def _on_layernormalization(self, name: str, node: Any) -> str:
        gamma, beta = (np.asarray(t, np.float64).ravel() for t in self._tables(node)[1:3])
        eps = float(self.model.attribute(node, "epsilon", 1e-5))
        x = self.value(node.input[0])
        return self._add(LayerNorm(gamma=Table.real(gamma), beta=Table.real(beta), eps=eps), name, x)


def sparse(re: Real, im: Real) -> tuple[Table, Table | None]:
    """Matrices (states, channels) as one number and one head a state, where no state has more; else as they are."""
    used = (re != 0) | (im != 0)
    if (used.sum(axis=1) <= 1).all():
        heads = used.argmax(axis=1)
        at = np.arange(len(heads))
        return Table.real(np.stack([re[at, heads], im[at, heads]], axis=-1)), Table.integer(heads)
    return Table.real(np.stack([re, im], axis=-1)), None
