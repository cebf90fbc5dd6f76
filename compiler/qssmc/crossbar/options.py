"""Options: the arrays that a user has, and how a model is laid on them."""

from __future__ import annotations

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
class Window:
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


@dataclass(frozen=True)
class CrossbarOptions:
    """size: rows and columns of an array; weight_bits: of a signed cell pair; adc_bits, dac_bits: None is ideal.

    form: see qssmc.passes.fuse.forms; encoding: signed rows and pairs of columns, or four lanes that are never
    negative; reads: row drives of one array in a step at most; packing: whether heads share arrays; dense: mixing,
    encoder and decoder matrices are mapped too.
    """

    size: tuple[int, int] = (64, 64)
    weight_bits: int = 4
    adc_bits: int | None = 8
    dac_bits: int | None = None
    form: Form = "incremental"
    encoding: Encoding = "two-lane"
    packing: Packing = "shared"
    reads: int = 1
    dense: bool = False
    window: Window = field(default_factory=Window)

    def __post_init__(self) -> None:
        if min(self.size) < 1:
            raise UsageError(f"--array must be ROWSxCOLUMNS, each at least 1, not {self.size[0]}x{self.size[1]}")
        if not 2 <= self.weight_bits <= 8:
            raise UsageError(f"--weight-bits must be 2 (ternary) to 8, not {self.weight_bits}")
        for name, bits in (("--adc-bits", self.adc_bits), ("--dac-bits", self.dac_bits)):
            if bits is not None and not 2 <= bits <= 16:
                raise UsageError(f"{name} must be 2 to 16, or ideal, not {bits}")
        if not 1 <= self.reads <= 4096:
            raise UsageError(f"--reads must be 1 to 4096, not {self.reads}")
        if self.window.levels <= self.top:
            raise UsageError(
                f"a window of {self.window.g_min:g} to {self.window.g_max:g} µS holds {self.window.levels} levels "
                f"{self.window.g_step:g} µS apart, but --weight-bits {self.weight_bits} needs {self.top + 1}; "
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
