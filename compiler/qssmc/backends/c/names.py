"""Names: C identifiers for the values of a graph, equal to the IR names wherever C and the emitter allow it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qssmc.ir.graph import Graph

_WORDS = """
    auto break case char const continue default do double else enum extern float for goto if inline int long register
    restrict return short signed sizeof static struct switch typedef union unsigned void volatile while
    asm typeof memset memcpy main errno signal stdin stdout stderr NULL
"""
_KEYWORDS = frozenset(_WORDS.split())
# Files beside the model's own, and headers that a compiler given -I would then find there; cases may not be told apart.
_STEMS_TAKEN = """
    main harness qssm_kernels layout makefile assert complex ctype errno fenv float inttypes iso646 limits locale math
    setjmp signal stdalign stdarg stdatomic stdbool stddef stdint stdio stdlib stdnoreturn string tgmath threads time
    uchar wchar wctype
"""
_FILES = frozenset(_STEMS_TAKEN.split())
_LONGEST = 40  # of a prefix: C99 tells internal names apart by their first 63 letters
# What the emitted functions call their own variables.
_OWN = frozenset({"s", "sample", "out", "i", "j", "at", "level", "lane", "block", "trace_i"})
# What the emitter appends to a value's name: its lanes, their sums, its rounding term, and single elements.
_STEMS = ("", "_sum", "_scaled", "_rounded")
SUFFIXES = (
    "",
    "_lanes",
    "_sums",
    "_wide",
    "_phase",
    "_dither",
    *(f"{stem}_{part}" for stem in _STEMS for part in ("re", "im", "i")),
)
_RESERVED = re.compile(r"(u?int(_least|_fast)?\d+_t|u?intptr_t|u?intmax_t|INT\d+_C|UINT\d+_C|QSSM_.*|qssm_.*)")


def as_prefix(name: str) -> str:
    """A name as the start of every exported symbol and of the model's files; the same name if it can be that."""
    text = re.sub(r"\W", "_", name, flags=re.ASCII)[:_LONGEST]
    taken = text in _KEYWORDS or text.lower() in _FILES
    return f"model_{text}"[:_LONGEST] if taken or not text[:1].isalpha() else text


def prefix_of(graph: Graph) -> str:
    """The graph's name as a prefix."""
    return as_prefix(graph.name)


def identifiers(graph: Graph) -> Mapping[str, str]:
    """The C identifier of every op: its name, with _ appended until it and what derives from it are free."""
    prefix = prefix_of(graph)
    taken = set(_KEYWORDS | _OWN)
    for when in ("step", "last"):
        taken |= set(parameters(graph, when).values())
    found: dict[str, str] = {}
    for op in graph.ops:
        name = f"value_{op.name}" if _is_reserved(op.name, prefix) else op.name
        while any(name + suffix in taken for suffix in SUFFIXES):
            name += "_"
        found[op.name] = name
        taken |= {name + suffix for suffix in SUFFIXES}
    return found


def parameters(graph: Graph, when: str) -> Mapping[str, str]:
    """The pointer argument of each output of a phase: out if it is the only one, else its name."""
    outputs = [output.name for output in graph.outputs if output.when == when]
    if len(outputs) == 1:
        return {outputs[0]: "out"}
    clear = _KEYWORDS | _OWN
    return {name: f"out_{name}" if name in clear or _is_reserved(name, prefix_of(graph)) else name for name in outputs}


def _is_reserved(name: str, prefix: str) -> bool:
    """Whether a name could be that of a type, a kernel or a symbol of the model."""
    return bool(_RESERVED.fullmatch(name)) or name.lower().startswith(f"{prefix.lower()}_")
