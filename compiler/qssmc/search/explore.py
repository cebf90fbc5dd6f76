"""Explore: the best candidate under a number of stored bits, over shapes and bits together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from qssmc.errors import UsageError
from qssmc.ir.graph import Graph
from qssmc.report.storage import head_count
from qssmc.search.bit_allocation import BitAllocation, Step, error_of
from qssmc.search.candidate import POLES, STATE, Candidate, Shape
from qssmc.search.cost import Cost
from qssmc.search.executors import Executor, Trial
from qssmc.search.objective import Measured, Objective, trials_of
from qssmc.search.sensitivity import Sensitivity, probes, sensitivities_of
from qssmc.search.variables import FunctionTable, Variable, function_tables_of, variables_of

_PARTS_OF_STATES = (1.0, 0.5, 0.375, 0.25, 0.1875, 0.15625, 0.125, 0.09375)  # that may stay, most first
_FIRST = 4  # of those, the one that sensitivities are measured at
_PARTS_OF_HEADS = (1.0, 0.75, 0.5)
_ANY = {STATE: 10.0, POLES: 10.0}
_NEAR = 1.5  # times the least predicted loss, up to which a design is worth a trial
_COUNTS = 5  # allocations of one prediction, each with the cost counted at what the one before it found
_MANY_HEADS = 32  # from here on the matrices are most of a model, and whole heads and channels are worth removing


@dataclass(frozen=True)
class Prediction:
    """A candidate with what is predicted of it, and how the allocation came to it."""

    candidate: Candidate
    loss: float
    bits: float
    steps: tuple[Step, ...]


class Explorer:
    """Measures what it needs, once, and answers for any budget.

    most: bits of tables and of casts at most. fixed: variables "state" and "poles" whose bits the user gave.
    """

    def __init__(
        self,
        objective: Objective,
        executor: Executor,
        most: tuple[int, int] = (8, 8),
        fixed: tuple[tuple[str, float], ...] = (),
        say: Callable[[str], Any] = lambda _: None,
    ) -> None:
        self.objective, self.executor, self.most, self.fixed, self.say = objective, executor, most, dict(fixed), say

    # --- the space ---------------------------------------------------------------------------------------------------

    @cached_property
    def axes(self) -> tuple[Sequence[float], Sequence[int], Sequence[int]]:
        """Means of states, numbers of heads and of channels to choose among; one each where the user chose."""
        given, graph = self.objective.plan.methods, self.objective.graph
        heads = head_count(graph)
        states = sum(op.type.shape[0] for op in graph.states if op.type.complex) / max(1, heads)
        # 0 leaves all: of the states too, and then none of the passes that prune runs.
        means = [0.0, *(states * part for part in _PARTS_OF_STATES[1:] if states * part * heads >= 1)]
        layers = max(1, sum(op.type.complex for op in graph.states))
        many = [round(heads / layers * part) for part in _PARTS_OF_HEADS] if heads / layers >= _MANY_HEADS else [0]
        many = [0, *many[1:]]
        return (
            [given.states] if given.states is not None else [0.0] if given.prune_loss is not None else means,
            [given.heads] if given.heads is not None else many,
            [given.channels] if given.channels is not None else many,
        )

    @cached_property
    def first(self) -> Shape:
        """The shape that sensitivities are measured at."""
        means, heads, channels = self.axes
        return Shape(means[min(_FIRST, len(means) - 1)], heads[0], channels[0])

    @cached_property
    def graphs(self) -> tuple[Graph, Graph]:
        """The discrete graph that variables are notes of, and the quantised one."""
        first = Candidate.of(self.first, {**_ANY, **self.fixed})
        stages = trials_of(self.objective).stages(first, fit=False)
        return stages.before("quantise"), stages.quantised

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """All variables, those the user fixed among them with one choice."""
        return tuple(self._held(variable) for variable in variables_of(*self.graphs, self.most))

    def _held(self, variable: Variable) -> Variable:
        if variable.name not in self.fixed:
            return variable
        bits = self.fixed[variable.name]
        return Variable(variable.name, variable.kind, bits, bits, bits, 0.0, variable.step, variable.elements)

    @cached_property
    def function_tables(self) -> tuple[FunctionTable, ...]:
        """The functions that become tables."""
        return function_tables_of(self.graphs[0])

    def base(self, shape: Shape) -> Candidate:
        """Every variable where sensitivities are measured from."""
        return Candidate.of(shape, {variable.name: variable.base for variable in self.variables})

    # --- measurements ------------------------------------------------------------------------------------------------

    def measured(self, trials: Sequence[Trial]) -> list[Measured]:
        """What the executor finds."""
        return list(self.executor.results(self.objective, trials))

    @cached_property
    def sensitivities(self) -> tuple[Sensitivity, ...]:
        """Every variable's, in the order of the ops."""
        variables = [variable for variable in self.variables if variable.drop > 0]
        self.say(f"search: sensitivities of {len(variables)} tensors, each turned down alone")
        candidates = probes(self.base(self.first), variables)
        return sensitivities_of(variables, self.measured([(candidate, "trial") for candidate in candidates]))

    @cached_property
    def factors(self) -> dict[str, float]:
        """The factor of each variable's loss; 0 for one that is fixed."""
        return {
            **{variable.name: 0.0 for variable in self.variables},
            **{sensitivity.variable: sensitivity.factor for sensitivity in self.sensitivities},
        }

    def of_shape(self, shape: Shape) -> Measured:
        """The base candidate of a shape."""
        return self.measured([(self.base(shape), "trial")])[0]

    def shapes(self) -> list[Shape]:
        """All of them."""
        return [Shape(*one) for one in product(*self.axes)]

    # --- answers -----------------------------------------------------------------------------------------------------

    def allocated(self, shape: Shape, budget: float) -> Prediction:
        """The bits that the exchange finds for a shape, with the cost anchored where they are.

        Widths and exponents change with the bits that they describe, so what is counted can miss the budget that the
        exchange kept to; it is then told to spend so much less. Of all that was counted the best that fits is taken.
        """
        at, goal, seen = self.base(shape), budget, list[Prediction]()
        anchor = self.measured([(at, "count")])[0]
        for _ in range(_COUNTS):
            exchange = BitAllocation(Cost(self.variables, self.function_tables, at, anchor), self.factors, goal)
            at = Candidate.of(shape, exchange.bits())
            if any(one.candidate == at for one in seen) and seen[-1].bits <= budget:
                break
            anchor = self.measured([(at, "count")])[0]
            goal -= max(0.0, anchor.bits - budget)
            seen.append(Prediction(at, self.predicted(at), anchor.bits, tuple(exchange.steps)))
        return min(seen, key=lambda one: _rank(one, budget))

    def predicted(self, candidate: Candidate) -> float:
        """The loss of a shape's base candidate, and what each variable's bits add to it or take from it."""
        bits = dict(candidate.bits)
        return self.of_shape(candidate.shape).loss + sum(
            self.factors[variable.name] * (error_of(bits[variable.name]) - error_of(variable.base))
            for variable in self.variables
        )

    def best(self, budget: float) -> Prediction:
        """Down the axes of shapes, from the first one on, to where no neighbour is predicted to lose less."""
        here = self.allocated(self.first, budget)
        while True:
            around = [self.allocated(shape, budget) for shape in self.neighbours(here.candidate.shape)]
            better = min(around, key=lambda one: _rank(one, budget), default=here)
            if _rank(better, budget) >= _rank(here, budget):
                return here
            here = better

    def proven(self, budget: float) -> Prediction:
        """The best by prediction and its neighbours, and of those that fit the one that really loses least."""
        best = self.best(budget)
        around = [best, *(self.allocated(shape, budget) for shape in self.neighbours(best.candidate.shape))]
        fitting = [one for one in around if one.bits <= budget and one.loss <= _NEAR * best.loss] or [best]
        measured = self.measured([(one.candidate, "trial") for one in fitting])
        return min(zip(fitting, measured, strict=True), key=lambda pair: pair[1].loss)[0]

    def neighbours(self, shape: Shape) -> Iterator[Shape]:
        """One step along one axis."""
        place = [list(axis).index(value) for axis, value in zip(self.axes, _plain(shape), strict=True)]
        for axis, at in enumerate(place):
            for near in (at - 1, at + 1):
                if 0 <= near < len(self.axes[axis]):
                    yield Shape(*(self.axes[i][near if i == axis else place[i]] for i in range(3)))  # type: ignore[arg-type]

    def smallest(self) -> Prediction:
        """Every variable at its fewest bits, in the smallest shape."""
        return self.allocated(Shape(*(axis[-1] for axis in self.axes)), 0.0)  # type: ignore[arg-type]

    def largest(self) -> float:
        """The bits of the base candidate of the largest shape that is worth having: half of the states, all heads."""
        means, heads, channels = self.axes
        return float(self.of_shape(Shape(means[min(1, len(means) - 1)], heads[0], channels[0])).bits)

    def require(self, budget: float) -> None:
        """Refuse a budget (in bits) that the smallest design does not meet."""
        smallest = self.smallest()
        found = self.measured([(smallest.candidate, "full")])[0]
        if found.bits > budget:
            raise UsageError(
                f"a budget of {int(budget) // 8:,} bytes cannot be met: the smallest design of this model takes "
                f"{found.bytes:,} bytes of parameters and state"
            )


def _plain(shape: Shape) -> tuple[float, int, int]:
    return shape.states, shape.heads, shape.channels


def _rank(prediction: Prediction, budget: float) -> tuple[float, float]:
    """Fitting ones by loss, before the others by how much they miss."""
    return max(0.0, prediction.bits - budget), prediction.loss
