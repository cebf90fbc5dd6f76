"""`qssmc supported-ops`: which torch modules the frontend takes, and which IR ops each stage and target has."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec

import click
from rich.console import Group
from rich.table import Table

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.ir.ops import OPS, STAGES

# Each target's module declares the op classes that it emits as SUPPORTED.
_BACKENDS: Mapping[str, str] = {name: f"qssmc.backends.{name}" for name in ("c", "hls", "verilog", "onnx", "crossbar")}
TARGETS: Mapping[str, str] = {target: module for target, module in _BACKENDS.items() if find_spec(module)}


@click.command("supported-ops")
@configurable
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown, as they stand in the README.")
@common_options
@click.pass_obj
def supported_ops(terminal: Terminal, /, markdown: bool) -> None:
    """Print which torch modules can be compiled and which IR ops each target supports."""
    frontend = import_module("qssmc.frontend")
    modules: Mapping[str, str] = {**frontend.SUPPORTED_MODULES, **frontend.SUPPORTED_FUNCTIONS}
    ops = op_support()
    record = {"modules": dict(modules), "ops": ops}
    tables = [
        (("torch module or function", "becomes"), [[name, meaning] for name, meaning in modules.items()]),
        (("IR op", *STAGES, *TARGETS), [[name, *_marks(support)] for name, support in ops.items()]),
    ]
    if markdown:
        terminal.result(record, "\n\n".join(_markdown(head, rows) for head, rows in tables))
    else:
        terminal.result(record, Group(*(_table(head, rows) for head, rows in tables)))


def op_support() -> dict[str, dict[str, bool]]:
    """For each op's mnemonic: whether each stage allows it and whether each target emits it."""
    emitted = {target: _emitted(module) for target, module in TARGETS.items()}
    return {
        op.mnemonic: {stage: op in allowed for stage, allowed in STAGES.items()}
        | {target: op.mnemonic in names for target, names in emitted.items()}
        for op in OPS
    }


def _emitted(module: str) -> frozenset[str]:
    return frozenset(op.mnemonic for op in import_module(module).SUPPORTED)


def _marks(support: Mapping[str, bool]) -> list[str]:
    return ["yes" if value else "-" for value in support.values()]


def _table(head: tuple[str, ...], rows: list[list[str]]) -> Table:
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(head: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
