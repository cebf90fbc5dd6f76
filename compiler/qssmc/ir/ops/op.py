"""Op: what every op has, and the checks that type rules are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from qssmc.ir.table import Table
from qssmc.ir.types import UNTYPED, WIDEST, Type

Method = Literal["zoh", "bilinear"]
Types = tuple[Type, ...]
WIDEST_PHASE = 32  # bits of a phase that dithers

Stage = Literal["float", "discrete", "quantised", "integer"]
EVERY_STAGE: tuple[Stage, ...] = ("float", "discrete", "quantised", "integer")
REAL_STAGES: tuple[Stage, ...] = EVERY_STAGE[:3]  # their values are real; those of the others are integers

# What an op does to numbers: nothing but bring them in, keep them for a step, compute without loss, round, or bend.
Nature = Literal["source", "state", "exact", "rounding", "nonlinear"]
# What an array of conductances would make of it: a product, one that only drives a state, what may follow before the
# converter (a sum, or a mere move), or nothing.
Analog = Literal["product", "drive", "sum", "move", "digital"]
# Scales that an op allows: one a channel, one for all channels of its operand, or one for all on both sides, as a
# lookup table needs it.
Granularity = Literal["channel", "shared", "table"]
# What a table holds, as the storage report counts it. WEIGHTS are what publications count; a search varies their bits.
Holds = Literal[
    "weights", "input weights", "output weights", "factors", "poles", "step lengths", "biases", "head sizes",
    "chosen channels", "lookup tables", "zero points", "multipliers", "exponents", "clamps", "scales",
]  # fmt: skip
WEIGHTS: tuple[Holds, ...] = ("weights", "factors", "input weights", "output weights")
Widths = NDArray[np.int64]  # bits of each element of a value or a table


class TypeFault(ValueError):
    """Operands or attributes of an op that do not fit."""


def need(condition: bool, message: str) -> None:
    """Raise TypeFault with the message unless the condition holds."""
    if not condition:
        raise TypeFault(message)


def vector(type_: Type, *, complex_: bool = False) -> int:
    """The extent of a vector operand, complex or not as asked."""
    need(len(type_.shape) == 1, f"operand must be a vector, not {type_}")
    need(type_.complex == complex_, f"operand must {'' if complex_ else 'not '}be complex, but is {type_}")
    return type_.shape[0]


def like(operand: Type, shape: tuple[int, ...], complex_: bool = False) -> Type:
    """A type of another shape whose element is of the operand's kind, as wide as can be."""
    return Type(shape, None if operand.is_real else WIDEST, True, complex_)


def spread(table: Table, type_: Type, what: str) -> None:
    """A per-element table must be a scalar or match the vector; it is shared by re and im."""
    need(table.shape in ((), type_.shape), f"{what} has shape {table.shape}, but the operand is {type_}")


def kind(table: Table, type_: Type, what: str) -> None:
    """Table and operand must both be real or both be integer."""
    need(table.is_real == type_.is_real, f"{what} is {'real' if table.is_real else 'integer'}, the operand is {type_}")


def rounding_phase(operands: Types) -> bool:
    """Whether a rounding op has a phase beside its operand: one real-valued element that dithers all of them."""
    for phase in operands[1:]:
        need(phase.shape == (1,) and not phase.complex, f"the phase must have one real-valued element, not {phase}")
        need(phase.is_real == operands[0].is_real, f"operands disagree: {operands[0]} and {phase}")
    return len(operands) > 1


@dataclass(frozen=True)
class Precision:
    """Bits at which an op computes: of its operands' elements, and of the elements of a table; real in real stages."""

    operands: tuple[Widths, ...]
    table: Callable[[Table], Widths]
    real: bool


def holding(**tables: Holds) -> Mapping[str, Holds]:
    """What each table of an op holds, by attribute."""
    return MappingProxyType(tables)


@dataclass(frozen=True, kw_only=True)
class Op:
    """One value: its name, type, the names of its operands, and the path in the source model that it comes from.

    An op that is made of its attributes alone, such as Slice(start=0, stop=4), says what is to be done and has no
    place yet: a Builder gives it its name, operands, origin and type.

    A class of ops answers for itself: passes and reports ask it, and keep no lists of classes. It must say in which
    `stages` it exists, its `nature`, what an `analog` array makes of it, the `granularity` of its scales, what each of
    its tables holds (`holds`), its type `rule`, and its multiplications a step (`products`). A class with a mnemonic
    that leaves one out cannot be defined.
    """

    name: str = ""
    type: Type = UNTYPED
    inputs: tuple[str, ...] = ()
    origin: str = ""

    mnemonic: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1
    optional: ClassVar[int] = 0  # operands beyond the arity that may follow
    stages: ClassVar[tuple[Stage, ...]]
    nature: ClassVar[Nature]
    analog: ClassVar[Analog]
    granularity: ClassVar[Granularity]
    holds: ClassVar[Mapping[str, Holds]]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if not cls.mnemonic:
            return  # a base of several ops
        names = ("stages", "nature", "analog", "granularity", "holds")
        silent = [name for name in names if not hasattr(cls, name)]
        silent += [name for name in ("rule", "products") if getattr(cls, name) is getattr(Op, name)]
        if silent:
            raise TypeError(f"the op {cls.mnemonic} ({cls.__name__}) must say its {', '.join(silent)}")
        if set(cls.holds) != set(_table_attributes(cls)):
            raise TypeError(
                f"the op {cls.mnemonic} ({cls.__name__}) must say what each of its tables holds: it has "
                f"{', '.join(_table_attributes(cls)) or 'none'}, and `holds` names {', '.join(cls.holds) or 'none'}"
            )

    def rule(self, operands: Types) -> Type:
        """The type that the operands and attributes give, with the widest integer element."""
        raise NotImplementedError

    def products(self, bits: Precision) -> Iterable[Widths]:
        """For every multiply-accumulate of a step, the bits of one operand times the bits of the other."""
        raise NotImplementedError

    @classmethod
    def searched(cls) -> tuple[str, ...]:
        """The tables whose bits a search may vary, by attribute."""
        return tuple(name for name, what in cls.holds.items() if what in WEIGHTS)

    def tables(self) -> dict[str, Table]:
        """The op's constant arrays by attribute name."""
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, Table)}

    def with_tables(self, tables: Mapping[str, Table]) -> Self:
        """The op with other constant arrays; the attributes named must be tables of the op."""
        strange = set(tables) - set(self.tables())
        if strange:
            raise TypeError(f"{self.mnemonic} has no tables {', '.join(sorted(strange))}")
        changes: dict[str, Any] = dict(tables)
        return replace(self, **changes)


def _table_attributes(cls: type[Op]) -> list[str]:
    """The attributes of a class that are tables; read from its annotations, before it is made a dataclass."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= vars(base).get("__annotations__", {})
    return [name for name, annotation in found.items() if str(annotation).startswith("Table")]


class Still(Op):
    """Base of ops that multiply nothing."""

    def products(self, bits: Precision) -> Iterable[Widths]:
        return ()
