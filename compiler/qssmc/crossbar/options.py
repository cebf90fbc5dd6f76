"""Options: the arrays that a user has, and how a model is laid on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

from qssmc.errors import UsageError

Form = Literal["incremental", "incremental-lookahead", "delayed", "lookahead", "oscillator"]
Encoding = Literal["two-lane", "four-lane"]
Packing = Literal["shared", "one-head"]
FORMS: tuple[Form, ...] = get_args(Form)
ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
PACKINGS: tuple[Packing, ...] = get_args(Packing)


@dataclass(frozen=True)
class ConductanceWindow:
    """What a cell can be: g_min to g_max in µS, told apart from g_step on; v_read, in V, drives a row of full scale."""

    g_min: float = 1.0
    g_max: float = 100.0
    g_step: float = 0.5
    v_read: float = 0.2

    def __post_init__(self) -> None:
        if not 0.0 <= self.g_min < self.g_max:
            raise UsageError(f"conductances must rise from 0 on, but the window is {self.g_min:g} to {self.g_max:g} µS")
        if not self.g_step > 0.0 or not self.v_read > 0.0:
            raise UsageError(f"a step of {self.g_step:g} µS and a read voltage of {self.v_read:g} V must be above 0")

    @property
    def levels(self) -> int:
        """How many levels can be told apart."""
        return int((self.g_max - self.g_min) / self.g_step * (1.0 + 1e-12)) + 1


IDEAL = "ideal"


def parse_size(text: str) -> tuple[int, int]:
    """Rows and columns of a text such as 64x64."""
    sizes = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    if sizes is None:
        raise UsageError(f"--array must be ROWSxCOLUMNS, such as 64x64, not {text}")
    return int(sizes[1]), int(sizes[2])


def parse_adc_bits(text: str) -> int | None:
    """Bits of a converter on a column, or None where it is ideal."""
    return _converter_bits("--adc-bits", text)


def parse_dac_bits(text: str) -> int | None:
    """Bits of a converter on a row, or None where it is ideal."""
    return _converter_bits("--dac-bits", text)


def _converter_bits(option: str, text: str) -> int | None:
    if text == IDEAL:
        return None
    if not re.fullmatch(r"\d{1,3}", text):
        raise UsageError(f"{option} must be a number of bits or {IDEAL}, not {text}")
    return int(text)


def parse_window(text: str) -> ConductanceWindow:
    """A window of conductances of a text such as 1:100:0.5."""
    try:
        g_min, g_max, g_step = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError(f"--conductances must be MIN:MAX:STEP in µS, such as 1:100:0.5, not {text}") from error
    return ConductanceWindow(g_min, g_max, g_step)


@dataclass(frozen=True)
class CrossbarOptions:
    """size: rows and columns of an array; weight_bits: of a signed cell pair; adc_bits, dac_bits: None is ideal.

    form: see qssmc.passes.fuse.forms; encoding: signed rows and pairs of columns, or four lanes that are never
    negative; reads: row drives of one array in a step at most; packing: whether heads share arrays; dense: mixing,
    encoder and decoder matrices are mapped too.
    """

    size: tuple[int, int] = field(
        default=(64, 64),
        metadata={
            "help": "lines of an array.",
            "flag": "--array",
            "metavar": "ROWSxCOLUMNS",
            "parse": parse_size,
            "text": "64x64",
        },
    )
    weight_bits: int = field(
        default=4,
        metadata={
            "help": "bits of a signed cell pair, 2 (ternary) to 8; wider weights take several slices.",
            "flag": "--cell-bits",
            "deprecated": "--weight-bits",
        },
    )
    adc_bits: int | None = field(
        default=8,
        metadata={"help": "bits of each column's converter, or ideal.", "parse": parse_adc_bits, "text": "8"},
    )
    dac_bits: int | None = field(
        default=None,
        metadata={"help": "bits of each row's converter, or ideal.", "parse": parse_dac_bits, "text": IDEAL},
    )
    form: Form = field(
        default="incremental",
        metadata={
            "help": "whether columns give new states or increments, and y of this step or, late, of the last; "
            "oscillator keeps the decay of poles digital."
        },
    )
    encoding: Encoding = field(
        default="two-lane",
        metadata={"help": "pairs of columns for signed weights, or rows and columns that are never negative."},
    )
    packing: Packing = field(
        default="shared", metadata={"help": "heads share arrays, or, as published, each has its own."}
    )
    reads: int = field(default=1, metadata={"help": "reads of one array in a step."})
    dense: bool = field(
        default=False,
        metadata={
            "help": "map the SSM kernels, or mixing, encoder and decoder matrices as well.",
            "flag": "--map",
            "choices": {"ssm": False, "all": True},
        },
    )
    window: ConductanceWindow = field(
        default_factory=ConductanceWindow,
        metadata={
            "help": "of a cell, in µS, and how far two levels must be apart.",
            "flag": "--conductances",
            "metavar": "MIN:MAX:STEP",
            "parse": parse_window,
            "text": "1:100:0.5",
        },
    )

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise UsageError(f"--array must be ROWSxCOLUMNS, each at least 1, not {self.size[0]}x{self.size[1]}")
        if not 2 <= self.weight_bits <= 8:
            raise UsageError(f"--cell-bits must be 2 (ternary) to 8, not {self.weight_bits}")
        for name, bits in (("--adc-bits", self.adc_bits), ("--dac-bits", self.dac_bits)):
            if bits is not None and not 2 <= bits <= 16:
                raise UsageError(f"{name} must be 2 to 16, or ideal, not {bits}")
        if not 1 <= self.reads <= 4096:
            raise UsageError(f"--reads must be 1 to 4096, not {self.reads}")
        if self.window.levels <= self.top:
            raise UsageError(
                f"a window of {self.window.g_min:g} to {self.window.g_max:g} µS holds {self.window.levels} levels "
                f"{self.window.g_step:g} µS apart, but --cell-bits {self.weight_bits} needs {self.top + 1}; "
                "widen it or use fewer bits"
            )

    @property
    def lanes(self) -> int:
        """Cells of a signed weight: plus and minus, and in four lanes once more for codes below 0."""
        return 4 if self.encoding == "four-lane" else 2

    @property
    def top(self) -> int:
        """The largest level of a cell, 1 for ternary weights."""
        return int((1 << (self.weight_bits - 1)) - 1)
