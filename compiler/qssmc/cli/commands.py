"""The commands of `qssmc`: one visible table, each command imported only when it runs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click


@dataclass(frozen=True)
class Entry:
    """A command: its name, where its click command is, and its line in `qssmc --help`."""

    name: str
    target: str
    help: str

    def load(self) -> click.Command:
        """Import the command; only now are numpy, torch and the like needed."""
        module, attribute = self.target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


COMMANDS: tuple[Entry, ...] = (
    Entry("compile", "qssmc.cli.compile:compile_", "Compile a model into a folder: IR, C, vectors, reports."),
    Entry("import", "qssmc.cli.import_:import_", "Make a model of saved weights, proven on its answers."),
    Entry("verify", "qssmc.cli.verify:verify", "Compare a compiled folder with the golden model, bit for bit."),
    Entry("prove", "qssmc.cli.prove:prove", "Prove that the emitted C equals golden for all inputs."),
    Entry("synth", "qssmc.cli.synth:synth", "Place an emitted core on an FPGA board, or count its cells."),
    Entry("lint-hls", "qssmc.cli.lint_hls:lint_hls_", "Check that an HLS project keeps to what HLS tools can build."),
    Entry("crossbar", "qssmc.cli.crossbar:crossbar", "Check the weight map of crossbar arrays."),
    Entry("eval", "qssmc.cli.evaluate:eval_", "Accuracy through torch, golden or the emitted C."),
    Entry("simulate", "qssmc.cli.simulate:simulate_", "Accuracy of a crossbar design on devices with errors."),
    Entry("demo", "qssmc.cli.demo:demo", "Compile, verify and measure the shipped models."),
    Entry("train", "qssmc.cli.train:train", "Train a float model and write its checkpoint."),
    Entry("fetch", "qssmc.cli.fetch:fetch", "Download a data set and check its digest."),
    Entry("inspect", "qssmc.cli.inspect:inspect", "Say what is in a checkpoint, a traced model or an IR text."),
    Entry("opt", "qssmc.cli.opt:opt", "Run passes on IR text and print what they make of it."),
    Entry("supported-ops", "qssmc.cli.supported_ops:supported_ops", "Print what the frontend and each target support."),
)


class CommandTable(click.Group):
    """A click group over COMMANDS that answers `--help` and `--version` without importing any of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for entry in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return next((entry.load() for entry in COMMANDS if entry.name == cmd_name), None)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        names = self.list_commands(ctx)
        if args and args[0] not in names and not args[0].startswith("-"):
            close = difflib.get_close_matches(args[0], names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else f"; the commands are {', '.join(names)}"
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in COMMANDS])


def print_version(ctx: click.Context, _: click.Parameter, wanted: Any) -> None:
    """The eager callback of --version."""
    if wanted and not ctx.resilient_parsing:
        from qssmc import __version__

        click.echo(f"qssmc {__version__}")
        ctx.exit()
