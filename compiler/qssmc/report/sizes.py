"""Sizes: what each target of one compile takes, side by side, read from the facts that the targets wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

_HARDWARE = ("lanes", "interval_cycles", "latency_cycles", "dsp", "bram18", "luts")
# Of each target: the file with its facts, the path to them in it, and what is told of them.
_FACTS: Mapping[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "c": ("c/layout.json", ("memory",), ("table_bytes", "state_bytes")),
    "hls": ("report/hls.json", (), _HARDWARE),
    "verilog": ("report/verilog.json", (), _HARDWARE),
}


def target_sizes(files: Mapping[str, bytes]) -> dict[str, dict[str, int]]:
    """For each target's folder: files and their bytes, and what the target expects of memory, clocks and multipliers.

    HLS and Verilog are estimated by one model for one device, so that the two can be compared. files: everything that
    a compile wrote, by path. A target without facts of its own (onnx) has its bytes alone.
    """
    return {
        target: {**_folder(files, target), **_facts(files, target)}
        for target in dict.fromkeys(path.split("/")[0] for path in files)
        if target in _FACTS or target in ("onnx", "crossbar")
    }


def sizes_table(sizes: Mapping[str, Mapping[str, int]]) -> str:
    """The same as text, one line a target."""
    width = max(map(len, sizes), default=0)
    return "".join(f"{target:{width}}  {_line(facts)}\n" for target, facts in sizes.items())


def _line(facts: Mapping[str, int]) -> str:
    return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in facts.items())


def _folder(files: Mapping[str, bytes], target: str) -> dict[str, int]:
    own = [content for path, content in files.items() if path.startswith(f"{target}/")]
    return {"files": len(own), "bytes": sum(map(len, own))}


def _facts(files: Mapping[str, bytes], target: str) -> dict[str, int]:
    if target not in _FACTS:
        return {}
    path, inside, names = _FACTS[target]
    found: Any = json.loads(files[path])
    for key in inside:
        found = found[key]
    return dict(_chosen(found, names))


def _chosen(found: Mapping[str, int], names: tuple[str, ...]) -> Iterator[tuple[str, int]]:
    for name in names:
        yield name, found[name]
