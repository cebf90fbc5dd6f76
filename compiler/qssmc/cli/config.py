"""The YAML config of a command: `-c FILE` whose keys are the command's long options; flags win over it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any, TypeVar

import click
import yaml

from qssmc.errors import UsageError, brief
from qssmc.regular_file import read_text

F = TypeVar("F", bound=Callable[..., Any])
_META = "qssmc.config"
_NOT_KEYS = {"config", "help", "version", "verbose", "quiet", "json"}


def configurable(command: F) -> F:
    """Add -c/--config FILE to a command; put it directly below @click.command.

        d-model: 16        # the same as --d-model 16
        activation: gelu

    A file may serve several targets: options of targets that are not asked for are left out, and a note says so, while
    on the command line they are refused. A key may be written with - or _. Values are checked by the options' own click
    types; unknown keys, keys given twice and text that is not YAML are usage errors.
    """
    return click.option(
        "-c",
        "--config",
        type=click.Path(path_type=Path),
        is_eager=True,
        expose_value=False,
        callback=_apply,
        help="YAML file of options; flags given here win over it.",
    )(command)


def config_file(ctx: click.Context) -> Path | None:
    """The config file that a command was given, for messages."""
    return ctx.meta.get(_META)


def read_config(path: Path) -> dict[str, Any]:
    """The table in a YAML file, keys with - for _. Raises UsageError with the file, the line and what is wrong."""
    try:
        table = yaml.load(read_text(path), _Loader)
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UsageError(f"{path}{line}: {error.problem or 'this is not YAML'}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not a YAML text: {str(error).splitlines()[0]}") from error
    except OSError as error:
        raise UsageError(f"config file {path} cannot be read: {error.strerror}") from error
    except Exception as error:  # the parser lets out what its readers of numbers, dates and nested lists raise
        raise UsageError(f"{path} is not a YAML text of plain values: {brief(error)}") from error
    if table is None:
        return {}
    if not isinstance(table, dict):
        raise UsageError(f"{path} must be a table of option names and values, not {type(table).__name__}")
    return {_key(str(name)): value for name, value in table.items()}


class _Loader(yaml.SafeLoader):
    """YAML's plain values; a key given twice, in either spelling, is an error instead of the last one winning."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen = set()
        for key_node, _ in node.value:
            key = _key(str(key_node.value))
            if key in seen:
                raise yaml.MarkedYAMLError(None, None, f"key {key_node.value!r} is given twice", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def _apply(ctx: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    ctx.meta[_META] = path
    options = _long_options(ctx.command)
    values = read_config(path)
    faults = [_unknown(key, list(options)) for key in values if key not in options]
    faults += [fault for key, value in values.items() if key in options for fault in _faults(key, value, options[key])]
    if faults:
        raise UsageError(f"{path}: {'; '.join(faults)}")
    chosen = {str(options[key].name): _plain(value, options[key]) for key, value in values.items()}
    ctx.default_map = {**(ctx.default_map or {}), **chosen}


def _long_options(command: click.Command) -> dict[str, click.Option]:
    named = (
        (_key(flag.removeprefix("--")), param)
        for param in command.params
        if isinstance(param, click.Option)
        for flag in param.opts
        if flag.startswith("--")
    )
    return {name: option for name, option in named if name not in _NOT_KEYS}


def _key(name: str) -> str:
    return name.replace("_", "-")


def _unknown(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1)
    return f"unknown key {key!r}; " + (f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}")


def _faults(key: str, value: Any, option: click.Option) -> list[str]:
    many = option.multiple or option.nargs != 1
    if value is None:
        return [f"{key} has no value"]
    if isinstance(value, dict) or (isinstance(value, list) and not many):
        return [f"{key} must be one value, not a {'table' if isinstance(value, dict) else 'list'}"]
    if "\0" in str(value):
        return [f"{key} must be plain text, but it holds a null character"]
    if option.is_flag and not isinstance(value, bool):
        return [f"{key} must be true or false, not {value!r}"]
    return []


def _plain(value: Any, option: click.Option) -> Any:
    """The value as a person would have typed it, so that click's types judge 1.5 or true as they would a flag."""
    if isinstance(value, list):
        return [_plain(item, option) for item in value]
    if option.is_flag:
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)
