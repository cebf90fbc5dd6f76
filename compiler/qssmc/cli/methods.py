"""The options of `qssmc compile` that choose the methods of a design, and what they are where none is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar, get_args

import click

from qssmc.passes.methods import DEFAULT, PLAIN, Granularity, Methods

F = TypeVar("F", bound=Callable[..., Any])
_NO = "none"
_OPTIONS = (
    click.option("--states", type=float, metavar="MEAN", help="Complex states a head that are kept, on average."),
    click.option(
        "--prune-loss",
        type=float,
        metavar="SHARE",
        help="Remove states that cost at most this share of a layer's output.",
    ),
    click.option(
        "--heads", type=int, help="Heads of each layer that are kept, with their columns of the mixing matrix."
    ),
    click.option(
        "--channels", type=int, help="Channels before the decoder that are kept, with their rows of the mixing."
    ),
    click.option(
        "--bits-by",
        type=click.Choice([*get_args(Granularity), _NO]),
        help="What shares a number of bits; --state-bits and --a-bits are means then  [default: state; zhao: none]",
    ),
    click.option(
        "--fill", type=int, help="Significant bits of real input weights, 0 to leave them  [default: 1; zhao: 0]"
    ),
    click.option(
        "--place/--no-place", default=None, help="Place the poles of a head together  [default: yes; zhao: no]"
    ),
    click.option(
        "--refit/--no-refit", default=None, help="Solve readout, mixing and decoder anew  [default: as --place]"
    ),
    click.option(
        "--input-bits", type=int, help="Bits of the weights that read the samples  [default: 8; zhao: as others]"
    ),
    click.option(
        "--clip/--no-clip",
        default=None,
        help="How far values reach by what clipping and rounding cost, not by percentiles  [default: yes; zhao: no]",
    ),
)


def method_options(command: F) -> F:
    """Add the options to a command, which takes them as **chosen."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def chosen_methods(scheme: str, a_form: str, chosen: Mapping[str, Any]) -> Methods:
    """The methods that the options ask for; what was not given comes from the scheme and the form of the poles."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if given.get("bits_by") == _NO:
        given["bits_by"] = None
    start = DEFAULT if scheme == "qssm" else PLAIN
    if "states" in given:
        start = replace(start, prune_loss=None)
    if a_form == "cartesian" or ("bits_by" in given and given["bits_by"] is None):
        start = replace(start, place=False)  # poles are placed on the grids of increments, of bits that were shared out
    return replace(start, **given)
