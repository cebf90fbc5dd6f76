"""Terminal: what is printed where, and the options -v, -q and --json that every command takes."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from rich.console import Console, RenderableType

F = TypeVar("F", bound=Callable[..., Any])
_WORD, _MESSAGE = 300, 3500  # characters of a word that is cut in messages, and of a message


class PipeConsole(Console):
    """A rich console that lets a closed pipe reach main(), which ends quietly."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


@dataclass
class Terminal:
    """Results go to stdout, as text or (--json) as JSON; notes, progress and errors always go to stderr."""

    verbose: bool = False
    quiet: bool = False
    json: bool = False
    results: bool = True  # false for a command that another command runs, whose result is the one to print
    before: Callable[[], None] | None = None  # clears a line that renews itself

    def result(self, data: Mapping[str, Any], text: RenderableType) -> None:
        """Print a command's result: `data` in --json mode, else `text` (a string or a rich table)."""
        if not self.results:
            return
        if self.json:
            sys.stdout.write(json.dumps(data, indent=2, sort_keys=True) + "\n")
        else:
            _print(text, stderr=False)

    def note(self, sentence: RenderableType) -> None:
        """Print progress for a person; -q silences it."""
        if not self.quiet:
            self._clear()
            _print(sentence, stderr=True)

    def _clear(self) -> None:
        if self.before is not None:
            self.before()

    def detail(self, sentence: RenderableType) -> None:
        """Print what only -v asks for."""
        if self.verbose:
            self._clear()
            _print(sentence, stderr=True)

    def error(self, sentence: str, code: int) -> int:
        """Print an error; -v adds the traceback of the exception at hand. Returns the exit code."""
        if self.verbose and sys.exc_info()[0] is not None and code != 2:
            traceback.print_exc()
        sentence = readable(sentence)
        sys.stderr.write(f"qssmc: error: {sentence}\n")
        if self.json:
            sys.stdout.write(json.dumps({"error": sentence, "exit_code": code}) + "\n")
        return code


def readable(sentence: str) -> str:
    """A message whose words of hundreds of characters, such as a value that a user gave, are cut, and its end.

    >>> readable("not " + "x" * 1000)
    'not xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx… (1000 characters)'
    """
    cut = re.sub(rf"\S{{{_WORD},}}", lambda word: f"{word[0][:40]}… ({len(word[0])} characters)", sentence)
    text = cut if len(cut) <= _MESSAGE else f"{cut[:_MESSAGE]}… ({len(cut)} characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")


def _print(text: RenderableType, *, stderr: bool) -> None:
    # Markup and emoji stay off: file names and messages may hold [brackets] and :colons:.
    PipeConsole(stderr=stderr, markup=False, emoji=False, highlight=False).print(text, soft_wrap=isinstance(text, str))


def common_options(command: F) -> F:
    """Add -v/--verbose, -q/--quiet and --json, accepted before and after the command's name."""
    for flags, name, text in reversed(
        (
            (("-v", "--verbose"), "verbose", "Say more, and give the traceback of an error."),
            (("-q", "--quiet"), "quiet", "No progress and no notes."),
            (("--json",), "json", "Print the result as JSON on stdout."),
        )
    ):
        # Eager, so that they count even if a later argument is wrong.
        option = click.option(*flags, name, is_flag=True, is_eager=True, expose_value=False, callback=_set, help=text)
        command = option(command)
    return command


def _set(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    terminal = ctx.find_object(Terminal)
    if value and terminal is not None and param.name is not None:
        setattr(terminal, param.name, True)
