"""Trial: every combination of answers to what weights leave open, against sequences with the model's own answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError, UsageError, VerificationError
from qssmc.frontend.importing.arrays import Arrays
from qssmc.frontend.importing.assembly import InputScale, input_scale, parts_of
from qssmc.frontend.importing.names import flax
from qssmc.frontend.importing.parts import ModelPart, run_all
from qssmc.frontend.importing.questions import (
    CLOSING,
    COPY,
    SCALE,
    Question,
    combinations,
    count,
    questions_of,
    settled,
    told,
)
from qssmc.frontend.importing.recurrences import Answers, Recurrent
from qssmc.frontend.importing.stack import Stack, stack_of
from qssmc.frontend.layers.system import System
from qssmc.ir.activation import apply_activation

Real = NDArray[np.float64]
Say = Callable[[str], object]
TOLERANCE = 1e-4  # largest difference to the largest answer: float32 of the source, and slow poles in it
_SCREENED, _FAR = 2, 10.0  # sequences that every combination is tried on first; how much nearer one must be to be it
_MATERIAL = 1e-3  # two readings that differ by less on any sequence are one, for a design
_MOST = 200_000  # combinations


@dataclass(frozen=True)
class Expected:
    """Sequences x (count, length, channels), integers or real numbers, and what the model answers to them.

    y: (count, outputs), or (count, length, outputs) at every step; float64.
    """

    x: NDArray[np.generic]
    y: Real

    @property
    def at_every_step(self) -> bool:
        """Whether there is an answer for each step."""
        return self.y.ndim == 3


@dataclass(frozen=True)
class TriedReading:
    """What weights were found to be: their stack, the answers to what was open, and how near they come.

    error: largest difference to the answers at hand, relative to the largest; ending: what was taken of the answers,
    "" or "softmax" and the like, which a design leaves out; tried: how many combinations; next_error: of the second.
    """

    stack: Stack
    answers: Answers
    parts: tuple[ModelPart, ...]
    scale: InputScale
    error: float
    ending: str
    tried: int
    next_error: float
    asked: tuple[Question, ...]


@dataclass(frozen=True)
class _Trial:
    """One combination with its error; parts are made when they are needed."""

    error: float
    copy: str
    answers: Answers
    ending: str


def stacks_of(copies: Mapping[str, Arrays], what: str) -> dict[str, Stack]:
    """The stack of each copy of the weights; copies without a recurrence are passed over unless none has one."""
    found: dict[str, Stack] = {}
    failed: UnsupportedModelError | None = None
    for copy, arrays in copies.items():
        try:
            found[copy] = stack_of(arrays, what)
        except UnsupportedModelError as error:
            failed = failed or error
    if not found:
        raise failed or UnsupportedModelError(f"{what} holds no weights")
    return found


def read_by(
    copies: Mapping[str, Arrays],
    expected: Expected,
    given: Mapping[str, str],
    what: str,
    *,
    tolerance: float = TOLERANCE,
    say: Say = lambda sentence: None,
) -> TriedReading:
    """The one reading of weights that gives the answers at hand.

    given: answers of the user to questions by name. Raises VerificationError where no combination of what is open
    gives them, UsageError where two that are different do, UnsupportedModelError for weights of no known stack.
    """
    stacks = stacks_of(copies, what)
    asked = _asked(stacks, expected, given, copies)
    runner = _Runner(stacks, expected)
    best: list[_Trial] = []
    tried = 0
    for rare in (False, True):
        number = count(asked, rare=rare)
        if number + tried > _MOST:
            raise UsageError(f"{what} leaves {number} combinations open; answer some of: {told(asked)}")
        if number > 500:
            say(f"trying {number} combinations of what the weights do not tell on {_SCREENED} sequences")
        found = [trial for answers in combinations(asked, rare=rare) if (trial := runner.screened(answers)) is not None]
        tried += number
        best = sorted((*best, *found), key=lambda trial: trial.error)[:64]
        if best and best[0].error <= tolerance:
            break
    if not best or not best[0].error <= tolerance:
        raise VerificationError(_none_fits(best, tolerance, tried, what, asked))
    exact = sorted((runner.whole(trial) for trial in best if trial.error <= 10 * tolerance), key=lambda t: t.error)
    if not exact[0].error <= tolerance:
        raise VerificationError(_none_fits(exact, tolerance, tried, what, asked))
    second = runner.rival(exact, tolerance)
    if second is not None:
        raise UsageError(_two_fit(exact[0], second, what))
    return runner.reading(exact[0], tried, next((t.error for t in exact[1:]), float("inf")), tuple(asked))


def _asked(
    stacks: Mapping[str, Stack], expected: Expected, given: Mapping[str, str], copies: Mapping[str, Arrays]
) -> list[Question]:
    stack = next(iter(stacks.values()))
    asked = questions_of(
        stack, at_every_step=expected.at_every_step, flax=any(flax(named) for named in copies.values())
    )
    asked = [Question(COPY, tuple(stacks)), Question(SCALE, _scales(expected.x)), *asked]
    return settled(asked, given)


def _scales(x: NDArray[np.generic]) -> tuple[str, ...]:
    """What integers of a sensor may be multiplied by before a model sees them; real numbers are taken as they are."""
    if x.dtype.kind == "f":
        return ("1",)
    reach = max(int(x.max()), -int(x.min()) - 1, 1).bit_length()
    bits = next((width for width in (8, 12, 16) if reach <= width), reach)
    full = (1 << bits) - 1
    half = [f"1/{1 << (bits - 1)}"] if bool((x.astype(np.int64) < 0).any()) else []
    images = ["(x/255-0.5)/0.5", "(x/255-0.1307)/0.3081"] if bits == 8 and not half else []
    return (f"1/{full}", f"1/{full + 1}", "1", *half, *images)


class _Runner:
    """Runs combinations on the sequences at hand; the systems of layers are made once for each answer."""

    def __init__(self, stacks: Mapping[str, Stack], expected: Expected) -> None:
        self.stacks, self.expected = stacks, expected
        self.x = expected.x.astype(np.float64)
        self.endings = _endings(expected.y)
        self._systems: dict[tuple[int, tuple[str, ...]], System] = {}

    def system(self, recurrent: Recurrent, answers: Answers) -> System:
        """The system of a layer for the answers that it depends on."""
        key = (id(recurrent), tuple(answers.get(name, "") for name in (*recurrent.open, *recurrent.rare)))
        if key not in self._systems:
            with np.errstate(all="ignore"):
                self._systems[key] = recurrent.system(answers)
        return self._systems[key]

    def parts(self, copy: str, answers: Answers) -> tuple[ModelPart, ...]:
        """The parts of a combination."""
        return parts_of(self.stacks[copy], answers, self.system)

    def answer(self, copy: str, answers: Answers, x: Real) -> Real:
        """What a combination answers to sequences."""
        scale = input_scale(answers[SCALE])
        with np.errstate(all="ignore"):
            return run_all(self.parts(copy, answers), x * scale.factor + scale.offset)

    def screened(self, answers: Answers) -> _Trial | None:
        """A combination on the first sequences; None where it gives no finite numbers of the right shape."""
        copy = answers[COPY]
        found = self.answer(copy, answers, self.x[:_SCREENED])
        return self._judged(found, self.expected.y[:_SCREENED], copy, answers)

    def whole(self, trial: _Trial) -> _Trial:
        """The same on all sequences."""
        found = self.answer(trial.copy, trial.answers, self.x)
        judged = self._judged(found, self.expected.y, trial.copy, trial.answers)
        return judged or _Trial(float("inf"), trial.copy, trial.answers, "")

    def _judged(self, found: Real, wanted: Real, copy: str, answers: Answers) -> _Trial | None:
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return None
        largest = max(float(np.abs(self.expected.y).max()), 1e-30)
        errors = {end: float(np.abs(ended(found, end) - wanted).max()) / largest for end in self.endings}
        ending = min(errors, key=errors.__getitem__)
        return _Trial(errors[ending], copy, answers, ending)

    def rival(self, trials: Sequence[_Trial], tolerance: float) -> _Trial | None:
        """Another combination that gives the answers as well, and is another function on other sequences."""
        first = trials[0]
        probe = _probe(self.x)
        wanted = self.answer(first.copy, first.answers, probe)
        for trial in trials[1:]:
            if trial.error > tolerance or trial.error > _FAR * max(first.error, 1e-7):
                continue
            other = self.answer(trial.copy, trial.answers, probe)
            if not float(np.abs(other - wanted).max()) <= _MATERIAL * float(np.abs(wanted).max()):
                return trial
        return None

    def reading(self, trial: _Trial, tried: int, next_error: float, asked: tuple[Question, ...]) -> TriedReading:
        """What a combination that was found stands for."""
        scale, parts = input_scale(trial.answers[SCALE]), self.parts(trial.copy, trial.answers)
        stack = self.stacks[trial.copy]
        return TriedReading(stack, trial.answers, parts, scale, trial.error, trial.ending, tried, next_error, asked)


def _probe(x: Real) -> Real:
    """Sequences of the range of x, drawn at random, and some of twice that range."""
    rng = np.random.default_rng(0)
    low, high = float(x.min()), float(x.max())
    reach = max(high - low, abs(high), 1.0)
    shape = (4, min(max(x.shape[1], 32), 256), x.shape[2])
    return np.concatenate([low + reach * rng.random(shape), low - reach / 2 + 2 * reach * rng.random(shape)])


def _endings(y: Real) -> tuple[str, ...]:
    """What may have been taken of the answers at the end of the model: nothing, or what such numbers allow."""
    if y.shape[-1] > 1 and bool((y >= 0).all()) and np.allclose(y.sum(axis=-1), 1.0, atol=1e-4):
        return ("", "softmax")
    if y.shape[-1] > 1 and bool((y <= 0).all()) and np.allclose(np.exp(y).sum(axis=-1), 1.0, atol=1e-3):
        return ("", "log_softmax")
    return ("", "sigmoid") if bool((y >= 0).all()) and bool((y <= 1).all()) else ("",)


def ended(z: Real, ending: str) -> Real:
    """Answers after what a model takes of them at its end, "" for nothing."""
    if ending == "sigmoid":
        return apply_activation("sigmoid", z)
    if not ending:
        return z
    return np.exp(_log_softmax(z)) if ending == "softmax" else _log_softmax(z)


def _log_softmax(z: Real) -> Real:
    z = z - z.max(axis=-1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=-1, keepdims=True)))


def _answered(answers: Answers) -> str:
    return " ".join(
        f"--{name} {value if ' ' not in value and '(' not in value else repr(value)}" for name, value in answers.items()
    )


def _none_fits(trials: Sequence[_Trial], tolerance: float, tried: int, what: str, asked: Sequence[Question]) -> str:
    open_ = told(list(asked)) or "nothing is open"
    if not trials:
        return (
            f"no reading of {what} gives finite answers of the shape of y ({tried} tried); y must be what the model "
            "answers to x, (count, outputs) or (count, length, outputs)"
        )
    best = trials[0]
    return (
        f"no reading of {what} gives y: of {tried} tried, the nearest differs by {best.error:.1e} of the largest "
        f"(allowed: {tolerance:.0e}; nearest: {_answered(best.answers)}; open: {open_}); y must be the answers of this "
        "model in evaluation mode to x, and --input-scale what it makes of x; else compile the live module in Python"
    )


def _two_fit(first: _Trial, second: _Trial, what: str) -> str:
    differ = [name for name, value in first.answers.items() if second.answers[name] != value]
    return (
        f"two different readings of {what} give y: {_answered({n: first.answers[n] for n in differ})} (differs by "
        f"{first.error:.1e}) and {_answered({n: second.answers[n] for n in differ})} ({second.error:.1e}); give one of "
        "these options, or sequences x that tell them apart, with more steps and a wider range"
    )


def is_closed(answers: Answers) -> bool:
    """Whether a reading answers once, after the last sample."""
    return answers[CLOSING] != "none"
