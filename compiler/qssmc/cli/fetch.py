"""`qssmc fetch`: downloads a data set and checks its digest."""

from __future__ import annotations

from pathlib import Path

import click

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.data import catalog


@click.command
@configurable
@click.argument("name", type=click.Choice(list(catalog.DOWNLOADS)))
@click.option("--data", type=click.Path(path_type=Path), help="Folder to download into (default: the user's cache).")
@common_options
@click.pass_obj
def fetch(terminal: Terminal, /, name: str, data: Path | None) -> None:
    """Download a data set and check the SHA-256 of each file; what is there already is kept."""
    terminal.note(f"fetching {name} ...")
    root = catalog.fetch(name, data)
    files = [root / item.path for item in catalog.DOWNLOADS[name]]
    total = sum(file.stat().st_size for file in files)
    record = {"data_set": name, "folder": str(root), "files": [str(file) for file in files], "bytes": total}
    terminal.result(record, f"{name}: {len(files)} files, {total / 1e6:.1f} MB, digests right, in {root}")
