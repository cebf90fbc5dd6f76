"""Names: C identifiers for the values of a graph, equal to the IR names wherever C and the emitter's own names allow."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qssmc.ir.graph import Graph

_KEYWORDS = frozenset(
    "auto break case char const continue default do double else enum extern float for goto if inline int long register "
    "restrict return short signed sizeof static struct switch typedef union unsigned void volatile while "
    "asm typeof memset memcpy main errno signal stdin stdout stderr NULL".split()
)
# What the emitted functions call their own variables.
_OWN = frozenset({"s", "sample", "out", "i", "j", "at", "level", "lane", "block", "trace", "trace_i"})
# What the emitter appends to a value's name: its lanes, parts and single elements.
SUFFIXES = ("", "_lanes", "_sums", "_wide", "_out") + tuple(
    f"{stem}_{part}" for stem in ("", "_sum", "_scaled") for part in ("re", "im", "i")
)
_RESERVED = re.compile(r"(u?int(_least|_fast)?\d+_t|u?intptr_t|u?intmax_t|INT\d+_C|UINT\d+_C|QSSM_.*|qssm_.*)")


def prefix_of(graph: Graph) -> str:
    """The graph's name as the start of every exported symbol."""
    text = re.sub(r"\W", "_", graph.name, flags=re.ASCII)
    return f"model_{text}" if not text or text[0].isdigit() or text[0] == "_" or text in _KEYWORDS else text


def identifiers(graph: Graph) -> Mapping[str, str]:
    """The C identifier of every op: its name, with _ appended until it and what derives from it are free."""
    prefix = prefix_of(graph)
    taken = set(_KEYWORDS | _OWN) | {output.name for output in graph.outputs if len(graph.outputs) > 1}
    found: dict[str, str] = {}
    for op in graph.ops:
        name = op.name
        while _clashes(name, taken, prefix):
            name += "_"
        found[op.name] = name
        taken |= {name + suffix for suffix in SUFFIXES}
    return found


def _clashes(name: str, taken: set[str], prefix: str) -> bool:
    if _RESERVED.fullmatch(name) or name.lower().startswith(f"{prefix.lower()}_"):
        return True
    return any(name + suffix in taken for suffix in SUFFIXES)
