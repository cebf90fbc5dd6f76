"""Op: what every op has, and the checks that type rules are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, Self

from qssmc.ir.table import Table
from qssmc.ir.types import UNTYPED, WIDEST, Type

Method = Literal["zoh", "bilinear"]
Types = tuple[Type, ...]
WIDEST_PHASE = 32  # bits of a phase that dithers


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


@dataclass(frozen=True, kw_only=True)
class Op:
    """One value: its name, type, the names of its operands, and the path in the source model that it comes from.

    An op that is made of its attributes alone, such as Slice(start=0, stop=4), says what is to be done and has no
    place yet: a Builder gives it its name, operands, origin and type.
    """

    name: str = ""
    type: Type = UNTYPED
    inputs: tuple[str, ...] = ()
    origin: str = ""

    mnemonic: ClassVar[str] = ""
    arity: ClassVar[int | None] = 1
    optional: ClassVar[int] = 0  # operands beyond the arity that may follow

    def rule(self, operands: Types) -> Type:
        """The type that the operands and attributes give, with the widest integer element."""
        raise TypeFault(f"{self.mnemonic} has no type rule")

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
