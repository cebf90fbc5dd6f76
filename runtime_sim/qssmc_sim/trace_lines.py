"""Trace lines: what a traced source has that the shipped one has not, and whether that is all they differ in."""

from __future__ import annotations

import re
from itertools import zip_longest
from pathlib import Path

_TRACE = re.compile(r"""^ *QSSM_TRACE_\w+\([^;]*\);\n|^#include "\w+_trace\.h".*\n""", re.MULTILINE)


def without_trace(text: str) -> str:
    """A traced source without its trace statements and the header that defines them: the shipped source."""
    return _TRACE.sub("", text)


def trace_difference(folder: Path, shipped: str, traced: str) -> str | None:
    """How a traced source of a folder, without trace, differs from the shipped one; None where it does not."""
    texts = [(folder / name).read_text(encoding="utf-8", errors="surrogateescape") for name in (shipped, traced)]
    pairs = zip_longest(texts[0].splitlines(), without_trace(texts[1]).splitlines())
    line = next((n for n, (one, other) in enumerate(pairs, 1) if one != other), None)
    if line is None:
        return None
    return f"line {line} of {shipped} is not what {traced} has there without its trace statements"
