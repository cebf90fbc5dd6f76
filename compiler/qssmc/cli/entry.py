"""main: runs a command and turns every way it can end into an exit code and at most one sentence."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence

import click
from click.core import ParameterSource

from qssmc.cli.commands import CommandTable, print_version
from qssmc.cli.config import config_file
from qssmc.cli.terminal import Terminal, common_options
from qssmc.errors import QssmcError, ToolError

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)  # what a write reports, without the name of its file
INTERNAL, INTERRUPTED, CLOSED_PIPE = 5, 130, 141
# The extra of pyproject.toml that installs each optional package.
_EXTRAS = {
    "torch": "torch",
    "safetensors": "torch",
    "sklearn": "train",
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "cocotb": "hw",
    "numba": "bench",
}


@click.group(cls=CommandTable, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=print_version, help="Print it.")
@common_options
@click.pass_context
def qssmc(ctx: click.Context) -> None:
    """Compile trained, quantised diagonal state-space models to verified fixed-point code."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 ok, 1 verification failed, 2 usage, config or malformed input, 3 unsupported model, 4 external tool, 5 internal;
    130 interrupted, 141 the reader of stdout went away.
    """
    terminal = Terminal()
    _open_streams()
    if args is None:
        signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = _run(terminal, list(sys.argv[1:] if args is None else args))
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered would be written, and fail again, when Python shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return code


def _open_streams() -> None:
    """Where a standard stream is closed, nowhere takes its place, before a file of ours gets its number."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != number:
                os.dup2(nowhere, number)
                os.close(nowhere)
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def _run(terminal: Terminal, args: list[str]) -> int:
    try:
        with qssmc.make_context("qssmc", args, obj=terminal) as ctx:
            qssmc.invoke(ctx)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:
        return _fail(terminal, error)
    return 0


def _interrupt(number: int, frame: object) -> None:
    """Being told to end is like Ctrl-C: what is half made is removed first."""
    raise KeyboardInterrupt


def _fail(terminal: Terminal, error: Exception) -> int:
    if isinstance(error, QssmcError):
        return terminal.error(str(error), error.exit_code)
    if isinstance(error, click.ClickException):
        return terminal.error(_usage(error), 2)
    if isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] in _EXTRAS:
        package = (error.name or "").split(".")[0]
        sentence = f"this needs {package}, which is not installed: pip install 'qssmc[{_EXTRAS[package]}]'"
        return terminal.error(sentence, ToolError.exit_code)
    if isinstance(error, OSError) and (error.filename is not None or error.errno in _FULL):
        where = f"{error.filename}: " if error.filename is not None else ""
        return terminal.error(f"{where}{error.strerror or error}", 2)
    if isinstance(error, MemoryError):
        return terminal.error("there is not enough memory for this; give a smaller model or fewer sequences", 2)
    hint = "" if terminal.verbose else "; run with -v for the traceback"
    return terminal.error(f"unexpected {type(error).__name__}: {error}{hint}", INTERNAL)


def _usage(error: click.ClickException) -> str:
    """A click error as one sentence that says which file or which help to look into."""
    sentence = " ".join(error.format_message().split()).rstrip(".")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    if ctx is None:
        return sentence
    name = error.param.name if isinstance(error, click.BadParameter) and error.param else None
    if name and ctx.get_parameter_source(name) is ParameterSource.DEFAULT_MAP:
        return f"{config_file(ctx)}: {sentence}"
    return f"{sentence} (see: {ctx.command_path} --help)"
