"""Pairing: which inputs of an ONNX step graph are states, and which output each of them becomes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend.onnx.model import Model

_NAMES = ("{}:next", "{}_next", "next_{}", "{}_out", "{}_new", "new_{}", "{}_n", "{}n", "{}.next", "next.{}", "{}_t",
          "{}_final", "{}_updated", "updated_{}", "out_{}", "{}'")  # fmt: skip
# What a state's own name says, and what the output's says in its place.
_WORDS = (("in", "out"), ("past", "present"), ("prev", "next"), ("prev", "new"), ("prev", ""), ("old", "new"),
          ("last", "next"), ("0", "1"), ("0", "n"), ("0", ""), ("input", "output"), ("cur", "next"))  # fmt: skip


def parse_states(text: str | None) -> dict[str, str]:
    """Pairs STATE:OUTPUT, commas between them; the last colon divides. Raises UsageError for other texts.

    >>> parse_states("x:x_next,h:hn")
    {'x': 'x_next', 'h': 'hn'}
    """
    found = {}
    for part in (text or "").split(",") if text else []:
        name, _, output = part.strip().rpartition(":")
        if not name or not output:
            raise UsageError(f"--state must be INPUT:OUTPUT, several with commas, as x:x_next,h:h_next, not {text}")
        found[name] = output
    return found


def updates(model: Model, given: Mapping[str, str]) -> dict[str, str]:
    """The output that each state becomes, by the state's name: as given, by names, else by shapes.

    Raises UnsupportedModelError where one input does not remain as the sample, UsageError for names that are not there.
    """
    for name, output in given.items():
        if name not in model.inputs or output not in model.outputs:
            raise UsageError(
                f"--state {name}:{output}: {model.path.name} has the inputs {', '.join(model.inputs)} "
                f"and the outputs {', '.join(model.outputs)}"
            )
        if model.shape(name) != model.shape(output):
            raise UsageError(f"--state {name}:{output}: they have shapes {model.shape(name)} and {model.shape(output)}")
    found = dict(given)
    for name in model.inputs:
        free = [output for output in model.outputs if output not in found.values()]
        fits = [o for o in _next_names(name) if o in free and o != name and model.shape(o) == model.shape(name)]
        if name not in found and fits:
            found[name] = fits[0]
    left = [name for name in model.inputs if name not in found]
    if len(left) > 1:
        found |= _by_shape(model, left, [output for output in model.outputs if output not in found.values()])
        left = [name for name in model.inputs if name not in found]
    if len(left) != 1:
        raise UnsupportedModelError(
            f"{model.path.name} must have one input that is no state, not {len(left)} ({', '.join(left)}); say which "
            f"output each state becomes: --state INPUT:OUTPUT (inputs {', '.join(model.inputs)}; outputs "
            f"{', '.join(model.outputs)})"
        )
    return {name: found[name] for name in model.inputs if name in found}


def _next_names(name: str) -> Iterator[str]:
    """What the output of a state might be called."""
    yield from (pattern.format(name) for pattern in _NAMES)
    for old, new in _WORDS:
        for match in re.finditer(rf"(?<![A-Za-z]){old}(?![A-Za-z])|{old}(?=\d*$)", name):
            told = name[: match.start()] + new + name[match.end() :]
            yield told
            yield re.sub(r"__+", "_", told).strip("_.")


def _by_shape(model: Model, inputs: list[str], outputs: list[str]) -> dict[str, str]:
    """Inputs and outputs in pairs, by shapes that as many of both have; the sample has another shape."""
    found: dict[str, str] = {}
    for shape in dict.fromkeys(model.shape(name) for name in inputs):
        ours = [name for name in inputs if model.shape(name) == shape]
        theirs = [name for name in outputs if model.shape(name) == shape]
        if len(ours) == len(theirs) and len(ours) < len(inputs):
            found |= dict(zip(ours, theirs, strict=True))
    return found
