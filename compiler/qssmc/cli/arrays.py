"""The options of `qssmc compile` that describe arrays, for --target crossbar."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import click

from qssmc.crossbar.options import ENCODINGS, FORMS, PACKINGS, CrossbarOptions, Window
from qssmc.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])
IDEAL = "ideal"
_START = CrossbarOptions()
_OPTIONS = (
    click.option(
        "--array", default="64x64", show_default=True, metavar="ROWSxCOLUMNS", help="crossbar: lines of an array."
    ),
    click.option(
        "--weight-bits",
        type=int,
        default=_START.weight_bits,
        show_default=True,
        help="crossbar: of a signed cell pair, 2 (ternary) to 8; wider weights take several slices.",
    ),
    click.option(
        "--adc-bits", default=str(_START.adc_bits), show_default=True, help="crossbar: of each column, or ideal."
    ),
    click.option("--dac-bits", default=IDEAL, show_default=True, help="crossbar: of each row, or ideal."),
    click.option(
        "--form",
        type=click.Choice(FORMS),
        default=_START.form,
        show_default=True,
        help="crossbar: whether columns give new states or increments, and y of this step or, late, of the last.",
    ),
    click.option(
        "--encoding",
        type=click.Choice(ENCODINGS),
        default=_START.encoding,
        show_default=True,
        help="crossbar: pairs of columns for signed weights, or rows and columns that are never negative.",
    ),
    click.option(
        "--packing",
        type=click.Choice(PACKINGS),
        default=_START.packing,
        show_default=True,
        help="crossbar: heads share arrays, or, as published, each has its own.",
    ),
    click.option(
        "--reads", type=int, default=_START.reads, show_default=True, help="crossbar: of one array in a step."
    ),
    click.option(
        "--map",
        "mapped",
        type=click.Choice(("ssm", "all")),
        default="ssm",
        show_default=True,
        help="crossbar: the SSM kernels, or mixing, encoder and decoder matrices as well.",
    ),
    click.option(
        "--conductances",
        default=f"{_START.window.g_min:g}:{_START.window.g_max:g}:{_START.window.g_step:g}",
        show_default=True,
        metavar="MIN:MAX:STEP",
        help="crossbar: of a cell, in µS, and how far two levels must be apart.",
    ),
)


def array_options(command: F) -> F:
    """Add the options to a command, which takes them as **chosen."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_arrays(chosen: dict[str, Any]) -> CrossbarOptions:
    """The arrays that the options describe; they are taken out of chosen."""
    sizes = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text := str(chosen.pop("array")))
    if sizes is None:
        raise UsageError(f"--array must be ROWSxCOLUMNS, such as 64x64, not {text}")
    return CrossbarOptions(
        size=(int(sizes[1]), int(sizes[2])),
        weight_bits=chosen.pop("weight_bits"),
        adc_bits=_bits("--adc-bits", chosen.pop("adc_bits")),
        dac_bits=_bits("--dac-bits", chosen.pop("dac_bits")),
        form=chosen.pop("form"),
        encoding=chosen.pop("encoding"),
        packing=chosen.pop("packing"),
        reads=chosen.pop("reads"),
        dense=chosen.pop("mapped") == "all",
        window=_window(chosen.pop("conductances")),
    )


def _bits(option: str, text: str) -> int | None:
    if text == IDEAL:
        return None
    if not re.fullmatch(r"\d{1,3}", text):
        raise UsageError(f"{option} must be a number of bits or {IDEAL}, not {text}")
    return int(text)


def _window(text: str) -> Window:
    try:
        g_min, g_max, g_step = (float(part) for part in text.split(":"))
    except ValueError as error:
        raise UsageError(f"--conductances must be MIN:MAX:STEP in µS, such as 1:100:0.5, not {text}") from error
    return Window(g_min, g_max, g_step)
