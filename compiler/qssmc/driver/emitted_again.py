"""Emitted again: the files that the golden IR and the options of a folder give now, beside those of the folder.

A run shows what an emitted file computes on the sequences that it is given. That all its lines are the compiler's says
what no run can: that nobody changed what these sequences do not tell.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc import __version__
from qssmc.artifact.stages import Stages
from qssmc.errors import MalformedInputError, VerificationError
from qssmc.targets.backend import Files, Lowered
from qssmc.targets.registry import BACKENDS

_SHOWN = 60  # characters of a line in a message


def emitted_again(
    folder: Path, manifest: Mapping[str, Any], names: Sequence[str], samples: NDArray[np.int64]
) -> dict[str, Files]:
    """The files of every target. samples: all that the folder records.

    Nothing of a folder that another version of qssmc compiled, for it may have emitted otherwise.
    """
    if manifest.get("qssmc") != __version__:
        return {}
    lowered = Lowered(Stages.read(folder), samples)
    found = {}
    for name in names:
        try:
            found[name] = BACKENDS[name].emit(lowered, _options(name, manifest))
        except (LookupError, TypeError, ValueError) as error:
            raise MalformedInputError(
                f"{folder}/manifest.json does not say how {name} was emitted ({error}); compile the model again"
            ) from error
    return found


def check_text(folder: Path, emitted: Mapping[str, Files], paths: Sequence[str] | None = None) -> int:
    """How many files are what was emitted again; raises VerificationError at the first other one. paths: these alone.

    ONNX models are compared as messages, whose bytes another version of protobuf may order otherwise.
    """
    compared = 0
    for files in emitted.values():
        for path, wanted in sorted(files.items()):
            if paths is not None and path not in paths:
                continue
            try:
                got = (folder / path).read_bytes()
            except OSError as error:
                raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
            if got != wanted and (difference := _difference(path, got, wanted)):
                raise VerificationError(
                    f"{folder / path} was edited: {difference}; change the model or the options and compile it again"
                )
            compared += 1
    return compared


def _difference(path: str, got: bytes, wanted: bytes) -> str:
    if path.endswith(".onnx"):
        return _of_models(got, wanted)
    lines, others = (content.decode("utf-8", "replace").split("\n") for content in (got, wanted))
    number = next((i for i, (a, b) in enumerate(zip(lines, others, strict=False)) if a != b), None)
    if number is None:
        return f"it has {len(lines)} lines, but the golden IR gives {len(others)}"
    return f"line {number + 1} is {_shown(lines[number], others[number])}"


def _shown(got: str, wanted: str) -> str:
    """Two lines from shortly before they part."""
    common = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), min(len(got), len(wanted)))
    start = max(0, common - _SHOWN // 3)
    one, other = (repr(line[start : start + _SHOWN].strip()) for line in (got, wanted))
    return f"{one}, but the golden IR gives {other}"


def _of_models(got: bytes, wanted: bytes) -> str:
    """Nothing where the models are the same."""
    import onnx

    try:
        one, other = (onnx.load_from_string(content) for content in (got, wanted))
    except Exception as error:  # protobuf raises kinds of its own
        return f"it is no ONNX model ({type(error).__name__})"
    if one == other:
        return ""
    for a, b in zip(one.graph.node, other.graph.node, strict=False):
        if a != b:
            return f"node {_shown_node(a)} is not {_shown_node(b)} that the golden IR gives"
    return "it is not the model that the golden IR gives"


def _shown_node(node: Any) -> str:
    inputs = ", ".join(node.input)
    return f"{', '.join(node.output)} = {node.op_type}({inputs})"[: _SHOWN * 2]


def _options(name: str, manifest: Mapping[str, Any]) -> Any:
    """A target's options, as the manifest keeps them."""
    kind = BACKENDS[name].options
    return None if kind is None else _made(kind, manifest["config"][name])


def _made(kind: Any, values: Mapping[str, Any]) -> Any:
    hints = typing.get_type_hints(kind)
    return kind(**{field.name: _value(hints[field.name], values[field.name]) for field in fields(kind)})


def _value(hint: Any, value: Any) -> Any:
    kinds = [kind for kind in (hint, *typing.get_args(hint)) if is_dataclass(kind)]
    if isinstance(value, dict) and kinds:
        return _made(kinds[0], value)
    return tuple(value) if isinstance(value, list) else value
