"""Questions: what the weights of a model leave open, with the values that each may have, the usual ones first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from qssmc.errors import UsageError
from qssmc.frontend.importing.recurrences import DT, FORM, METHOD, PART, POLES, SIGN, Answers
from qssmc.frontend.importing.stack import Stack

NORM, FINAL, EPS, CLOSING = "norm-position", "last-norm", "norm-eps", "pooling"
CURVE, FF_CURVE, END_CURVE, MIXING, ADDED, KIND = (
    "activation", "hidden-activation", "decoder-activation", "mixing", "residual", "norm-kind",
)  # fmt: skip
SCALE, COPY = "input-scale", "weights"
_CURVES = ("gelu", "relu", "silu", "gelu_tanh", "none")
# What each question asks, for the help of the command line and for messages.
MEANINGS: Mapping[str, str] = {
    COPY: "which copy of the weights: model, or ema, the averaged one",
    SCALE: "what the integers of x are multiplied by: 1, 1/255, 1/256, or (x/255-0.1307)/0.3081 and the like",
    NORM: "where the norm of a block stands: pre, post (the residual), branch-end (before it) or after-recurrence",
    KIND: "which norm has a weight and no bias: rms or layer",
    EPS: "what a norm adds to the variance",
    FINAL: "whether the last norm stands before or after the pooling",
    CLOSING: "how a sequence becomes one answer: mean, last; or none, an answer at every step",
    CURVE: "the activation after the recurrence: gelu, gelu_tanh, relu, silu, tanh or none",
    MIXING: "what becomes of the layer's products: linear, activated, glu, gate, gate-of-activation, swapped-gate, mlp",
    FF_CURVE: "the activation between the two products behind a layer",
    END_CURVE: "the activation between the products of the decoder",
    ADDED: "whether a layer's operand is added to its result: yes or no",
    METHOD: "how poles became steps: zoh or bilinear",
    PART: "by what the real part is multiplied: 2 where conjugate states are left out, or 1",
    SIGN: "the poles as given, or their conjugates",
    DT: "how a step length was kept: exp or softplus",
    POLES: "how a pole's decay was kept: exp, softplus, relu or negated",
    FORM: "what the weight of a moving average means",
}


@dataclass(frozen=True)
class Question:
    """What weights do not tell: the usual values in their order, and more that are tried where these fail."""

    name: str
    usual: tuple[str, ...]
    rare: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether more than one value can be."""
        return len(self.usual) > 1 or bool(self.rare)


def questions_of(stack: Stack, *, at_every_step: bool | None, flax: bool) -> list[Question]:
    """The questions that a stack leaves open. at_every_step: whether the answers at hand come at every step."""
    norms = [norm for block in stack.blocks for norm in block.norms]
    layered = [norm for norm in (*norms, *stack.norms) if norm.mean is None]
    linears = {
        tuple(linear.weight.shape[0] // block.recurrent.outputs for linear in block.mixing) for block in stack.blocks
    }
    found = [Question(CLOSING, _closings(at_every_step))]
    if any(len(block.norms) == 1 for block in stack.blocks):
        found.append(Question(NORM, ("pre", "post"), ("branch-end", "after-recurrence")))
    elif norms:
        found.append(Question(NORM, ("pre", "post", "both")))
    if any(norm.beta is None for norm in layered):
        found.append(Question(KIND, ("rms", "layer")))
    if layered:
        # torch's layer norm adds 1e-5, that of flax 1e-6; RMS norms differ, and torch's adds float32's own eps.
        eps = ("1e-06", "1e-05") if flax else ("1e-05", "1e-06")
        usual = (*eps, "1.1920929e-07") if any(norm.beta is None for norm in layered) else eps[:1]
        rare = tuple(value for value in (*eps, "1e-08", "1e-12", "0.001") if value not in usual)
        found.append(Question(EPS, usual, rare))
    if stack.norms and at_every_step is not True:
        found.append(Question(FINAL, ("before", "after")))
    found.append(Question(CURVE, _CURVES, ("tanh",)))
    found += _mixing(linears)
    if any(block.feedforward for block in stack.blocks):
        found.append(Question(FF_CURVE, _CURVES[:4]))
    if len(stack.decoder) > 1 or len(stack.encoder) > 1:
        found.append(Question(END_CURVE, ("relu", "gelu", "silu", "tanh", "none")))
    square = all(block.recurrent.inputs == block.recurrent.outputs for block in stack.blocks)
    found.append(Question(ADDED, ("yes", "no") if square else ("no",)))
    return [*found, *_of_layers(stack)]


def _closings(at_every_step: bool | None) -> tuple[str, ...]:
    if at_every_step is None:
        return ("mean", "last", "none")
    return ("none",) if at_every_step else ("mean", "last")


def _mixing(shapes: set[tuple[int, ...]]) -> Iterator[Question]:
    values: dict[tuple[int, ...], tuple[tuple[str, ...], tuple[str, ...]]] = {
        (): (("none",), ()),
        (1,): (("linear", "gate", "gate-of-activation"), ("activated",)),
        (2,): (("glu",), ("swapped-glu",)),
        (1, 1): (("gate", "swapped-gate"), ("mlp",)),
        (2, 1): (("glu",), ("swapped-glu",)),
    }
    usual: list[str] = []
    rare: list[str] = []
    for shape in sorted(shapes):
        usual += [value for value in values[shape][0] if value not in usual]
        rare += [value for value in values[shape][1] if value not in rare]
    yield Question(MIXING, tuple(usual), tuple(rare))


def _of_layers(stack: Stack) -> Iterator[Question]:
    """What the recurrences leave open; layers of one family are alike."""
    usual: dict[str, list[str]] = {}
    rare: dict[str, list[str]] = {}
    for block in stack.blocks:
        for table, given in ((usual, block.recurrent.open), (rare, block.recurrent.rare)):
            for name, values in given.items():
                known = table.setdefault(name, [])
                known += [value for value in values if value not in known]
    for name in dict.fromkeys((*usual, *rare)):
        first = tuple(usual.get(name, rare.get(name, [])[:1]))
        yield Question(name, first, tuple(value for value in rare.get(name, []) if value not in first))


def settled(questions: list[Question], given: Mapping[str, str]) -> list[Question]:
    """The questions with what a user answered. Raises UsageError for an answer that a question cannot have."""
    known = {question.name: question for question in questions}
    for name, value in given.items():
        question = known.get(name)
        if question is None:
            continue
        if name == EPS and not _is_positive(value):
            raise UsageError(f"--{name} must be a positive number, not {value!r}")
        if name not in (SCALE, EPS) and value not in (*question.usual, *question.rare):
            may = ", ".join((*question.usual, *question.rare))
            raise UsageError(f"--{name} must be one of {may} for these weights, not {value!r}")
    return [Question(q.name, (given[q.name],)) if q.name in given else q for q in questions]


def _is_positive(text: str) -> bool:
    try:
        return 0.0 < float(text) < 1.0
    except ValueError:
        return False


def combinations(questions: list[Question], *, rare: bool) -> Iterator[Answers]:
    """Every combination of answers: of the usual values, or of all but those of usual ones alone."""
    names = [question.name for question in questions]
    ranges = [(*question.usual, *question.rare) if rare else question.usual for question in questions]
    for values in product(*ranges):
        is_usual = all(value in question.usual for value, question in zip(values, questions, strict=True))
        if rare != is_usual:
            yield dict(zip(names, values, strict=True))


def count(questions: list[Question], *, rare: bool) -> int:
    """How many combinations there are."""
    usual, every = 1, 1
    for question in questions:
        usual *= len(question.usual)
        every *= len(question.usual) + len(question.rare)
    return every - usual if rare else usual


def told(questions: list[Question]) -> str:
    """The open questions as options: "--pooling mean|last, --residual yes|no"."""
    return ", ".join(
        f"--{question.name} {'|'.join((*question.usual, *question.rare))}" for question in questions if question.is_open
    )
