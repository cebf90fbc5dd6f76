"""Canonicalise: the float IR with fewer kinds of ops and fewer of them, and the same outputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from qssmc.errors import UnsupportedModelError
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Activation, Add, Cast, Divide, Glu, Matvec, Mul, Offset, Op, Scale, Slice
from qssmc.ir.table import Table
from qssmc.passes.rewrite import Rebuilder, finish, rewrite


def canonicalise(graph: Graph) -> Graph:
    """GLU becomes its parts; batch norms fold into the matvec beside them; a mean before a matvec becomes a sum.

    >>> from qssmc.ir import parse, print_graph
    >>> before = parse('''
    ... graph t : float
    ... %u : f64[2] = input
    ... %g : f64[1] = glu %u
    ... %s : f64[1] = scale %g factor=1.0
    ... output y : step = %s''')
    >>> print(print_graph(canonicalise(before)), end="")
    graph t : float
    %u : f64[2] = input
    %g_value : f64[1] = slice %u start=0 stop=1
    %g_gate_in : f64[1] = slice %u start=1 stop=2
    %g_gate : f64[1] = activation %g_gate_in kind=sigmoid
    %g : f64[1] = mul %g_value %g_gate
    output y : step = %g
    """
    graph = rewrite(graph, graph.stage, _simplify)
    graph = _fold_forward(_fold_backward(graph))
    return _sum_before_matvec(graph)


def _simplify(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
    if isinstance(op, Glu):
        half, (x,) = op.type.shape[0], inputs
        value = b.add(Slice(start=0, stop=half), b.fresh(f"{op.name}_value"), x, origin=op.origin)
        gate = b.add(Slice(start=half, stop=2 * half), b.fresh(f"{op.name}_gate_in"), x, origin=op.origin)
        gate = b.add(Activation(kind="sigmoid"), b.fresh(f"{op.name}_gate"), gate, origin=op.origin)
        return b.add(Mul(), op.name, value, gate, origin=op.origin)
    if isinstance(op, Scale) and bool((op.factor.data == 1.0).all()):
        return inputs[0]
    if isinstance(op, Offset) and bool((op.value.data == 0.0).all()):
        return inputs[0]
    return None


def _fold_backward(graph: Graph) -> Graph:
    """A scale or offset of a matvec that nothing else reads becomes part of it."""

    def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
        if not isinstance(op, (Scale, Offset)):
            return None
        made = b.ops[inputs[0]]
        if not isinstance(made, Matvec) or len(graph.users[op.inputs[0]]) != 1:
            return None
        if isinstance(op, Scale) and (made.weight.grid is not None or op.factor.grid is not None):
            return None  # weights that the model was trained with stay as they are
        weight, bias = made.weight.data, made.bias.data
        if isinstance(op, Scale):
            weight, bias = weight * np.reshape(op.factor.data, (-1, 1)), bias * op.factor.data
        else:
            bias = bias + op.value.data
        product = Matvec(weight=Table.real(weight, made.weight.grid), bias=Table.real(bias))
        return b.add(product, op.name, *made.inputs, origin=made.origin)

    return rewrite(graph, graph.stage, replace_op)


def _fold_forward(graph: Graph) -> Graph:
    """A scale or offset in front of a matvec becomes part of it."""

    def replace_op(b: Builder, op: Op, inputs: tuple[str, ...]) -> str | None:
        if not isinstance(op, Matvec):
            return None
        made, weight, bias = b.ops[inputs[0]], op.weight.data, op.bias.data
        while isinstance(made, (Scale, Offset)):
            if isinstance(made, Scale):
                if op.weight.grid is not None or made.factor.grid is not None:
                    break
                weight = weight * made.factor.data
            else:
                bias = bias + weight @ made.value.data
            inputs = made.inputs
            made = b.ops[inputs[0]]
        product = Matvec(weight=Table.real(weight, op.weight.grid), bias=Table.real(bias))
        return b.add(product, op.name, *inputs, origin=op.origin)

    return rewrite(graph, graph.stage, replace_op)


def _sum_before_matvec(graph: Graph) -> Graph:
    """W (sum / n) + b becomes (W sum + n b), the answer times n: exact in integers, and no division is left."""
    b = Rebuilder(graph, graph.stage)
    names: dict[str, str] = {}
    mean: set[str] = set()
    for op in graph.ops:
        source = graph[op.inputs[0]] if op.inputs else None
        if isinstance(op, Divide):
            if any(isinstance(user, Cast) for user in graph.users[op.name]):
                raise UnsupportedModelError(
                    f"the mean over time ({op.origin}) is quantised, but a design has its sum, exact, and no division; "
                    "leave the fake quantisation of the mean out"
                )
            if any(not isinstance(user, Matvec) or graph.users[user.name] for user in graph.users[op.name]):
                raise UnsupportedModelError(
                    f"the mean over time ({op.origin}) must be the answer or go straight into the final Linear; "
                    "a deeper head after it has no integer form"
                )
            names[op.name] = names[op.inputs[0]]
            mean.add(op.name)
        elif isinstance(op, Matvec) and isinstance(source, Divide):
            total, count = (names[name] for name in source.inputs)
            names[op.name] = _summed(b, op, total, count)
            mean.add(op.name)
        else:
            names[op.name] = b.append(replace(op, inputs=tuple(names[name] for name in op.inputs)))
    result = finish(graph, b, names)
    marked = tuple(
        replace(new, mean=new.mean or old.value in mean) for new, old in zip(result.outputs, graph.outputs, strict=True)
    )
    return replace(result, outputs=marked)


def _summed(b: Builder, op: Matvec, total: str, count: str) -> str:
    zero = Table.real(np.zeros(op.bias.shape))
    weighted = b.add(Matvec(weight=op.weight, bias=zero), b.fresh(f"{op.name}_sum"), total, origin=op.origin)
    column = Table.real(op.bias.data[:, None])
    biased = b.add(Matvec(weight=column, bias=zero), b.fresh(f"{op.name}_bias"), count, origin=op.origin)
    return b.add(Add(), op.name, weighted, biased, origin=op.origin)
