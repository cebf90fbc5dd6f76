"""Registry: the targets, one line each."""

from __future__ import annotations

from qssmc.errors import UsageError
from qssmc.targets.backend import Backend
from qssmc.targets.c import C
from qssmc.targets.crossbar import CROSSBAR
from qssmc.targets.hls import HLS
from qssmc.targets.onnx import ONNX
from qssmc.targets.verilog import VERILOG

ALL = "all"  # the targets of one digital design
BACKENDS: dict[str, Backend] = {
    backend.name: backend
    for backend in (
        C,
        HLS,
        VERILOG,
        ONNX,
        CROSSBAR,
    )
}


def named(text: str) -> tuple[str, ...]:
    """The targets that a name, or several with commas between them, stand for, in the registry's order.

    Raises UsageError for an unknown name, and where targets of different golden models are asked for together.

    >>> named("hls,c,hls")
    ('c', 'hls')
    """
    words = [word.strip() for word in text.split(",")]
    digital = {name for name, backend in BACKENDS.items() if backend.lowering is None} if ALL in words else set()
    check_names([word for word in words if word != ALL] + sorted(digital))
    return tuple(name for name in BACKENDS if name in digital or name in words)


def check_names(names: list[str] | tuple[str, ...]) -> None:
    """Raise UsageError for unknown targets, for none, and for targets of different golden models."""
    unknown = [name for name in names if name not in BACKENDS]
    if unknown or not names:
        raise UsageError(
            f"--target must be {', '.join(BACKENDS)} or {ALL}, or several of them with commas, "
            f"not {', '.join(map(repr, unknown)) or 'nothing'}"
        )
    alone = [name for name in names if BACKENDS[name].lowering is not None]
    if alone and set(names) != {alone[0]}:
        raise UsageError(f"--target {alone[0]} cannot be made together with others: its golden model is another")
