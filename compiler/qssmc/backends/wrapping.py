"""Wrapping: emitted C and C++ in lines of 120 columns at most, broken where a person would break them."""

from __future__ import annotations

import re

COLUMNS = 120
_STEP = 4  # columns that a continued statement stands further right
_OPEN, _CLOSE = "([{", ")]}"
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_TRAILING = re.compile(r"^(?P<code> *[^ /].*[;,]) (?P<comment>/\*.*\*/|//.*)$")


def wrapped(text: str) -> str:
    """A source with every line within 120 columns; preprocessor lines, and words longer than a line, stay."""
    return "".join(f"{part}\n" for line in text.splitlines() for part in _line(line))


def _line(line: str) -> list[str]:
    if len(line) <= COLUMNS or line.startswith("#"):
        return [line]
    if line.endswith("\\"):  # a line of a macro: each part of it ends as it does
        return [f"{part:<{COLUMNS - 2}} \\" for part in _parts(line[:-1].rstrip(), COLUMNS - 2)]
    return _parts(line, COLUMNS)


def _parts(line: str, columns: int) -> list[str]:
    """The parts of a line, each within so many columns where there is a place to break."""
    if len(line) <= columns:
        return [line]
    bare = line.lstrip()
    indent = " " * (len(line) - len(bare))
    if bare.startswith(("/*", "* ", "//")):
        return _comment(bare, indent)
    trailing = _TRAILING.match(line)
    if trailing:
        return [*_line(indent + trailing["comment"]), *_line(trailing["code"])]
    return _statement(bare, indent, columns)


def _comment(text: str, indent: str) -> list[str]:
    """A comment at blanks; what continues stands four columns further right."""
    mark, rest = text.split(" ", 1)
    closed = mark == "/*" and rest.endswith(" */")
    rest = rest.removesuffix(" */") if closed else rest
    continued = f"{indent}//" if mark == "//" else f"{indent} *" if mark == "/*" else f"{indent}*"
    lines: list[str] = []
    line = f"{indent}{mark}"
    for word in rest.split(" "):
        if len(line) + 1 + len(word) > COLUMNS and line.strip() not in (mark, continued.strip()):
            lines.append(line)
            line = continued + " " * _STEP
        line += f" {word}"
    return [*lines, line, f"{indent} */"] if closed else [*lines, line]


def _statement(text: str, indent: str, columns: int = COLUMNS) -> list[str]:
    """A statement at the break of the lowest nesting that fits, the last such one; then the rest in the same way.

    What is continued stands one step to the right, and one more for each bracket that is open there.
    """
    lines: list[str] = []
    line, nesting, start = indent + text, 0, len(indent)
    while len(line) > columns:
        found = _break(line, start, columns)
        if found is None:
            break
        at, depth = found
        nesting += depth
        lines.append(line[:at].rstrip())
        start = len(indent) + _STEP * (1 + max(0, nesting))
        line = " " * start + line[at:].lstrip()
    return [*lines, line]


def _break(line: str, start: int, columns: int) -> tuple[int, int] | None:
    """The column at which the second part begins and the nesting there, or None where there is no place."""
    found: list[tuple[int, int, int]] = []  # (nesting, what is broken, -column)
    hidden = _QUOTED.sub(lambda match: "_" * len(match[0]), line)
    depth = angles = 0
    for at, letter in enumerate(hidden):
        if letter in _CLOSE or (letter == ">" and angles and hidden[at - 1] != "-"):
            depth -= 1
            angles -= letter == ">"
        rank = _rank(hidden, at)
        if rank is not None and start < at <= columns:
            found.append((depth, rank, -at))
        if letter in _OPEN or _opens_template(hidden, at):
            depth += 1
            angles += letter == "<"
    best = min(found, default=None)
    return (-best[2], best[0]) if best else None


def _opens_template(text: str, at: int) -> bool:
    """Whether a < stands as in ap_int<8>, which an operator between blanks does not."""
    return text[at] == "<" and text[at - 1 : at].isidentifier() and text[at + 1 : at + 2].isalnum()


def _rank(text: str, at: int) -> int | None:
    """How well a line breaks before a column, 0 being best; None where it does not."""
    if text[at - 1 : at] != " ":
        return None
    before, after = text[:at].rstrip(), text[at:]
    if before.endswith((",", ";")) or after.startswith(("? ", ": ", "|| ", "&& ")):
        return 0
    if after.startswith(("+ ", "- ")):
        return 1
    if before.endswith("=") and not before.endswith(("==", "<=", ">=", "!=")):
        return 2
    return 3 if after.startswith(("* ", "/ ", ">> ", "<< ", "& ")) else None
