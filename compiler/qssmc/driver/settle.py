"""Settle: what a user chose, and what the model says, to the one set of options that a compilation runs by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from qssmc.driver.autotune import SearchSpace
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.model_source import ModelSource
from qssmc.driver.options import Options
from qssmc.errors import UsageError
from qssmc.passes.methods import DEFAULT as DEFAULT_METHODS
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.quantise import QuantiseOptions, parse_bits
from qssmc.search import Goal
from qssmc.search.candidate import POLES, STATE

DEFAULT = QuantiseOptions(state_bits=10.0, a_bits=10.0, dither=True)
DEFAULT_BITS = f"W{DEFAULT.weight_bits}A{DEFAULT.activation_bits}"
VECTORS = 112
_METHODS = ("states", "prune_loss", "heads", "channels", "bits_by", "fill", "place", "refit", "input_bits", "clip")


def settle(
    options: Options, targets: tuple[str, ...], source: ModelSource, *, searches: bool = False
) -> CompileOptions:
    """The options of a compilation. searches: whether bits are searched for though no goal is given, for a sweep."""
    goal = goal_of(options)
    searches = searches or goal is not None
    quantise = quantise_of(options, source.max_steps)
    if {"lanes", "steps_per_second"} <= options.given:
        raise UsageError("give --lanes or --steps-per-second, not both")
    methods = methods_of(options, quantise)
    if searches and options.methods.prune_loss is None:
        methods = replace(methods, prune_loss=None)  # how many states stay is a matter of the search
    if source.quantised and options.methods.prune_loss is None:
        methods = replace(methods, prune_loss=None)  # what follows is fixed, and cannot make up for states that go
    return CompileOptions(
        name=_or(options.model.name, source.name),
        quantise=quantise,
        targets=targets,
        calib=options.model.calib,
        seed=_or(options.model.seed, 0),
        vectors=_or(options.model.vectors, VECTORS),
        methods=methods,
        goal=goal,
        space=_space(options, (quantise.weight_bits, quantise.activation_bits)),
        target=options.targets,
        answer=options.model.answer,
        held_out=options.model.held_out,
        max_error=options.model.max_error,
    )


def quantise_of(options: Options, max_steps: int) -> QuantiseOptions:
    """The scheme and its bits. max_steps: the longest sequence that a mean is exact for, if the user gave none."""
    bits = options.bits
    weight_bits, activation_bits = parse_bits(bits.bits or DEFAULT_BITS)
    return QuantiseOptions(
        scheme=bits.scheme or DEFAULT.scheme,
        weight_bits=weight_bits,
        activation_bits=activation_bits,
        state_bits=_or(bits.state_bits, DEFAULT.state_bits),
        a_bits=_or(bits.a_bits, DEFAULT.a_bits),
        a_form=bits.a_form or DEFAULT.a_form,
        dither=_or(bits.dither, DEFAULT.dither),
        max_steps=_or(options.model.max_steps, max_steps),
    )


def methods_of(options: Options, quantise: QuantiseOptions) -> Methods:
    """The methods beside plain rounding."""
    parts = (options.bits, options.methods)
    chosen = {name: value for part in parts for name, value in vars(part).items() if name in _METHODS}
    return chosen_methods(quantise.scheme, quantise.a_form, chosen)


def goal_of(options: Options) -> Goal | None:
    """What bits are searched for, if anything."""
    limits = vars(options.search)
    return Goal(**limits) if any(value is not None for value in limits.values()) else None


def chosen_methods(scheme: str, a_form: str, chosen: Mapping[str, Any]) -> Methods:
    """The methods that the options ask for; what was not given comes from the scheme and the form of the poles."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if given.get("bits_by") == "none":
        given["bits_by"] = None
    start = DEFAULT_METHODS if scheme == "qssm" else PLAIN
    if "states" in given:
        start = replace(start, prune_loss=None)
    if a_form == "cartesian" or ("bits_by" in given and given["bits_by"] is None):
        start = replace(start, place=False)  # poles are placed on the grids of increments, of bits that were shared out
    made = replace(start, **given)
    return replace(made, compensate=scheme == "qssm" and not made.refit)


def _space(options: Options, bits: tuple[int, int]) -> SearchSpace:
    """What the user gave is kept: --bits as the most of a search, the means of states and poles as they are."""
    fixed = ((STATE, options.bits.state_bits), (POLES, options.bits.a_bits))
    most = SearchSpace().most if options.bits.bits is None else bits
    return SearchSpace(most, tuple((variable, value) for variable, value in fixed if value is not None))


def _or(given: Any, otherwise: Any) -> Any:
    return otherwise if given is None else given
