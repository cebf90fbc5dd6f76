"""`qssmc lint-hls`: whether an emitted HLS project keeps to what HLS tools can build."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.errors import VerificationError
from qssmc.verification.hls_lint import lint_hls


@click.command("lint-hls")
@configurable
@click.argument("folder", type=click.Path(path_type=Path))
@common_options
@click.pass_obj
def lint_hls_(terminal: Terminal, /, folder: Path) -> None:
    """Check the HLS project in FOLDER: pragmas, loop bounds, heap, recursion, streams, floats; a fault ends with 1."""
    found = lint_hls(folder)
    if found:
        more = f" and {len(found) - 5} more" if len(found) > 5 else ""
        raise VerificationError("; ".join(str(fault) for fault in found[:5]) + more)
    terminal.result({"clean": True, "findings": [asdict(fault) for fault in found]}, f"{folder}: clean")
