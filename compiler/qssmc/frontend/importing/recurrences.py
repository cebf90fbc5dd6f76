"""Recurrences: state-space layers recognised by the names and shapes of their weights, and what these leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from qssmc.frontend.importing.arrays import Arrays
from qssmc.frontend.importing.discrete import discrete_layer
from qssmc.frontend.layers.system import System, by_heads
from qssmc.ir.discretize import input_gain, lambda_bar

Complex = NDArray[np.complex128]
Real = NDArray[np.float64]
Answers = Mapping[str, str]
Family = Literal["S4D", "LRU", "S5", "EMA"]
METHOD, PART, SIGN, DT, POLES, FORM = "discretization", "real-part", "poles", "step-size", "decay", "ema"
_BOTH = {METHOD: ("zoh", "bilinear"), PART: ("2", "1")}


@dataclass(frozen=True)
class Recurrent:
    """A recognised layer: what it is, its sizes, the weights that it is made of, what is open, and its system.

    used: own names of its weights; above: of those that belong to the module that holds it. open: the values that
    each question may have, the usual ones first; rare: more of them, tried where the usual ones reproduce nothing.
    system: by the answers to the questions.
    """

    family: Family
    inputs: int
    outputs: int
    states: int
    used: frozenset[str]
    open: Mapping[str, tuple[str, ...]]
    rare: Mapping[str, tuple[str, ...]]
    system: Callable[[Answers], System]
    above: frozenset[str] = frozenset()


def recognised(own: Arrays, above: Arrays) -> Recurrent | None:
    """The layer that a module's own weights make up; above: those of the module that holds it, for a feedthrough."""
    for recognise in (_s4d, _discrete, _lru, _s5, _ema):
        found = recognise(own, above)
        if found is not None:
            return found
    return None


# --- S4D: Gu et al. (arXiv 2206.11893), by heads ----------------------------------------------------------------------

_NAMES: Mapping[str, tuple[str, ...]] = {
    "dt": ("log_dt", "inv_dt", "log_step"),
    "re": ("log_A_real", "inv_A_real", "log_a_real", "A_real_log", "A_real"),
    "im": ("A_imag", "a_imag", "inv_A_imag"),
    "c": ("C", "c"),
}


def _s4d(own: Arrays, above: Arrays) -> Recurrent | None:
    names = {key: next((name for name in usual if name in own), "") for key, usual in _NAMES.items()}
    if not all(names.values()) or own[names["re"]].ndim < 2:
        return None
    heads, states = own[names["re"]].shape[-2:]
    c, b = _complex(own[names["c"]]), next((name for name in ("B", "b") if name in own), "")
    dt, im = own[names["dt"]], own[names["im"]]
    if c is None or c.size != heads * states or im.size != heads * states or dt.size not in (heads, heads * states):
        return None
    given = np.ones((heads, states), np.complex128)
    if b:
        found = _complex(own[b])
        if found is None or found.size != heads * states:
            return None
        given = found.reshape(heads, states)
    d, d_name, d_above = _feedthrough(own, above, heads)
    re = own[names["re"]].reshape(heads, states)

    def system(answers: Answers) -> System:
        with np.errstate(all="ignore"):
            step = _positive(answers.get(DT, "exp"), dt)
            step = step.reshape(heads, states) if step.size == heads * states and states > 1 else step.reshape(heads)
            sign = -1.0 if answers.get(SIGN) == "conjugate" else 1.0
            a = -_positive(answers.get(POLES, "exp"), re) + sign * 1j * im.reshape(heads, states)
            gain = float(answers[PART])
            method: Any = answers[METHOD]
            return by_heads(a, given, gain * c.reshape(heads, states), step, d, method)

    plain = names["dt"] == "log_dt" and names["re"].startswith(("log_", "A_real_log"))
    rare: dict[str, tuple[str, ...]] = {SIGN: ("as given", "conjugate")}
    if not plain:
        rare |= {DT: ("exp", "softplus"), POLES: ("exp", "softplus", "relu", "negated")}
    parts = ("1", "2") if names["re"] == "log_a_real" else ("2", "1")
    signs = ("as given", "conjugate") if names["dt"] == "inv_dt" else ("as given",)
    used = frozenset(filter(None, (*names.values(), b, d_name)))
    held = frozenset(filter(None, (d_above,)))
    return Recurrent("S4D", heads, heads, states, used, {**_BOTH, PART: parts, SIGN: signs}, rare, system, held)


def _positive(how: str, x: Real) -> Real:
    """A positive number of a weight; "negated" is a pole's real part as it is."""
    if how == "exp":
        return np.exp(x)
    if how == "softplus":
        return np.logaddexp(0.0, x)
    return np.maximum(x, 0.0) if how == "relu" else -x


def _discrete(own: Arrays, above: Arrays) -> Recurrent | None:
    """S4D of one step, as quantised training keeps it (Zhao et al., arXiv 2506.12480): 2 Re(C x), or Re(C x)."""
    found = discrete_layer(own)
    if found is None:
        return None

    def system(answers: Answers) -> System:
        return found.system(float(answers[PART]))

    return Recurrent("S4D", found.heads, found.heads, found.states, found.used, {PART: ("2", "1")}, {}, system)


# --- LRU: Orvieto et al. (arXiv 2303.06349) ---------------------------------------------------------------------------


def _lru(own: Arrays, above: Arrays) -> Recurrent | None:
    b, c = _matrix(own, "B"), _matrix(own, "C")
    if "nu_log" not in own or "theta_log" not in own or b is None or c is None or b[0].ndim != 2 or c[0].ndim != 2:
        return None
    nu, theta = own["nu_log"].ravel(), own["theta_log"].ravel()
    states, inputs, outputs = len(nu), b[0].shape[1], c[0].shape[0]
    if theta.size != states or b[0].shape[0] != states or c[0].shape[1] != states:
        return None
    gamma = own["gamma_log"].ravel() if "gamma_log" in own else None
    if gamma is not None and gamma.size != states:
        return None
    d, d_name = _dense_feedthrough(own, inputs, outputs)

    def system(answers: Answers) -> System:
        poles = np.exp(-np.exp(nu) + 1j * np.exp(theta))
        gain = np.sqrt(1.0 - np.abs(poles) ** 2) if gamma is None else np.exp(gamma)
        return System(poles, gain[:, None] * b[0], float(answers[PART]) * c[0], d, outputs)

    used = frozenset(
        filter(None, ("nu_log", "theta_log", *b[1], *c[1], d_name, "gamma_log" if gamma is not None else ""))
    )
    return Recurrent("LRU", inputs, outputs, states, used, {PART: ("1", "2")}, {}, system)


# --- S5: Smith et al. (arXiv 2208.04933) ------------------------------------------------------------------------------

_STEPS = ("log_step", "log_dt", "log_Delta")


def _s5(own: Arrays, above: Arrays) -> Recurrent | None:
    poles, b, c = _matrix(own, "Lambda"), _matrix(own, "B"), _matrix(own, "C")
    step_name = next((name for name in _STEPS if name in own), "")
    if poles is None or b is None or c is None or not step_name or b[0].ndim != 2 or c[0].ndim != 2:
        return None
    a, step = poles[0].ravel(), own[step_name].ravel()
    states, inputs, outputs = len(a), b[0].shape[1], c[0].shape[0]
    if b[0].shape[0] != states or c[0].shape[1] != states or step.size not in (1, states):
        return None
    d, d_name = _dense_feedthrough(own, inputs, outputs)

    def system(answers: Answers) -> System:
        method: Any = answers[METHOD]
        dt = np.broadcast_to(np.exp(step), a.shape)
        gains = input_gain(a, dt, method)[:, None] * b[0]
        return System(lambda_bar(a, dt, method), gains, float(answers[PART]) * c[0], d, outputs)

    used = frozenset(filter(None, (*poles[1], *b[1], *c[1], step_name, d_name)))
    return Recurrent("S5", inputs, outputs, states, used, _BOTH, {}, system)


# --- EMA: real diagonals, plain and as Mega's (arXiv 2209.10655) ------------------------------------------------------

_DAMPED = ("delta", "alpha", "beta", "gamma")
_DECAYS = ("alpha", "decay", "decay_logit", "alpha_logit", "a")
_FORMS = (
    "sigmoid",
    "1 - sigmoid",
    "alpha",
    "1 - alpha",
    "leak: sigmoid",
    "leak: 1 - sigmoid",
    "leak: alpha",
    "leak: 1 - alpha",
)


def _ema(own: Arrays, above: Arrays) -> Recurrent | None:
    if set(own) >= set(_DAMPED) and len({own[name].size for name in _DAMPED}) == 1 and own["gamma"].ndim == 2:
        return _damped(own)
    if len(own) != 1 or next(iter(own)) not in _DECAYS:
        return None
    ((name, raw),) = own.items()
    if raw.ndim > 2 or raw.size < 2 or raw.dtype.kind != "f":
        return None
    raw = raw.ravel()

    def system(answers: Answers) -> System:
        form = answers[FORM]
        share = 1.0 / (1.0 + np.exp(-raw)) if "sigmoid" in form else raw
        share = 1.0 - share if "1 - " in form else share
        gain = np.ones_like(share) if form.startswith("leak") else share
        return _real_system((1.0 - share)[:, None], gain[:, None], None)

    return Recurrent("EMA", raw.size, raw.size, 1, frozenset((name,)), {FORM: _FORMS}, {}, system)


def _damped(own: Arrays) -> Recurrent:
    """p = sigmoid(delta), q = 1 - p sigmoid(alpha); x <- q x + p beta u, y = gamma x / sqrt(N) + omega u."""
    heads, states = own["gamma"].shape
    delta, alpha, beta, gamma = (own[name].reshape(heads, states) for name in _DAMPED)
    omega = own["omega"].ravel() if "omega" in own and own["omega"].size == heads else None

    def system(answers: Answers) -> System:
        p = 1.0 / (1.0 + np.exp(-delta))
        scale = np.sqrt(1.0 / states) if answers[FORM] == "damped, scaled" else 1.0
        return _real_system(1.0 - p / (1.0 + np.exp(-alpha)), p * beta * gamma * scale, omega)

    used = frozenset((*_DAMPED, *(("omega",) if omega is not None else ())))
    return Recurrent("EMA", heads, heads, states, used, {FORM: ("damped, scaled", "damped")}, {}, system)


def _real_system(poles: Real, gains: Real, d: Real | None) -> System:
    heads = np.repeat(np.arange(len(poles)), poles.shape[1])
    flat, b = poles.ravel().astype(np.complex128), gains.ravel().astype(np.complex128)
    return System(flat, b, np.ones(len(flat), np.complex128), d, len(poles), heads)


# --- shapes -----------------------------------------------------------------------------------------------------------


def _complex(array: NDArray[Any]) -> Complex | None:
    """A complex array, or one of pairs (re, im) in a last axis of 2; None for anything else."""
    if array.dtype.kind == "c":
        return np.asarray(array, np.complex128)
    if array.dtype.kind == "f" and array.ndim > 1 and array.shape[-1] == 2:
        return np.asarray(array[..., 0] + 1j * array[..., 1])
    return None


def _matrix(own: Arrays, name: str) -> tuple[Complex, tuple[str, ...]] | None:
    """A complex array that is kept as one weight or as two, and their names."""
    for re, im in ((f"{name}_re", f"{name}_im"), (f"{name}_real", f"{name}_imag")):
        if re in own and im in own and own[re].shape == own[im].shape:
            return np.asarray(own[re] + 1j * own[im]), (re, im)
    found = _complex(own[name]) if name in own else None
    return None if found is None else (found, (name,))


def _feedthrough(own: Arrays, above: Arrays, heads: int) -> tuple[Real | None, str, str]:
    """D of each head, from the layer itself or from the module around its kernel; its name in the one or the other."""
    for arrays, is_own in ((own, True), (above, False)):
        for name in ("D", "d"):
            if name in arrays and arrays[name].size == heads and arrays[name].dtype.kind == "f":
                return arrays[name].ravel(), name if is_own else "", "" if is_own else name
    return None, "", ""


def _dense_feedthrough(own: Arrays, inputs: int, outputs: int) -> tuple[Real | None, str]:
    if "D" not in own or own["D"].dtype.kind != "f":
        return None, ""
    d = own["D"]
    if d.size == outputs == inputs:
        return d.ravel(), "D"
    return (d, "D") if d.shape == (outputs, inputs) else (None, "")
