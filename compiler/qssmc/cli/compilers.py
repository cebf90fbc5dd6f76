"""The options that name the compilers of emitted code, for every command that builds it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def compiler_options(command: F) -> F:
    """Add --cc, --cxx and --ap-types; their values are the fields of qssmc.verification.toolchain.Toolchain."""
    options = (
        click.option("--cc", help="C compiler  [default: $CC, else gcc]"),
        click.option("--cxx", help="C++ compiler, for hls  [default: $CXX, else g++]"),
        click.option(
            "--ap-types",
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="hls: folder with the open ap_int.h  [default: the stand-in that comes with the design]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command
