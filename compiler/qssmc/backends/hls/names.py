"""Names: C++ identifiers for the values of a graph, equal to the IR names wherever C++ and the emitter allow it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from qssmc.backends.c.names import as_prefix
from qssmc.ir.graph import Graph

_WORDS = """
    alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t class compl const
    const_cast constexpr continue decltype default delete do double dynamic_cast else enum explicit export extern false
    float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private
    protected public register reinterpret_cast return short signed sizeof static static_assert static_cast struct switch
    template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t
    while xor xor_eq main std hls NULL EOF errno stdin stdout stderr assert abort printf memset memcpy linux unix
"""
# What the emitted functions call their own variables.
_OWN = "i row lane group ends last put at channel samples sample beat model"
_TAKEN = frozenset((*_WORDS.split(), *_OWN.split()))
_RESERVED = re.compile(
    r"(ap_.*|qssm_.*|QSSM_.*|u?int\d+_t|.*__.*|_.*|.*_last|(table|all|state|in|lanes|sum|old|run|port)_.*)"
)
# What the emitter appends to a value's name.
SUFFIXES = ("", "_re", "_im", "_t", "_acc_t")


def prefix_of(graph: Graph) -> str:
    """The graph's name as the top function's name and the start of every file name."""
    return as_prefix(graph.name)


def identifiers(graph: Graph) -> Mapping[str, str]:
    """The C++ identifier of every op: its name, with v appended until it and what derives from it are free."""
    taken = set(_TAKEN) | {prefix_of(graph)}
    found: dict[str, str] = {}
    for op in graph.ops:
        name = f"value_{op.name.strip('_')}" if _is_reserved(op.name) else op.name
        while any(name + suffix in taken for suffix in SUFFIXES):
            name += "v"
        found[op.name] = name
        taken |= {name + suffix for suffix in SUFFIXES}
    return found


def _is_reserved(name: str) -> bool:
    """Whether a name could be that of a type, a kernel, a macro or a process."""
    return bool(_RESERVED.fullmatch(name)) or "__" in name
