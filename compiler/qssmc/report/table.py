"""Table: every tensor of a design with its bits, bytes and sensitivity, as aligned text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

NO_NUMBERS: Mapping[str, float] = MappingProxyType({})


def bits_table(storage: Mapping[str, Any], sensitivity: Mapping[str, float] = NO_NUMBERS) -> str:
    """The text of a storage report: a line a tensor in the order of the ops, totals, and the state's bits by head.

    sensitivity: by name of a part, what one bit less costs in whatever unit the caller measures.
    """
    return "\n".join([*_tensors(storage, sensitivity), "", *_totals(storage), *_heads(storage)]) + "\n"


def _tensors(storage: Mapping[str, Any], sensitivity: Mapping[str, float]) -> Iterator[str]:
    head = ["tensor", "kind", "origin", "elements", "least", "mean", "most", "bytes", "%"]
    whole = max(1, sum(part["bits"] for part in storage["parts"]))
    rows = [
        [
            part["name"],
            part["kind"],
            part["origin"],
            f"{part['elements']:,}",
            str(part["narrowest"]),
            f"{part['mean_bits']:.2f}",
            str(part["widest"]),
            in_bytes(part["bits"]),
            f"{100 * part['bits'] / whole:.1f}",
        ]
        for part in storage["parts"]
    ]
    if sensitivity:
        head.append("sensitivity")
        for row in rows:
            row.append(f"{sensitivity[row[0]]:.3g}" if row[0] in sensitivity else "")
    yield from _aligned([head, *rows], left=3)


def _totals(storage: Mapping[str, Any]) -> Iterator[str]:
    published = storage["published"]
    yield from _aligned(
        [
            ["", "bytes", "float32 is so many times larger"],
            ["parameters", in_bytes(storage["parameter_bits"]), str(storage["parameters_times_smaller"])],
            ["state", in_bytes(storage["state_bits"]), str(storage["state_times_smaller"])],
            ["both", in_bytes(storage["parameter_bits"] + storage["state_bits"]), str(storage["times_smaller"])],
        ],
        left=1,
    )
    yield ""
    yield f"saving as published, of elements of weights, poles and states alone: {published['saving_percent']} %"
    if published["formula_saving_percent"] is not None:
        yield f"saving by the published formula: {published['formula_saving_percent']} %"


def _heads(storage: Mapping[str, Any]) -> Iterator[str]:
    for name, heads in storage["state_bits_by_head"].items():
        rows = [[str(i), str(head["states"]), f"{head['mean_bits']:.2f}"] for i, head in enumerate(heads)]
        yield from ("", f"%{name}")
        yield from _aligned([["head", "states", "bits"], *rows], left=0)


def in_bytes(bits: int) -> str:
    """Whole bytes, rounded up."""
    return f"{(bits + 7) // 8:,}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> Iterator[str]:
    """Columns two blanks apart: the first ones to the left, the others, which are numbers, to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()
