"""Click options made from the records of qssmc.driver.options, shown in groups by `qssmc compile --help`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from qssmc.driver.options import Choice

F = TypeVar("F", bound=Callable[..., Any])
GENERAL = "General"


class GroupedOption(click.Option):
    """An option that stands under a title in the help."""

    def __init__(self, *args: Any, title: str = GENERAL, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = title


class GroupedCommand(click.Command):
    """A command whose help shows its options under their titles."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(param, "title", GENERAL), []).append(record)
        for title in sorted(groups, key=lambda name: name == GENERAL):
            with formatter.section(title):
                formatter.write_dl(groups[title])


def made_from(choices: Iterable[Choice]) -> Callable[[F], F]:
    """A decorator that adds an option for each choice; the command takes the values as keywords, None if not given."""
    made = list(choices)

    def add(command: F) -> F:
        for choice in reversed(made):
            command = _option(choice)(command)
        return command

    return add


def given_of(values: dict[str, Any], choices: Iterable[Choice]) -> dict[str, Any]:
    """Take the values of the choices out of a command's keywords, without those that were not given.

    A deprecated flag gives its option's value where the option itself is not given.
    """
    found = {}
    for choice in choices:
        value, older = values.pop(choice.keyword), values.pop(_older(choice), None)
        if (value if value is not None else older) is not None:
            found[choice.keyword] = value if value is not None else older
    return found


def _option(choice: Choice) -> Callable[[F], F]:
    help_ = choice.help if choice.shown is None else f"{choice.help}  [default: {choice.shown}]"
    settings: dict[str, Any] = {"default": None, "metavar": choice.metavar}
    flag = choice.flag
    if choice.kind is bool and choice.choices is None:
        settings |= {"is_flag": True}
        flag = f"{flag}/--no-{flag.removeprefix('--')}" if choice.shown is not None else flag
    else:
        settings |= {"type": _type(choice)}
    shown = click.option(
        *(flag, *choice.also), choice.keyword, cls=GroupedOption, title=choice.title, help=help_, **settings
    )
    if choice.deprecated is None:
        return shown
    older = click.option(choice.deprecated, _older(choice), hidden=True, default=None, type=_type(choice))

    def both(command: F) -> F:
        return shown(older(command))

    return both


def _older(choice: Choice) -> str:
    return f"deprecated_{choice.keyword}"


def _type(choice: Choice) -> click.ParamType[Any] | type:
    if choice.choices is not None:
        return click.Choice(list(choice.choices))
    if choice.parse is not None:
        return str
    return click.Path(path_type=Path) if choice.kind is Path else choice.kind
