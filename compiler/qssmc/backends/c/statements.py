"""Statements: small pieces of C that several parts of the emission need: loops, indentation, the IR in comments."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from qssmc.ir.ops import Op
from qssmc.ir.text import op_line


def each(index: str, count: int, line: Callable[[str], str], start: int = 0) -> list[str]:
    """A statement for start .. count - 1: a loop, or the statement alone where it runs once."""
    if count <= start:
        return []
    if count == start + 1:
        return [line(str(start))]
    return loop(index, count, [line(index)], start=str(start))


def loop(index: str, count: int | str, body: Sequence[str], start: str = "0", step: str = "++") -> list[str]:
    """A loop around lines."""
    return [f"for (int {index} = {start}; {index} < {count}; {index}{step}) {{", *indented(body), "}"]


def scope(lines: Sequence[str]) -> list[str]:
    """Lines in braces, so that the names they declare end with them."""
    return ["{", *indented(lines), "}"]


def comment(ops: Sequence[Op]) -> list[str]:
    """The IR lines of ops as a comment."""
    lines = [op_line(op).replace("/*", "/ *").replace("*/", "* /") for op in ops]
    if len(lines) == 1:
        return [f"/* {lines[0]} */"]
    return [f"/* {lines[0]}", *(f" * {line}" for line in lines[1:]), " */"]


def indented(lines: Sequence[str], steps: int = 1) -> list[str]:
    """Lines moved right by steps of four blanks; preprocessor lines stay."""
    return [line if line.startswith("#") or not line else "    " * steps + line for line in lines]
