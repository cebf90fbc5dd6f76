"""`qssmc inspect`: says what is in a checkpoint or an IR text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.errors import MalformedInputError, UsageError

_WHEN = {"step": "at every step", "last": "after the last step"}
_IR_STARTS = (b"graph ", b"#")


@click.command
@configurable
@click.argument("file", type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def inspect(terminal: Terminal, /, file: Path) -> None:
    """Say what is in FILE: a checkpoint (.pt, .safetensors) or the IR text of any stage."""
    if not file.is_file():
        raise UsageError(f"{file} is not a file; give a checkpoint or an IR text")
    with file.open("rb") as opened:
        is_ir = opened.read(64).lstrip().startswith(_IR_STARTS)
    record = describe_graph(file) if is_ir else describe_checkpoint(file)
    terminal.result(record, _table(record))


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Config, parameters, input format, calibration and provenance of a checkpoint whose tensors all fit."""
    from qssmc.models import load_checkpoint

    checkpoint = load_checkpoint(path)
    parameters = sum(parameter.numel() for parameter in checkpoint.build().parameters())
    samples = checkpoint.calibration
    low, high = checkpoint.input_format.bounds
    provenance = dict(checkpoint.provenance)
    return {
        "kind": "checkpoint",
        "config": checkpoint.config.to_dict(),
        "parameters": parameters,
        "input": {
            "width": checkpoint.input_format.width,
            "frac": checkpoint.input_format.frac,
            "signed": checkpoint.input_format.signed,
            "range": [low, high],
            "sequence_length": checkpoint.sequence_length,
        },
        "calibration": "none"
        if samples is None
        else {
            "sequences": samples.shape[0],
            "length": samples.shape[1],
            "min": int(samples.min()),
            "max": int(samples.max()),
        },
        "test_accuracy": provenance.pop("test_accuracy", None),
        "provenance": provenance,
    }


def describe_graph(path: Path) -> dict[str, Any]:
    """Stage, op counts, inputs, states and their bits, and outputs of an IR text that its stage's rules allow."""
    from qssmc.ir.text import parse
    from qssmc.ir.verify import IRError, verify

    try:
        graph = verify(parse(path.read_text(encoding="utf-8")))
    except (IRError, UnicodeDecodeError) as error:
        raise MalformedInputError(f"{path}: {' '.join(str(error).split())}") from error
    elements = {state.name: _elements(state.type.array_shape) for state in graph.states}
    bits = [elements[state.name] * state.type.width for state in graph.states if state.type.width is not None]
    return {
        "kind": "IR",
        "graph": graph.name,
        "stage": graph.stage,
        "ops": dict(sorted(Counter(op.mnemonic for op in graph.ops).items())),
        "inputs": {op.name: str(op.type) for op in graph.inputs},
        "states": {op.name: str(op.type) for op in graph.states},
        "state_bits": sum(bits) if bits or not graph.states else None,
        "outputs": {output.name: f"{graph[output.value].type}, {_WHEN[output.when]}" for output in graph.outputs},
        "constants": sum(_elements(table.shape) for op in graph.ops for table in op.tables().values()),
    }


def _elements(shape: tuple[int, ...]) -> int:
    count = 1
    for extent in shape:
        count *= extent
    return count


def _table(record: Mapping[str, Any]) -> Table:
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in record.items():
        table.add_row(name.replace("_", " "), _text(value))
    return table


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return "\n".join(f"{key}: {item}" for key, item in value.items())
    return "unknown" if value is None else str(value)
