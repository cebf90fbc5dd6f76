"""The library of hand-written RTL modules: their texts, and which of them a text instantiates."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files

_COMMENT = re.compile(r"//[^\n]*")
_INSTANCE = re.compile(r"(?<!module )\b(qssm_\w+)\s+(?:#\s*\(|\w+\s*\()")


@cache
def library() -> dict[str, str]:
    """The text of every module by name."""
    folder = files("qssmc_templates") / "verilog" / "rtl"
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".v")), key=lambda path: path.name)
    return {path.name.removesuffix(".v"): path.read_text(encoding="utf-8") for path in paths}


def modules_of(texts: Iterable[str]) -> list[str]:
    """The library modules that Verilog texts instantiate, and those that these instantiate, in order of their names.

    The branches of a generate block that no parameters take count too; the missing modules by which a module refuses
    its parameters do not, for they are in no library.
    """
    found: set[str] = set()
    new = list(texts)
    while new:
        named = {name for text in new for name in _INSTANCE.findall(_COMMENT.sub("", text))}
        more = (named & library().keys()) - found
        found |= more
        new = [library()[name] for name in sorted(more)]
    return sorted(found)
