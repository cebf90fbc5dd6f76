"""Step limit: how many steps a sequence may have until a sum over its steps may reach its clamp."""

from __future__ import annotations

from collections.abc import Mapping

from qssmc.analysis.bounds import Bound
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Add, Op, Requant, State


def step_limit(graph: Graph, bounds: Mapping[str, Bound]) -> int | None:
    """The most steps for which no running sum of an integer graph saturates, whatever the samples; None without sums.

    A running sum is a state that becomes clamp(state + term) with a term that does not depend on it: the totals of a
    mean and its count of steps. The count's clamp is the option max_steps of the compilation. bounds: those of the
    graph's ops. Beyond the limit, sums and count stay at their clamps, as the rule of requant says.
    """
    limits = [limit for state in graph.states for limit in _limits(graph, state, bounds)]
    return min(limits, default=None)


def steps_text(limit: int | None, macro: str | None = None) -> str:
    """What users of an emitted design must know about the length of sequences. macro: what holds the limit, if any."""
    if limit is None:
        no_macro = f", so there is no {macro}" if macro else ""
        return f"Sequences may have any number of steps{no_macro}: nothing is summed over them."
    named = f" ({macro})" if macro else ""
    return (
        f"Sequences may have {limit} steps{named}. Beyond that, the sums over the steps and the count of steps stay at "
        "their limits where they reach them; nothing wraps, but outputs made of them are no longer exact."
    )


def _limits(graph: Graph, state: State, bounds: Mapping[str, Bound]) -> list[int]:
    """The steps until each element of a running sum may be clamped; none of a state that is no running sum."""
    clamp = graph[graph.updates[state.name]]
    if not isinstance(clamp, Requant) or len(clamp.inputs) != 1 or state.type.complex:
        return []
    if (clamp.multiplier.data != 1).any() or clamp.shift.data.any():
        return []
    total = graph[clamp.inputs[0]]
    if not isinstance(total, Add) or total.inputs.count(state.name) != 1:
        return []
    terms = [name for name in total.inputs if name != state.name]
    if any(_depends(graph, graph[name], state.name) for name in terms):
        return []
    found = []
    for at in range(state.type.shape[0]):
        least = sum(int(bounds[name].value.low[at]) for name in terms)
        most = sum(int(bounds[name].value.high[at]) for name in terms)
        low, high = (int(table.data if table.data.ndim == 0 else table.data[at]) for table in (clamp.low, clamp.high))
        found += [high // most] if most > 0 else []
        found += [low // least] if least < 0 else []
    return found


def _depends(graph: Graph, op: Op, state: str) -> bool:
    """Whether a value reads a state within its step."""
    waiting, seen = [op], {op.name}
    while waiting:
        at = waiting.pop()
        if at.name == state:
            return True
        for operand in graph.operands(at):
            if operand.name not in seen:
                seen.add(operand.name)
                waiting.append(operand)
    return False
