"""`qssmc inspect`: says what is in a checkpoint, a traced model or an IR text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import InputFormat
from qssmc.driver.traced_model import SUFFIX, load_traced
from qssmc.errors import MalformedInputError, UsageError
from qssmc.ir.graph import Graph
from qssmc.ir.text import read_graph

_WHEN = {"step": "at every step", "last": "after the last step"}
_IR_STARTS = (b"graph ", b"#")


@click.command
@configurable
@click.argument("file", type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def inspect(terminal: Terminal, /, file: Path) -> None:
    """Say what is in FILE: a checkpoint (.pt, .safetensors), a traced model (.qssm) or the IR text of any stage."""
    if not file.is_file():
        raise UsageError(f"{file} is not a file; give a checkpoint, a traced model or an IR text")
    with file.open("rb") as opened:
        is_ir = opened.read(64).lstrip().startswith(_IR_STARTS)
    describe = describe_graph if is_ir else describe_traced if file.suffix == SUFFIX else describe_checkpoint
    record = describe(file)
    terminal.result(record, _table(record))


def describe_checkpoint(path: Path) -> dict[str, Any]:
    """Config, parameters, input format, calibration and provenance of a checkpoint whose tensors all fit."""
    from qssmc.models import load_checkpoint

    checkpoint = load_checkpoint(path)
    parameters = sum(parameter.numel() for parameter in checkpoint.build().parameters())
    provenance = dict(checkpoint.provenance)
    return {
        "kind": "checkpoint",
        "config": checkpoint.config.to_dict(),
        "parameters": parameters,
        "input": _input(checkpoint.input_format, checkpoint.sequence_length),
        "calibration": _calibration(checkpoint.calibration),
        "test_accuracy": provenance.pop("test_accuracy", None),
        "provenance": provenance,
    }


def describe_traced(path: Path) -> dict[str, Any]:
    """What a traced model computes, its input format and calibration, and how many answers of its own it brings."""
    model = load_traced(path)
    return {
        "kind": "traced model",
        "module": model.module,
        "parameters": model.parameters,
        "input": _input(model.input_format, model.sequence_length),
        "calibration": _calibration(model.calibration),
        "answers": f"of the source model to the first {len(model.answers)} sequences",
        **{name: value for name, value in _of_graph(model.graph).items() if name != "kind"},
    }


def describe_graph(path: Path) -> dict[str, Any]:
    """Stage, op counts, inputs, states and their bits, and outputs of an IR text that its stage's rules allow."""
    from qssmc.ir.verify import IRError

    try:
        graph = read_graph(path)
    except (IRError, UnicodeDecodeError) as error:
        raise MalformedInputError(f"{path}: {' '.join(str(error).split())}") from error
    return _of_graph(graph)


def _of_graph(graph: Graph) -> dict[str, Any]:
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


def _input(input_format: InputFormat, sequence_length: int) -> dict[str, Any]:
    return {
        **input_format.facts(),
        "range": list(input_format.bounds),
        "sequence_length": sequence_length,
    }


def _calibration(samples: Any) -> Any:
    if samples is None:
        return "none"
    count, length, _ = samples.shape
    return {"sequences": count, "length": length, "min": int(samples.min()), "max": int(samples.max())}


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
