"""Sizes: what each target of one compile takes, side by side, in what it wrote and in what it tells of that."""

from __future__ import annotations

from collections.abc import Mapping


def target_sizes(files: Mapping[str, bytes], facts: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """For each target of facts: files in its folder and their bytes, and its own facts of memory, clocks and such.

    HLS and Verilog are estimated by one model for one device, so that the two can be compared. files: everything that
    a compile wrote, by path; facts: numbers by name, by target.
    """
    return {target: {**_folder(files, target), **own} for target, own in facts.items()}


def sizes_table(sizes: Mapping[str, Mapping[str, int]]) -> str:
    """The same as text, one line a target."""
    width = max(map(len, sizes), default=0)
    return "".join(f"{target:{width}}  {_line(facts)}\n" for target, facts in sizes.items())


def _line(facts: Mapping[str, int]) -> str:
    return ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in facts.items())


def _folder(files: Mapping[str, bytes], target: str) -> dict[str, int]:
    own = [content for path, content in files.items() if path.startswith(f"{target}/")]
    return {"files": len(own), "bytes": sum(map(len, own))}
