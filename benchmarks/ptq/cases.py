"""PTQ cases: the designs of docs/results/ptq.md, what is asked of each and what is published."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from qssmc.passes.methods import FULL, PLAIN, Methods
from qssmc.passes.quantise import QuantiseOptions, parse_bits

MODELS = {"S4D-16": "s4d16_mnist.pt", "S4D-64": "s4d64_mnist.pt", "spoken digits": "s4d_fsdd.pt"}
DATA = {"S4D-16": "mnist", "S4D-64": "mnist", "spoken digits": "fsdd"}
SEQUENCES = {"S4D-16": 256, "S4D-64": 128, "spoken digits": 96}
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Case:
    """One design: a model, bits, mean bits of poles and states, and the methods.

    asked: least accuracy and least saving that were set as the goal; published: what others report, for the table.
    """

    title: str
    model: str
    bits: str
    a_bits: float
    state_bits: float
    methods: Methods
    asked: tuple[float | None, float | None] = (None, None)
    published: str = ""
    dither: bool = True
    seeds: tuple[int, ...] = SEEDS

    def quantise(self, max_steps: int) -> QuantiseOptions:
        """The options of the quantise pass."""
        weights, activations = parse_bits(self.bits)
        return QuantiseOptions(
            weight_bits=weights,
            activation_bits=activations,
            state_bits=self.state_bits,
            a_bits=self.a_bits,
            dither=self.dither,
            max_steps=max_steps,
        )

    def command(self) -> str:
        """The command that compiles it."""
        return " ".join(
            [
                f"qssmc compile examples/{MODELS[self.model]} --bits {self.bits} --a-bits {self.a_bits:g}",
                f"--state-bits {self.state_bits:g} {'' if self.dither else '--no-dither '}{_flags(self.methods)}",
                f"--calib {DATA[self.model]}:{SEQUENCES[self.model]}",
            ]
        )


def _flags(methods: Methods) -> str:
    found = [f"--fill {methods.fill}", f"--bits-by {methods.bits_by or 'none'}"]
    for name in ("states", "heads", "channels", "input_bits"):
        value = getattr(methods, name)
        if value is not None:
            found.append(f"--{name.replace('_', '-')} {value:g}")
    found += [f"--{'' if getattr(methods, name) else 'no-'}{name}" for name in ("place", "refit", "clip")]
    return " ".join(found)


def _full(**chosen: Any) -> Methods:
    return replace(FULL, **{"fill": 3, **chosen})


_UNPRUNED_16, _UNPRUNED_64 = "S4D-16, 32 states", "S4D-64, 32 states"
CASES = (
    Case(_UNPRUNED_16, "S4D-16", "W4A6", 8, 8, _full(), (97.2, None), "PTQ 29.36, QAT 88.39"),
    Case(_UNPRUNED_16, "S4D-16", "W4A6", 6, 6, _full(), (88.0, None), "QAT 57.04"),
    Case(_UNPRUNED_16, "S4D-16", "W4A6", 4, 4, _full(), seeds=(0,)),
    Case(
        "S4D-16, pruned",
        "S4D-16",
        "W4A6",
        8.75,
        9,
        _full(states=6, fill=1, input_bits=6, bits_by="mixed"),
        (97.0, 15.0),
        "QAT at 5.9 x: 88.39",
    ),
    Case(_UNPRUNED_64, "S4D-64", "W4A6", 8, 8, _full(), (98.3, None), "PTQ 39.46, QAT 95.99"),
    Case(_UNPRUNED_64, "S4D-64", "W4A6", 6, 6, _full(), (97.6, None), "QAT 84.21"),
    Case(
        "S4D-64, pruned",
        "S4D-64",
        "W4A6",
        9,
        9,
        _full(states=5, channels=48, heads=56, fill=1, input_bits=6, bits_by="mixed"),
        (98.0, 16.0),
        "QAT at 6.3 x: 95.99",
    ),
    Case(
        "S4D-64, pruned",
        "S4D-64",
        "W4A6",
        8.5,
        9,
        _full(states=4, channels=42, heads=52, fill=1, input_bits=6, bits_by="mixed"),
        (97.5, 20.0),
        "QAT at 6.3 x: 95.99",
    ),
    Case("spoken digits, 16 states", "spoken digits", "W8A8", 10, 10, _full(input_bits=12)),
    Case(
        "spoken digits, pruned",
        "spoken digits",
        "W6A8",
        9,
        9,
        _full(states=8, fill=1, input_bits=12, bits_by="mixed"),
    ),
    Case(
        "spoken digits, no method",
        "spoken digits",
        "W8A8",
        10,
        10,
        PLAIN,
        dither=False,
        seeds=(0,),
    ),
)


@dataclass(frozen=True)
class Ablation:
    """The full set of methods on one row, and each of them off by itself; then none."""

    base: Case
    off: dict[str, dict[str, Any]] = field(
        default_factory=lambda: {
            "all methods": {},
            "without dither": {"dither": False},
            "without real input weights (fill)": {"fill": 0},
            "bits by state for states, by head for poles": {"bits_by": "mixed"},
            "bits by head for both": {"bits_by": "head"},
            "the same bits for all states": {"bits_by": "layer"},
            "poles rounded one by one": {"place": False},
            "without refit": {"refit": False},
            "input weights with the bits of the others": {"input_bits": None},
            "windows of values from percentiles (no clip)": {"clip": False},
            "none of them": {
                "dither": False,
                "fill": 0,
                "bits_by": None,
                "place": False,
                "refit": False,
                "input_bits": None,
                "clip": False,
            },
        }
    )

    def cases(self) -> dict[str, Case]:
        """The designs by what is off."""
        found = {}
        for name, off in self.off.items():
            methods = {key: value for key, value in off.items() if key != "dither"}
            case = replace(self.base, methods=replace(self.base.methods, **methods), seeds=(0,))
            found[name] = replace(case, dither=off.get("dither", True))
        return found


ABLATIONS = (Ablation(CASES[1]),)
