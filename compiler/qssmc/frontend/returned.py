"""Returned: what a module returns, one tensor or several in a tuple or a dict, as named outputs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.axes import ONE, Refused, Signal, TimeSum, Unknown, told

ALONE = "y"


def named_parts(result: Any) -> list[tuple[str, Any]]:
    """What is returned, by the name of its output: y alone, y0, y1, ... by position, or the keys of a dict.

    The first of several is y where the others are no answers (None, or states that a design keeps to itself).

    >>> [name for name, _ in named_parts({"mean level": 1, "alarm": 2})]
    ['mean_level', 'alarm']
    >>> named_parts(((3,), None))
    [('y', (3,))]
    """
    if isinstance(result, Mapping):
        return [(identifier(str(key)), part) for key, part in result.items() if not _is_own(part)]
    if not isinstance(result, (tuple, list)) or not result:
        return [(ALONE, result)]
    found = [(f"{ALONE}{at}", part) for at, part in enumerate(result) if not _is_own(part)]
    return [(ALONE, result[0])] if [name for name, _ in found] in ([], [f"{ALONE}0"]) else found


def picked(result: Any, names: Sequence[str]) -> list[Any]:
    """The tensors behind the outputs of some names, of what a live module returned."""
    if isinstance(result, Mapping):
        by_name = {identifier(str(key)): part for key, part in result.items()}
    elif isinstance(result, (tuple, list)):
        by_name = {f"{ALONE}{at}": part for at, part in enumerate(result)}
        by_name[ALONE] = result[0]
    else:
        by_name = {ALONE: result}
    return [by_name[name] for name in names]


def outputs_of(result: Any) -> list[tuple[str, Signal]]:
    """The outputs of a trace; none where what is returned comes of calls that are refused already.

    Raises UnsupportedModelError for what is no tensor of the input, or lies otherwise than an answer.
    """
    parts = named_parts(result)
    if any(isinstance(part, Unknown) and part.why is None for _, part in parts) or _is_refused(result):
        return []
    names = [name for name, _ in parts]
    if len(set(names)) < len(names):
        raise UnsupportedModelError(f"the model returns outputs of one name ({', '.join(names)}); give each its own")
    for _, part in parts:
        _check(part)
    return parts


def identifier(path: str) -> str:
    """A path or a key as a name of the IR."""
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path).strip("_")
    return name if name[:1].isalpha() else f"m{name}"


def _is_own(part: Any) -> bool:
    return isinstance(part, (type(None), Unknown))


def _is_refused(result: Any) -> bool:
    values = result.values() if isinstance(result, Mapping) else result if isinstance(result, (tuple, list)) else ()
    return any(isinstance(part, Unknown) and part.why is None for part in values)


def _check(part: Any) -> None:
    if isinstance(part, Unknown):
        raise UnsupportedModelError(f"the model returns {part.why}; return the answer")
    if isinstance(part, TimeSum):
        raise Refused("a sum over time grows without bound; take the mean over time, x.mean(1), before the answer")
    if not isinstance(part, Signal):
        raise UnsupportedModelError(
            f"the model must return one tensor of its input, not {_kind(part)}, or several in a tuple or a dict; "
            "wrap it in a module that returns the answers"
        )
    if part.early or part.late:
        raise Refused(f"the model returns a padded sequence; cut it to its length, [..., :-{part.early + part.late}]")
    kinds = [axis.kind for axis in part.axes if axis != ONE]
    wanted = ["batch"] if part.closed else ["batch", "time"]
    if [kind for kind in kinds if kind != "channel"] != wanted or kinds[: len(wanted)] != wanted:
        raise UnsupportedModelError(
            f"the model answers with axes {told(part.axes)}; it must answer with (batch, time, channels), or "
            "(batch, channels) at the end: write x.transpose(1, 2), or x.mean(1) for an answer at the end"
        )


def _kind(result: Any) -> str:
    kind = type(result).__name__.removeprefix("immutable_")
    if isinstance(result, (Mapping, tuple, list, str, torch.Tensor)):
        return f"a {kind} of {len(result)}"
    return str(result) if isinstance(result, (int, float, type(None))) else f"a {kind}"
