"""`qssmc supported-ops`: which torch modules the frontend takes, and which IR ops each stage and target has."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click
from rich.console import Group
from rich.table import Table

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.ir.ops import OPS, STAGES
from qssmc.targets.registry import BACKENDS
from qssmc.targets.support import measured_support

_MARKS = {True: "yes", False: "-", None: "?"}


@click.command("supported-ops")
@configurable
@click.option("--markdown", is_flag=True, help="Print the tables as Markdown, as they stand in the README.")
@common_options
@click.pass_obj
def supported_ops(terminal: Terminal, /, markdown: bool) -> None:
    """Print which torch modules can be compiled and which IR ops each target supports."""
    found = supported_modules()
    if found is None:
        terminal.note("torch modules are not listed, for torch is not installed: pip install 'qssmc[torch]'")
    modules = found or {}
    ops = op_support()
    if any(None in support.values() for support in ops.values()):
        terminal.note("?: not measured, for a package that the target needs is missing: pip install 'qssmc[onnx]'")
    record = {"modules": dict(modules), "ops": ops}
    tables = [
        (("torch module or function", "becomes"), [[name, meaning] for name, meaning in modules.items()]),
        (("IR op", *STAGES, *BACKENDS), [[name, *_marks(support)] for name, support in ops.items()]),
    ]
    if markdown:
        terminal.result(record, "\n\n".join(_markdown(head, rows) for head, rows in tables))
    else:
        terminal.result(record, Group(*(_table(head, rows) for head, rows in tables)))


def supported_modules() -> Mapping[str, str] | None:
    """What each torch module and function becomes, None where torch is not installed."""
    frontend = import_module("qssmc.frontend")
    try:
        return {**frontend.SUPPORTED_MODULES, **frontend.SUPPORTED_FUNCTIONS}
    except ModuleNotFoundError as missing:
        if missing.name != "torch":
            raise
        return None


def op_support() -> dict[str, dict[str, bool | None]]:
    """For each op's mnemonic: whether each stage allows it and whether each target emits it, None where a package that
    the target needs is missing."""
    measured = measured_support()
    return {
        op.mnemonic: {**{stage: op in allowed for stage, allowed in STAGES.items()}, **measured[op.mnemonic]}
        for op in OPS
    }


def _marks(support: Mapping[str, bool | None]) -> list[str]:
    return [_MARKS[value] for value in support.values()]


def _table(head: tuple[str, ...], rows: list[list[str]]) -> Table:
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    return table


def _markdown(head: tuple[str, ...], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))
