"""Options: every option of a compilation, defined once; the command line and qssmc.compile are made from these records.

A field is an option: its name is the keyword, `--name` the flag, its annotation the kind of value, None that it was not
given. metadata: help, and where they differ flag, also (more flags), metavar, and shown, the default in words.
"""

# ruff: noqa: RUF009 - the calls of _option make fields

from __future__ import annotations

import difflib
import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from qssmc.errors import UsageError
from qssmc.passes.methods import Granularity
from qssmc.passes.quantise.options import AForm, SchemeName
from qssmc.targets.registry import BACKENDS

Bits = Literal["layer", "head", "mixed", "state", "none"]
assert get_args(Bits)[:-1] == get_args(Granularity)


def _option(help_: str, **more: Any) -> Any:
    """A field that is an option and not given unless it is."""
    return field(default=None, metadata={"help": help_, **more})


@dataclass(frozen=True)
class DataOptions:
    """Model and data."""

    name: str | None = _option("Prefix of every emitted symbol and file.", shown="the model file's or class's name")
    calib: str | None = _option(
        "Calibration sequences: FILE.npy or DATASET[:COUNT].", metavar="SOURCE", shown="what the model brings"
    )
    answer: str | None = _option(
        "What the outputs say: the largest decides (class), each against 0 (flags), or quantities (values); of several "
        "outputs NAME=KIND,NAME=KIND.",
        metavar="KIND",
        shown="what the model brings; values",
    )
    held_out: str | None = _option(
        "Sequences that nothing is chosen on, to measure errors on: FILE.npy.",
        metavar="SOURCE",
        shown="the next of --calib DATASET",
    )
    max_error: float | None = _option(
        "End with exit code 1, and write nothing, if the RMS error of an output is more than so much of its deviation.",
        metavar="PERCENT",
        shown="a warning above 10, or 1 % changed decisions",
    )
    max_steps: int | None = _option("Longest sequence that a mean is exact for.", shown="4 x the trained one")
    vectors: int | None = _option("Keep at most so many sequences for verification.", shown="112")
    seed: int | None = _option("Of the draw of calibration sequences.", shown="0")
    data: Path | None = _option("Folder of the data sets.")
    lti: str | None = _option(
        "Layers of a module, by class or path, that are linear and time-invariant: they are identified from their "
        "impulse responses.",
        metavar="NAMES",
    )
    state: str | None = _option(
        "Of an ONNX step, the output that each state becomes where no name or shape tells: x:x_next,h:h_next.",
        metavar="IN:OUT[,IN:OUT]",
    )
    lti_error: float | None = _option(
        "What a layer may differ by that is identified or whose states are reduced, relative to its largest answer.",
        metavar="SHARE",
        shown="0.001",
    )


@dataclass(frozen=True)
class BitOptions:
    """Bits."""

    scheme: SchemeName | None = _option(
        "qssm: state scales are powers of two; zhao: the published scheme (arXiv 2506.12480).", shown="qssm"
    )
    bits: str | None = _option("Bits of weights and of activations.", metavar="W#A#", shown="W8A8")
    state_bits: float | None = _option(
        "Bits of re and of im of a state, in the mean.", also=("--mean-state-bits",), shown="10"
    )
    a_bits: float | None = _option("Bits of the discrete poles, in the mean.", shown="10")
    a_form: AForm | None = _option(
        "Poles as 1 plus a scaled difference, or as plain fixed-point numbers (qssm alone).", shown="increment"
    )
    input_bits: int | None = _option("Bits of the weights that read the samples.", shown="8; zhao: as others")
    bits_by: Bits | None = _option(
        "Share bits of states and poles out by layer, head, head and layer (mixed) or state, so that --state-bits and "
        "--a-bits are means; none: all have the same.",
        shown="state; zhao: none",
    )
    dither: bool | None = _option(
        "Round states with a threshold that moves every step, so that slow ones do not stick (qssm alone).",
        shown="dither",
    )


@dataclass(frozen=True)
class MethodOptions:
    """Methods."""

    states: float | None = _option("Keep so many complex states a head, in the mean.", metavar="MEAN")
    prune_loss: float | None = _option(
        "Remove states that carry at most this share of a layer's output energy.",
        metavar="SHARE",
        shown="0.003; zhao: 0",
    )
    heads: int | None = _option("Keep so many heads of each layer, with their columns of the mixing matrix.")
    channels: int | None = _option("Keep so many channels before the decoder, with their rows of the mixing matrix.")
    fill: int | None = _option(
        "Make input weights of the SSM real, of so many significant bits, 1 for powers of two; 0 leaves them.",
        shown="1; zhao: 0",
    )
    place: bool | None = _option(
        "Round the poles of a head together, for the least error of its impulse response, instead of each alone.",
        shown="yes; zhao: no",
    )
    refit: bool | None = _option(
        "Solve readout, mixing and decoder anew by least squares on the calibration sequences.", shown="as --place"
    )
    clip: bool | None = _option(
        "Choose activation ranges by least clipping plus rounding error instead of percentiles.", shown="yes; zhao: no"
    )


@dataclass(frozen=True)
class SearchOptions:
    """Search."""

    budget_bytes: int | None = _option("Best design of at most N bytes, parameters and state.", metavar="N")
    saving: float | None = _option("Best design that saves so much against float32.", metavar="PERCENT")
    min_accuracy: float | None = _option(
        "Smallest design of this accuracy on held-out sequences; needs --calib DATASET:COUNT.", metavar="PERCENT"
    )


@dataclass(frozen=True)
class SweepOptions:
    """Sweep."""

    pareto: bool = field(
        default=False, metadata={"help": "Sweep budgets: accuracy over memory and over ACE, CSV and SVG."}
    )
    points: int = field(default=12, metadata={"help": "Budgets of --pareto."})
    jobs: int = field(default=1, metadata={"help": "Processes of --pareto.", "also": ("-j",)})
    scheduler: str | None = _option("Dask scheduler of --pareto, as tcp://HOST:PORT.", metavar="ADDRESS")


RECORDS: Mapping[str, type] = {
    "model": DataOptions,
    "bits": BitOptions,
    "methods": MethodOptions,
    "search": SearchOptions,
}


@dataclass(frozen=True)
class Choice:
    """One option as a user sees it. places: the records and fields that its value goes to.

    kind: int, float, str, bool or Path; choices: what may be given, by its text; parse: a text to its value; shown: the
    default in words; deprecated: a flag that is still taken and not shown.
    """

    keyword: str
    flag: str
    title: str
    help: str
    kind: type
    places: tuple[tuple[str, str], ...]
    also: tuple[str, ...] = ()
    metavar: str | None = None
    shown: str | None = None
    choices: Mapping[str, Any] | None = None
    parse: Callable[[str], Any] | None = None
    deprecated: str | None = None

    def value(self, given: Any) -> Any:
        """The value that was given, as the record takes it. Raises UsageError for another kind of value."""
        if hasattr(given, "item") and getattr(given, "ndim", 1) == 0:
            given = given.item()  # numpy's scalars
        if self.choices is not None:
            return self._chosen(given)
        if self.parse is not None:
            return self.parse(str(given)) if isinstance(given, (str, int, float)) else given
        if self.kind is Path and isinstance(given, (str, os.PathLike)):
            return Path(given)
        fits = {bool: bool, int: Integral, float: Real, str: str}.get(self.kind, str)
        if not isinstance(given, fits) or (isinstance(given, bool) and self.kind is not bool):
            raise UsageError(f"{self.flag} must be {_KINDS[self.kind]}, not {given!r}")
        return given if self.kind is bool else self.kind(given)

    def _chosen(self, given: Any) -> Any:
        assert self.choices is not None
        for text, value in self.choices.items():
            if given == text or (given == value and type(given) is type(value)):
                return value
        raise UsageError(f"{self.flag} must be one of {', '.join(self.choices)}, not {given!r}")


_KINDS = {int: "a whole number", float: "a number", str: "text", bool: "True or False", Path: "a path"}


@dataclass(frozen=True)
class Options:
    """What a user chose: the records of RECORDS, the records of its targets, and the keywords that were given."""

    model: DataOptions
    bits: BitOptions
    methods: MethodOptions
    search: SearchOptions
    targets: Mapping[str, Any]
    given: frozenset[str]


def target_records() -> dict[str, type[Any]]:
    """The options of each target that has some, a record a target."""
    return {name: backend.options for name, backend in BACKENDS.items() if backend.options is not None}


def _title(target: str) -> str:
    """What stands over a target's options."""
    return BACKENDS[target].title or BACKENDS[target].what


def choices() -> tuple[Choice, ...]:
    """Every option of a compilation, in the order of the help; two targets may share one."""
    found: dict[str, Choice] = {}
    for place, record in RECORDS.items():
        title = (record.__doc__ or "").rstrip(".")
        found |= {choice.keyword: choice for choice in choices_of(record, place, title)}
    for target, record in target_records().items():
        for choice in choices_of(record, target, _title(target)):
            found[choice.keyword] = _shared(found.get(choice.keyword), choice)
    order = list(dict.fromkeys([choice.title for choice in found.values()]))
    return tuple(sorted(found.values(), key=lambda choice: order.index(choice.title)))


def make_options(given: Mapping[str, Any], targets: Sequence[str] | None = None) -> Options:
    """The options of keywords for a design of some targets, or of all; None is not given.

    Raises UsageError for an unknown keyword or a wrong kind of value.
    """
    known = {choice.keyword: choice for choice in choices()}
    if unknown := [name for name in given if name not in known]:
        close = difflib.get_close_matches(unknown[0], known, 1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        raise UsageError(f"there is no option {unknown[0]}; {hint}")
    of_targets = target_records()
    values: dict[str, dict[str, Any]] = {place: {} for place in (*RECORDS, *of_targets)}
    kept = {name: value for name, value in given.items() if value is not None}
    for name, value in kept.items():
        for place, attribute in known[name].places:
            values[place][attribute] = known[name].value(value)
    own = {place: record(**values[place]) for place, record in RECORDS.items()}
    wanted = of_targets if targets is None else targets
    records = {name: _record_of(of_targets[name], values[name]) for name in wanted if name in of_targets}
    return Options(**own, targets=records, given=frozenset(kept))


def choices_of(record: type, place: str, title: str, inner: str = "") -> tuple[Choice, ...]:
    """The options of one record; those of a field that is a record of its own are among them, as field.name."""
    hints = get_type_hints(record)
    found: list[Choice] = []
    for one in fields(record):
        kind, literal = _kind(hints[one.name])
        if one.metadata.get("group"):
            found += choices_of(kind, place, title, f"{one.name}.")
        elif "help" in one.metadata:
            found.append(_choice(one, kind, literal, place, title, inner))
    return tuple(found)


def _choice(one: Field[Any], kind: type, literal: tuple[str, ...], place: str, title: str, inner: str) -> Choice:
    about = one.metadata
    flag = about.get("flag", "--" + one.name.replace("_", "-"))
    allowed = about.get("choices") or ({text: text for text in literal} if literal else None)
    shown = about.get("shown", about.get("text"))
    if shown is None and one.default not in (None, MISSING):
        shown = next((text for text, value in (allowed or {}).items() if value == one.default), str(one.default))
    return Choice(
        keyword=flag.removeprefix("--").replace("-", "_"),
        flag=flag,
        title=title,
        help=about["help"],
        kind=kind,
        places=((place, inner + one.name),),
        also=tuple(about.get("also", ())),
        metavar=about.get("metavar"),
        shown=None if kind is bool and "shown" not in about and not allowed else shown,
        choices=allowed,
        parse=about.get("parse"),
        deprecated=about.get("deprecated"),
    )


def _shared(other: Choice | None, choice: Choice) -> Choice:
    """One option of two targets: the value goes to both, and the help says what it is for each."""
    if other is None:
        return choice
    names = [place for place, _ in (*other.places, *choice.places)]
    own = f"{', '.join(names[:-1])}: {other.help} {names[-1]}: {choice.help}"
    one = other.help if other.help == choice.help else own
    title = " and ".join(map(_title, names))
    return Choice(**{**vars(other), "help": one, "places": other.places + choice.places, "title": title})


def _record_of(record: type, values: Mapping[str, Any]) -> Any:
    """A target's record of values by field, or by field.name for a field that is a record of its own."""
    plain = {name: value for name, value in values.items() if "." not in name}
    for one in fields(record):
        if one.metadata.get("group"):
            kind, _ = _kind(get_type_hints(record)[one.name])
            inner = {name.partition(".")[2]: value for name, value in values.items() if name.startswith(f"{one.name}.")}
            if any(name in inner for name in _required(kind)):
                plain[one.name] = kind(**inner)
    return record(**plain)


def _required(record: type) -> list[str]:
    return [one.name for one in fields(record) if one.default is MISSING and one.default_factory is MISSING]


def _kind(hint: Any) -> tuple[type, tuple[str, ...]]:
    """The type of an annotation without None, and the texts of a Literal."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is Literal:
        return str, get_args(hint)
    return (hint, ()) if isinstance(hint, type) else (str, ())
