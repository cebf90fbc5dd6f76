"""Registers: which element of which value a row of a product comes from, and which one a column goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from qssmc.ir.graph import Graph
from qssmc.ir.ops import Concat, Move, Op, Pair, Slice, Take, Unpair, Xbar

T = TypeVar("T")


@dataclass(frozen=True)
class Register:
    """An element of a value; the lane of a complex one is part of the name, as in blocks_0_ssm_x.re."""

    name: str
    element: int


def elements_of(op: Op) -> list[Register]:
    """Every number of an op's value, in the order of its array."""
    if not op.type.complex:
        return [Register(op.name, i) for i in range(op.type.shape[0])]
    return [Register(f"{op.name}.{lane}", i) for i in range(op.type.shape[0]) for lane in ("re", "im")]


def sources(graph: Graph, op: Xbar) -> list[Register]:
    """Where each row of a product comes from, looked for behind ops that only move numbers."""
    return _sources(graph, graph[op.inputs[0]])


def _sources(graph: Graph, op: Op) -> list[Register]:
    if not isinstance(op, Move):
        return elements_of(op)
    return _moved(op, [_sources(graph, operand) for operand in graph.operands(op)])


def targets(graph: Graph, op: Xbar) -> list[Register]:
    """Which value each column of a product goes into: the first op behind those that only move numbers."""
    found: list[Register | None] = [None] * op.type.shape[0]
    waiting: list[tuple[Op, list[int]]] = [(op, list(range(op.type.shape[0])))]
    while waiting:
        value, columns = waiting.pop()
        for user in graph.users[value.name]:
            if isinstance(user, Move):
                none = [[-1] * int(np.prod(operand.type.array_shape)) for operand in graph.operands(user)]
                parts = [
                    columns if name == value.name else other for name, other in zip(user.inputs, none, strict=True)
                ]
                waiting.append((user, _moved(user, parts)))
            elif user.type.array_shape == value.type.array_shape:
                for column, register in zip(columns, elements_of(user), strict=True):
                    if column >= 0 and found[column] is None:
                        found[column] = register
    return [register or Register(op.name, column) for column, register in enumerate(found)]


def _moved(op: Op, parts: Sequence[Sequence[T]]) -> list[T]:
    """What a moving op does to a list of one entry a number."""
    if isinstance(op, Concat):
        return [entry for part in parts for entry in part]
    (part,) = parts
    if isinstance(op, Unpair):
        return [*part[0::2], *part[1::2]]
    if isinstance(op, Pair):
        half = len(part) // 2
        return [entry for both in zip(part[:half], part[half:], strict=True) for entry in both]
    lanes = 2 if op.type.complex else 1
    if isinstance(op, Slice):
        return list(part[op.start * lanes : op.stop * lanes])
    assert isinstance(op, Take)
    return [part[lanes * index + lane] for index in op.indices.data.tolist() for lane in range(lanes)]
