"""Translate: ONNX tensors as IR values, asked for from the outputs backwards."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.onnx.model import Model
from qssmc.frontend.onnx.qdq import fold_weights, rounding_of, table_of
from qssmc.frontend.onnx.regions import LINEAR, is_diagonal, linear_maps, nonlinearity
from qssmc.frontend.onnx.states import DenseStates, StatePair, depends
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
    State,
    Take,
)
from qssmc.ir.table import Grid, Table

Real = NDArray[np.float64]
_PARTS = (".re", ".im", ".dense")


class Translation:
    """Makes IR ops as they are needed; a tensor (batch, ...) is a vector of its numbers, the last axis fastest.

    known: tensors that are IR values already, halves of complex ones as NAME.re, parts of dense states as NAME.dense.
    """

    def __init__(
        self,
        builder: Builder,
        model: Model,
        known: dict[str, str],
        pairs: list[StatePair],
        dense: list[DenseStates],
    ) -> None:
        self.b, self.model, self.values = builder, model, dict(known)
        self.pairs = {name: pair for pair in pairs for name in (pair.next_re, pair.next_im)}
        self.dense = {name: group for group in dense for name in group.targets if name in model.maker}
        self.mixed = {n: c for group in dense for n, c in zip(group.names, group.c, strict=True)}
        self.mixed |= {n: c for group in dense for n, c in zip(group.targets, group.c, strict=True)}
        self.whole: dict[str, str] = {}
        halves = {name for name, value in known.items() if value.endswith(_PARTS)}
        self.grids = fold_weights(model)
        self.reach = depends(model, halves | set(self.pairs) | set(self.dense))

    def value(self, name: str) -> str:
        """The IR value of a tensor."""
        self.next_of(name)
        if self.values.get(name, "").endswith(_PARTS):
            if name not in self.whole:
                self.whole[name] = self._part(name)
            return self.whole[name]
        if name not in self.values:
            if name in self.model.constants:
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

    def next_of(self, name: str) -> None:
        """Make the update of a complex state, if a tensor is a part of it."""
        if name in self.values:
            return
        if name in self.pairs:
            pair = self.pairs[name]
            x = self.values[pair.re].removesuffix(".re")
            value = self._update(x, Table.real(pair.lambda_bar), pair, *sparse(pair.b_re, pair.b_im))
            self.values |= {pair.next_re: f"{value}.re", pair.next_im: f"{value}.im"}
        elif name in self.dense:
            group = self.dense[name]
            x = self.values[group.names[0]].removesuffix(".dense")
            value = self._update(x, Table.real(group.poles), group, *sparse(group.b.real, group.b.imag))
            self.values |= dict.fromkeys(group.targets, f"{value}.dense")

    def _update(self, x: str, poles: Table, of: StatePair | DenseStates, table: Table, heads: Table | None) -> str:
        """The next value of a complex state."""
        terms = [self.b.add(Diag(lambda_bar=poles), self.b.fresh(f"{x}_ax"), x, origin=x)]
        if of.u:
            values = [self.value(name) for name in of.u]
            u = values[0] if len(values) == 1 else self.b.add(Concat(), self.b.fresh(f"{x}_u"), *values, origin=x)
            if of.shift is not None:
                u = self.b.add(Offset(value=Table.real(of.shift)), self.b.fresh(f"{x}_us"), u, origin=x)
            terms.append(self.b.add(Inject(b_bar=table, heads=heads), self.b.fresh(f"{x}_bu"), u, origin=x))
        if len(terms) > 1:
            terms = [self.b.add(Add(), self.b.fresh(f"{x}_xn"), *terms, origin=x)]
        self.b.updates[x] = terms[0]
        return terms[0]

    def _part(self, name: str) -> str:
        """A part of a complex value as a real one."""
        value, _, part = self.values[name].rpartition(".")
        c = self._weights(name, np.eye(self.model.size(name)), part, self.b.type(value).shape[0])
        return self._add(self._read(c), name, value)

    def _weights(self, name: str, matrix: Real, part: str, states: int) -> NDArray[np.complex128]:
        """Readout weights (n, states) of a matrix (n, size) on a tensor that is a part of a complex value."""
        if part == "dense":
            return np.asarray(matrix @ self.mixed[name])
        return np.asarray(matrix * (1.0 if part == "re" else -1j), np.complex128)

    def _read(self, c: NDArray[np.complex128]) -> Readout:
        table, heads = sparse(c.real.T, c.imag.T)
        if heads is None:
            table = Table.real(np.stack([c.real, c.imag], axis=-1))
        return Readout(c=table, heads=heads, channels=len(c))

    def _readout(self, name: str) -> str:
        """A tensor that is linear in the halves of one complex value, else an op on tensors that are."""
        halves = self._halves(name)
        whole = {value.rsplit(".", 1)[0] for value in halves.values()}
        linear = all(node.op_type in LINEAR for node in self.model.between(halves, name))
        if len(whole) == 1 and linear and not self._mixes(name, halves):
            (x,) = whole
            states = self.b.type(x).shape[0]
            maps = linear_maps(self.model, {half: self.model.size(half) for half in halves}, [name])
            if maps is not None:
                parts = [
                    self._weights(half, maps[name, half], value.rsplit(".", 1)[1], states)
                    for half, value in halves.items()
                ]
                return self._add(self._read(np.asarray(sum(parts))), name, x)
        return self._real(name)

    def _halves(self, name: str) -> dict[str, str]:
        """The halves of complex values that a tensor comes from, next states before old ones."""
        found: dict[str, str] = {}
        todo = [name]
        while todo:
            tensor = todo.pop()
            self.next_of(tensor)
            if self.values.get(tensor, "").endswith(_PARTS):
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
        result = rule(name, node) if rule is not None else self._linear(name)
        if result is None:
            raise UnsupportedModelError(
                f"{self.model.path.name}: {node.op_type} (tensor {name}) has no IR form here: it is none of the "
                "activations, norms and sums that a design can have, and no linear map of one tensor"
            )
        return str(result)

    def _linear(self, name: str) -> str | None:
        """A tensor that is a linear map of one other: a copy, a choice, a factor or a matrix."""
        node = self.model.maker[name]
        sources = list(dict.fromkeys(self.model.operands(name)))
        if node.op_type not in LINEAR or len(sources) != 1:
            return None
        source = sources[0]
        maps = linear_maps(self.model, {source: self.model.size(source)}, [name])
        return None if maps is None else self._mapped(name, maps[name, source], self.value(source))

    def _mapped(self, name: str, matrix: Real, x: str) -> str:
        if (((matrix == 1.0).sum(axis=1) == 1) & ((matrix != 0.0).sum(axis=1) == 1)).all():
            return self._taken(name, matrix.argmax(axis=1), x)
        if is_diagonal(matrix):
            return self._add(Scale(factor=Table.real(np.diag(matrix))), name, x)
        return self._add(Matvec(weight=Table.real(matrix), bias=Table.real(np.zeros(len(matrix)))), name, x)

    def _taken(self, name: str, indices: NDArray[np.int64], x: str) -> str:
        if np.array_equal(indices, np.arange(self.b.type(x).shape[0])):
            return x
        return self._add(Take(indices=Table.integer(indices.astype(np.int64))), name, x)

    def _operand(self, tensor: str, result: str) -> str:
        """The value of a tensor, repeated as an operator with this result repeats it."""
        if tensor in self.model.constants:
            value = Table.real(self._spread(tensor, result))
            return self._add(Constant(value=value), tensor)
        x = self.value(tensor)
        numbers = np.arange(self.model.size(tensor)).reshape(1, *self.model.shape(tensor))
        return self._taken(f"{tensor}_wide", np.broadcast_to(numbers, (1, *self.model.shape(result))).ravel(), x)

    def _spread(self, tensor: str, result: str) -> Real:
        """A constant as it meets a tensor, one number for each of that."""
        samples = self.model.layout.at_once or 1
        values = self.model.constants[tensor].astype(np.float64)
        return np.asarray(np.broadcast_to(values, (samples, *self.model.shape(result)))[0].ravel())

    def _tables(self, node: Any) -> list[Any]:
        return [self.model.constants.get(i) for i in node.input]

    def _on_identity(self, name: str, node: Any) -> str:
        return self.value(node.input[0])

    _on_cast = _on_identity

    def _on_dequantizelinear(self, name: str, node: Any) -> str:
        """A rounding, with the QuantizeLinear before it."""
        rounding = rounding_of(self.model, name)
        return self._add(rounding.cast(), name, self.value(rounding.source))

    def _on_gelu(self, name: str, node: Any) -> str:
        kind = "gelu_tanh" if self.model.attribute(node, "approximate", b"none") == b"tanh" else "gelu"
        return self._add(Activation(kind=kind), name, self.value(node.input[0]))

    def _on_matmul(self, name: str, node: Any, bias: Real | None = None, to: str | None = None) -> str:
        weight = self._tables(node)[1]
        if weight is None or weight.ndim != 2 or self.model.size(node.input[0]) != weight.shape[0]:
            found = self._linear(name) if bias is None else None
            if found is None:
                raise UnsupportedModelError(f"{self.model.path.name}: MatMul (tensor {name}) needs a constant matrix")
            return found
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
        zero = np.broadcast_to(0.0 if bias is None else bias.ravel(), table.shape[:1])
        product = Matvec(weight=table, bias=Table.real(zero.astype(np.float64)))
        return self._add(product, name, self.value(node.input[0]))

    def _on_add(self, name: str, node: Any, sign: float = 1.0) -> str:
        """A bias of a matrix product, an offset, or a sum."""
        constant = [at for at, table in enumerate(self._tables(node)) if table is not None]
        counts = len(constant) == 1 and self._is_state(node.input[1 - constant[0]])  # a count of the steps
        if not constant or (counts and sign > 0.0):
            return self._add(Add(), name, *(self._operand(i, name) for i in node.input))
        other = node.input[1 - constant[0]]
        values = self._spread(node.input[constant[0]], name) * sign
        if other in self.model.maker and self.model.maker[other].op_type == "MatMul" and other not in self.values:
            product = self.model.maker[other]
            weight = self._tables(product)[1]
            plain = weight is not None and weight.ndim == 2 and self.model.size(product.input[0]) == len(weight)
            if plain and self.model.size(other) == len(values):
                return self._on_matmul(other, product, values, name)
        return self._add(Offset(value=Table.real(values)), name, self._operand(other, name))

    def _is_state(self, tensor: str) -> bool:
        """Whether a tensor is a real state as the last step left it."""
        return isinstance(self.b.ops.get(self.values.get(tensor, "")), State)

    def _on_sub(self, name: str, node: Any) -> str:
        left, right = node.input
        if right in self.model.constants:
            return self._on_add(name, node, -1.0)
        minus = self._add(Scale(factor=Table.real(np.array(-1.0))), f"{name}_minus", self._operand(right, name))
        if left in self.model.constants:
            return self._add(Offset(value=Table.real(self._spread(left, name))), name, minus)
        return self._add(Add(), name, self._operand(left, name), minus)

    def _on_neg(self, name: str, node: Any) -> str:
        return self._add(Scale(factor=Table.real(np.array(-1.0))), name, self.value(node.input[0]))

    def _on_mul(self, name: str, node: Any) -> str:
        constant = [at for at, table in enumerate(self._tables(node)) if table is not None]
        if not constant:
            return self._add(Mul(), name, *(self._operand(i, name) for i in node.input))
        table = node.input[constant[0]]
        values = self.model.constants[table].astype(np.float64)
        x = self._operand(node.input[1 - constant[0]], name)
        factor = values.reshape(()) if values.size == 1 and self.b.type(x).shape != (1,) else self._spread(table, name)
        grid = self.grids.get(table)
        if grid is not None:
            grid = Grid.of(grid.scale.reshape(()) if grid.scale.size == 1 else grid.scale.ravel(), grid.width)
        return self._add(Scale(factor=Table.real(factor, grid)), name, x)

    def _on_div(self, name: str, node: Any) -> str:
        if node.input[1] not in self.model.constants:
            return self._add(Divide(), name, *(self._operand(i, name) for i in node.input))
        x = self._operand(node.input[0], name)
        return self._add(Scale(factor=Table.real(1.0 / self._spread(node.input[1], name))), name, x)

    def _on_slice(self, name: str, node: Any) -> str | None:
        """A slice of channels; along other axes it is a choice of numbers."""
        source = node.input[0]
        plain = np.arange(self.model.size(source)).reshape(1, -1).astype(np.float64)
        (picked,) = self.model.rows({source: plain}, [name])
        return self._piece(name, picked[0], self.value(source))

    _on_split = _on_slice

    def _piece(self, name: str, picked: Real, x: str) -> str:
        """Elements of a value by their places, as one slice where they follow each other."""
        places = picked.astype(np.int64)
        if len(places) and np.array_equal(places, np.arange(places[0], places[0] + len(places))):
            return self._add(Slice(start=int(places[0]), stop=int(places[0]) + len(places)), name, x)
        return self._taken(name, places, x)

    def _on_gather(self, name: str, node: Any) -> str | None:
        """A choice of constant places."""
        source = node.input[0]
        if self.model.operands(name) != [source]:
            return None
        plain = np.arange(self.model.size(source)).reshape(1, -1).astype(np.float64)
        (picked,) = self.model.rows({source: plain}, [name])
        return self._taken(name, picked[0].astype(np.int64), self.value(source))

    _on_gathernd = _on_gather

    def _on_concat(self, name: str, node: Any) -> str:
        """Values one after the other, put into the order of the tensor where it is joined along another axis."""
        parts = [self.value(i) for i in node.input]
        joined = self._add(Concat(), name, *parts)
        at, given = 0, {}
        for tensor in node.input:
            size = (
                int(np.prod(self.model.shape(tensor)))
                if tensor in self.model.layout.shapes
                else self.b.type(parts[list(node.input).index(tensor)]).shape[0]
            )
            if tensor not in self.model.constants:
                given[tensor] = np.arange(at, at + size, dtype=np.float64).reshape(1, -1)
            at += size
        if len(given) < len(node.input):
            return joined
        (places,) = self.model.rows(given, [name])
        return self._taken(f"{name}_order", places[0].astype(np.int64), joined)

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
