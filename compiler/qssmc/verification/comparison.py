"""Comparison: golden against what a target gives, value by value; the first difference is an error that says where."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Constant, Op
from qssmc.ir.text import op_line
from qssmc_sim import Machine

Progress = Callable[[str, int, int], None]  # (what, done, of)
Values = Mapping[str, NDArray[Any]]


def golden_steps(graph: Graph, samples: NDArray[np.int64]) -> Iterator[tuple[int, Values, Values]]:
    """Golden on sequences (count, length, channels): each step, every value of it, and those of the closing with the
    last one.
    """
    golden = Machine(graph, len(samples))
    length = samples.shape[1]
    for t in range(length):
        values = golden.step(samples[:, t])
        yield t, values, golden.last() if t == length - 1 and graph.last_ops else {}


def compare_values(ops: Sequence[Op], wanted: Values, got: Values, t: int, what: str) -> int:
    """Every op's value at one step. Returns their number."""
    compared = 0
    for op in ops:
        if op.name not in got:
            raise VerificationError(f"{what} does not trace %{op.name} ({op_line(op)})")
        if not np.array_equal(wanted[op.name], got[op.name]):
            raise VerificationError(_first_difference(op, wanted[op.name], got[op.name], t, what))
        compared += wanted[op.name].size
    return compared


def compare_firings(graph: Graph, samples: NDArray[np.int64], steps: Values, closings: Values, what: str) -> int:
    """Golden against firings of ops, one sequence's behind the other's: (firings, elements[, 2]). Returns their number.

    Firings that never came are not compared: whoever waits for outputs misses them.
    """
    golden, fixed = Machine(graph, len(samples)), _fixed(graph)
    length, compared = samples.shape[1], 0

    def compare(ops: Sequence[Op], wanted: Values, fired: Values, t: int, period: int) -> int:
        number = 0
        for op in ops:
            if op.name in fired:
                got = fired[op.name][t % period :: period]
                due = wanted[op.name][: len(got)]
                if len(got) > len(due) and op.name not in fixed:
                    raise VerificationError(f"{what} fires %{op.name} for more than the {len(due)} sequences given")
                if op.name in fixed:  # fired ahead of the sequences, as often as there is room for it
                    due = np.broadcast_to(due[:1], (len(got), *due.shape[1:]))
                number += compare_values([op], {op.name: due}, {op.name: got}, t, what)
        return number

    for t in range(length):
        compared += compare(graph.step_ops, golden.step(samples[:, t]), steps, t, length)
    return compared + (compare(graph.last_ops, golden.last(), closings, length, 1) if graph.last_ops else 0)


def _fixed(graph: Graph) -> set[str]:
    """Ops of constants alone."""
    found: set[str] = set()
    for op in graph.ops:
        if isinstance(op, Constant) or (op.inputs and found.issuperset(op.inputs)):
            found.add(op.name)
    return found


def _first_difference(op: Op, wanted: NDArray[Any], got: NDArray[Any], t: int, what: str) -> str:
    at = tuple(int(i) for i in np.argwhere(wanted != got)[0])
    element = f"element {at[1]}" + ("" if len(at) < 3 else (" re", " im")[at[2]])
    count = int((wanted != got).sum())
    return (
        f"golden and {what} diverge first at op %{op.name} ({op.mnemonic}, from {op.origin or 'nowhere'}), "
        f"time step {t}, sequence {at[0]}, {element}: expected {wanted[at]}, got {got[at]} "
        f"({count} of {wanted.size} values of this op differ)"
    )


def compare_outputs(got: Values, expected: Values, what: str, start: int = 0, source: str = "recorded") -> None:
    """Outputs against those expected. start: the number of the first sequence; source: where they are from."""
    for name, wanted in expected.items():
        if name not in got:
            raise VerificationError(f"{what} does not give the output {name}")
        if got[name].shape != wanted.shape:
            raise VerificationError(f"{what} gives {name} with shape {got[name].shape}, not {wanted.shape}")
        if not np.array_equal(got[name], wanted):
            at = tuple(int(i) for i in np.argwhere(got[name] != wanted)[0])
            named = "recorded output" if source == "recorded" else f"{source} output"
            raise VerificationError(
                f"{what} does not give the {named} {name}: first at {[at[0] + start, *at[1:]]} (sequence, then step "
                f"where there is one, then element), expected {wanted[at]}, got {got[name][at]}"
            )
