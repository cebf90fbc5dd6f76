"""Variants: the programs that one emitted source becomes, by compiler, optimisation and the tables that are chosen.

Loops over lanes read tables as wide as registers where the compiler's target has AVX2, and packed ones elsewhere, which
are what every microcontroller reads (QSSM_TABLE of qssm_kernels.h). QSSM_PACKED_TABLES chooses packed ones anywhere.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

PACKED = "-DQSSM_PACKED_TABLES"
_STANDARD = "-std=c99"
_NATIVE = "-march=native"


@dataclass(frozen=True)
class Variant:
    """flags of the compiler cc; tables: "wide" or "packed"; traced: whether every value of every op is looked at."""

    cc: str
    flags: tuple[str, ...]
    tables: str
    traced: bool = False

    def __str__(self) -> str:
        shown = [flag for flag in self.flags if flag not in (_STANDARD, PACKED)]
        return f"{self.cc} {' '.join(shown)}, {self.tables} tables"


def variants_of(cc: str, others: Sequence[str]) -> tuple[Variant, ...]:
    """Of C, for a user's compiler and others that may be there too: as a user builds it first."""
    wide = "wide" if _has_avx2(cc) else "packed"
    found = [
        Variant(cc, (_STANDARD, "-O3", _NATIVE), wide, traced=True),
        Variant(cc, (_STANDARD, "-O2", PACKED), "packed", traced=wide == "wide"),
        Variant(cc, (_STANDARD, "-O0", PACKED), "packed"),
    ]
    if wide == "wide":
        found.append(Variant(cc, (_STANDARD, "-O3", _NATIVE, PACKED), "packed"))
    for other in others:
        found.append(Variant(other, (_STANDARD, "-O3", _NATIVE), "wide" if _has_avx2(other) else "packed"))
        found.append(Variant(other, (_STANDARD, "-O2", PACKED), "packed"))
    return tuple(found)


def other_compilers(cc: str) -> tuple[str, ...]:
    """Compilers of C that are on PATH beside the one named."""
    named = {word.rsplit("/", 1)[-1] for word in cc.split()}
    return tuple(other for other in ("gcc", "clang") if other not in named and shutil.which(other))


@cache
def _has_avx2(cc: str) -> bool:
    """Whether a compiler, told to build for this machine, would choose wide tables. False where it cannot be asked."""
    try:
        words = [*shlex.split(cc), _NATIVE, "-dM", "-E", "-x", "c", "/dev/null"]
        said = subprocess.run(words, capture_output=True, check=False, timeout=20)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return False
    return said.returncode == 0 and b"__AVX2__" in said.stdout
