"""Variables: every number of bits of a design that a search may choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from qssmc.analysis.fixed import fixed_tables
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Cast, Constant, Inject, Matvec, Op, State
from qssmc.search.candidate import POLES, STATE

Kind = Literal["state", "poles", "table", "cast"]
# (fewest, most, where sensitivities are measured from, how far down it is lowered for that, step of the allocation)
_RANGES: dict[Kind, tuple[float, float, float, float, float]] = {
    "state": (6.0, 12.0, 10.0, 3.0, 0.25),
    "poles": (6.0, 11.0, 10.0, 3.0, 0.25),
    "table": (3.0, 8.0, 6.0, 3.0, 1.0),
    "cast": (5.0, 8.0, 8.0, 3.0, 1.0),
}


@dataclass(frozen=True)
class Variable:
    """Bits of one tensor, or the mean over all states or poles.

    low, high: fewest and most; base: where sensitivities are measured from, drop: how far below that; step: of the
    allocation; elements: numbers that have these bits.
    """

    name: str
    kind: Kind
    low: float
    high: float
    base: float
    drop: float
    step: float
    elements: int

    @classmethod
    def of(cls, name: str, kind: Kind, elements: int, most: float | None = None) -> Variable:
        """With the range of its kind, or up to `most` bits."""
        low, high, base, drop, step = _RANGES[kind]
        high = high if most is None else max(low, min(high, most))
        base = min(base, high)
        return cls(name, kind, low, high, base, min(drop, base - low), step, elements)


@dataclass(frozen=True)
class FunctionTable:
    """A table of a function: 2^(bits of the value `before`) entries of the bits of `after`."""

    before: str
    after: str


def variables_of(discrete: Graph, quantised: Graph, most: tuple[int, int]) -> tuple[Variable, ...]:
    """The variables of a model in the order of its ops. most: bits of tables and of casts at most."""
    states = sum(op.type.shape[0] for op in discrete.states if op.type.complex)
    found = [Variable.of(STATE, "state", 2 * states), Variable.of(POLES, "poles", 2 * states)] if states else []
    for op in discrete.ops:
        for table in _free_tables(discrete, op):
            found.append(Variable.of(f"{op.name}.{table}", "table", op.tables()[table].data.size, most[0]))
        if _is_cast(discrete, quantised, op):
            found.append(Variable.of(op.name, "cast", op.type.shape[0], most[1]))
    return tuple(found)


def function_tables_of(discrete: Graph) -> tuple[FunctionTable, ...]:
    """The functions that become tables."""
    return tuple(FunctionTable(op.inputs[0], op.name) for op in discrete.ops if op.granularity == "table")


def _free_tables(graph: Graph, op: Op) -> tuple[str, ...]:
    """The tables of an op whose bits are free: not those of a count of steps, nor of an input that has its bits."""
    if isinstance(op, Matvec) and _counts(graph, op):
        return ()
    noted = isinstance(op, Inject) and f"{op.name}.b_bar" in graph.bits
    fixed = fixed_tables(graph, op)
    return () if noted else tuple(name for name in op.searched() if name not in fixed)


def _counts(graph: Graph, op: Matvec) -> bool:
    """Whether a matvec reads the number of steps."""
    source = graph[op.inputs[0]]
    if not isinstance(source, State):
        return False
    return any(isinstance(term, Constant) for term in graph.operands(graph[graph.updates[source.name]]))


def _is_cast(discrete: Graph, quantised: Graph, op: Op) -> bool:
    """Whether the value is rounded on its way to another op, and is no state."""
    if op.type.complex or op.name in discrete.updates.values() or op.name not in quantised.by_name:
        return False
    if isinstance(op, Cast) or any(isinstance(user, Cast) for user in discrete.users[op.name]):
        return False  # the model was trained with it
    return any(isinstance(user, Cast) for user in quantised.users[op.name])
