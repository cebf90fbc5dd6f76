"""Trace: what every stream between the cells of a core carried in a simulator, as its test bench wrote it down."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import VerificationError

Streams = Mapping[str, NDArray[np.int64]]


def read_streams(trace: Path, values: Sequence[Mapping[str, Any]], where: str) -> Streams:
    """The elements of each stream, by its name, as far as the core came.

    trace: a line an element, the number of its stream in the order of names, and its bits in hexadecimal. values: of
    design.json. Raises VerificationError where bits are undefined.
    """
    nets = {net["name"]: (int(net["width"]), value["op"]) for value in values for net in value["nets"]}
    widths_and_ops = [nets[name] for name in sorted(nets)]
    found = [array("q") for _ in nets]
    with trace.open() as lines:
        for line in lines:
            number, word = line.split()
            try:
                found[int(number)].append(int(word, 16))
            except ValueError as error:
                raise VerificationError(f"%{widths_and_ops[int(number)][1]} has undefined bits in {where}") from error
    bits = [np.array(words, np.int64) for words in found]
    signed = [words - ((words >> (width - 1)) << width) for words, (width, _) in zip(bits, widths_and_ops, strict=True)]
    return dict(zip(sorted(nets), signed, strict=True))


def firings(streams: Streams, values: Sequence[Mapping[str, Any]], when: str) -> Streams:
    """(firings, elements[, re and im]) of each op of steps ("step") or of the ends of sequences ("last")."""
    found = {}
    for value in values:
        if value["when"] == when:
            count = value["nets"][0]["count"]
            parts = [streams[net["name"]] for net in value["nets"]]
            rows = min(len(part) for part in parts) // count
            parts = [part[: rows * count].reshape(rows, count) for part in parts]
            found[value["op"]] = parts[0] if len(parts) == 1 else np.stack(parts, axis=-1)
    return found
