"""Stack: an encoder, blocks of recurrences and a decoder, found in the weights of a model by names and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.importing.arrays import Arrays
from qssmc.frontend.importing.names import in_order, nodes_of
from qssmc.frontend.importing.recurrences import Recurrent, recognised

Real = NDArray[np.float64]
_LIVE = "compile the live module in Python: qssmc.compile(model.eval(), calibration=x)"
_FIRST = re.compile(r"encod|embed|input|in_proj|proj_in|fc_in|lift|stem|^up\b", re.IGNORECASE)
_FINAL = re.compile(r"decod|head|output|classif|out_proj|proj_out|readout|fc|logit|predict", re.IGNORECASE)
_GATES = ("weight", "bias", "scale", "running_mean", "running_var", "mean", "var")


@dataclass(frozen=True)
class Linear:
    """A matrix product over channels: weight (outputs, inputs), bias (outputs,)."""

    origin: str
    weight: Real
    bias: Real


@dataclass(frozen=True)
class NormWeights:
    """A norm over H channels. mean, var: of batch norm; beta: None where there is none, as in RMS norms."""

    origin: str
    gamma: Real
    beta: Real | None
    mean: Real | None = None
    var: Real | None = None


@dataclass(frozen=True)
class BlockWeights:
    """A recurrence with what mixes its channels, a feed-forward pair behind it, and its norms, each in its order."""

    origin: str
    recurrent: Recurrent
    mixing: tuple[Linear, ...] = ()
    feedforward: tuple[Linear, ...] = ()
    norms: tuple[NormWeights, ...] = ()


@dataclass(frozen=True)
class Stack:
    """What the weights of a model are."""

    blocks: tuple[BlockWeights, ...]
    encoder: tuple[Linear, ...] = ()
    decoder: tuple[Linear, ...] = ()
    norms: tuple[NormWeights, ...] = ()
    parameters: int = 0

    @property
    def width(self) -> int:
        """Channels between the blocks."""
        return self.blocks[0].recurrent.inputs

    @property
    def inputs(self) -> int:
        """Channels of a sample."""
        return self.encoder[0].weight.shape[1] if self.encoder else self.width

    @property
    def outputs(self) -> int:
        """Numbers of an answer."""
        return self.decoder[-1].weight.shape[0] if self.decoder else self.blocks[-1].recurrent.outputs

    @property
    def told(self) -> str:
        """In words: "2 S4D layers, 16 heads, 32 states"."""
        one = self.blocks[0].recurrent
        families = {block.recurrent.family for block in self.blocks}
        count = len(self.blocks)
        sizes = {(block.recurrent.outputs, block.recurrent.states) for block in self.blocks}
        heads = "heads" if one.family in ("S4D", "EMA") else "channels"
        extents = (
            f", {one.outputs} {heads}, {one.states} state{'s' if one.states > 1 else ''}" if len(sizes) == 1 else ""
        )
        return f"{count} {' and '.join(sorted(families))} layer{'s' if count > 1 else ''}{extents}"


@dataclass
class _Rest:
    """What is found beside the recurrences, as it is sorted."""

    linears: dict[str, Linear] = field(default_factory=dict)
    norms: dict[str, NormWeights] = field(default_factory=dict)


def stack_of(arrays: Arrays, what: str) -> Stack:
    """The stack that weights make up; what: the file in words, which opens messages.

    Raises UnsupportedModelError for weights without a known recurrence, and for those that no part explains.
    """
    nodes = nodes_of(arrays)
    cores = {path: found for path, own in nodes.items() if (found := recognised(own, nodes.get(_above(path), {})))}
    if not cores:
        raise UnsupportedModelError(_nothing_known(nodes, what))
    _check_finite(arrays, what)
    rest, unknown = _sorted_rest(nodes, cores)
    if unknown:
        shown = ", ".join(in_order(unknown)[:4]) + (f" and {len(unknown) - 4} more" if len(unknown) > 4 else "")
        raise UnsupportedModelError(
            f"{what} holds {_counted(cores)}, and weights that are part of no known stack: {shown}; {_LIVE}"
        )
    stack = _assigned(cores, rest, what)
    return replace(stack, parameters=sum(array.size for array in arrays.values() if array.dtype.kind in "fc"))


def _above(path: str) -> str:
    return path.rpartition(".")[0]


def _counted(cores: dict[str, Recurrent]) -> str:
    family = next(iter(cores.values())).family
    return f"{len(cores)} {family} layer{'s' if len(cores) > 1 else ''}"


def _check_finite(arrays: Arrays, what: str) -> None:
    faults = [name for name, array in arrays.items() if array.dtype.kind in "fc" and not np.isfinite(array).all()]
    if faults:
        raise UnsupportedModelError(f"{what} has NaN or infinite numbers in {', '.join(faults[:4])}; train it again")


_HINTS = (
    (("weight_ih_l0", "weight_hh_l0"), "recurrent gates (LSTM or GRU), which are no linear recurrence"),
    (("in_proj_weight",), "attention, which is no recurrence"),
    (("A_log", "dt_proj"), "a selective state space (Mamba), whose poles depend on the input"),
    (("P",), "an S4 layer with a low-rank part (DPLR)"),
)
_STATE_NAMES = {
    "log_dt",
    "inv_dt",
    "log_A_real",
    "A_real",
    "A_imag",
    "nu_log",
    "theta_log",
    "Lambda_re",
    "Lambda",
    "log_step",
}


def _nothing_known(nodes: dict[str, Arrays], what: str) -> str:
    """Why weights hold no known recurrence."""
    for path, own in nodes.items():
        if "P" in own and ("inv_dt" in own or "log_dt" in own):
            return f"{what} holds {_HINTS[3][1]} in {path}; {_LIVE}"
        if close := sorted(_STATE_NAMES & set(own)):
            shapes = ", ".join(f"{name} {own[name].shape}" for name in sorted(own)[:8])
            named = f"{path or 'it'} has {', '.join(close)}"
            return f"{what}: {named} of a state-space layer, but its shapes fit none: {shapes}"
        for known, hint in _HINTS[:3]:
            if any(name in own or path.endswith(name) for name in known):
                return f"{what} holds {hint}; qssmc takes diagonal state-space layers (S4D, LRU, S5, real diagonals)"
    names = ", ".join(in_order([path for path in nodes if path])[:3]) or "none"
    return (
        f"{what} holds no state-space layer that is known by its names (S4D, LRU, S5, real diagonals), but {names} and "
        f"the like; {_LIVE}"
    )


# --- what is beside the recurrences -----------------------------------------------------------------------------------


def _sorted_rest(nodes: dict[str, Arrays], cores: dict[str, Recurrent]) -> tuple[_Rest, list[str]]:
    """Linears and norms by path, and the names of weights that are neither."""
    rest, unknown = _Rest(), []
    held = {_above(path): core.above for path, core in cores.items() if core.above}
    for path, own in nodes.items():
        used = (cores[path].used if path in cores else frozenset()) | held.get(path, frozenset())
        left = {
            name: array for name, array in own.items() if name not in used and array.dtype.kind in "fc" and array.ndim
        }
        if not left:
            continue
        found = None if path in cores else _linear(path, left) or _norm(path, left)
        if isinstance(found, Linear):
            rest.linears[path] = found
        elif isinstance(found, NormWeights):
            rest.norms[path] = found
        else:
            unknown += [f"{path}.{name} {array.shape}".lstrip(".") for name, array in left.items()]
    return rest, unknown


def _linear(path: str, own: Arrays) -> Linear | None:
    weight = own.get("weight")
    if weight is None or weight.dtype.kind != "f" or set(own) - {"weight", "bias"}:
        return None
    if weight.ndim == 3 and weight.shape[2] == 1:
        weight = weight[:, :, 0]
    if weight.ndim != 2:
        return None
    bias = own.get("bias", np.zeros(len(weight)))
    return Linear(path, weight, bias) if bias.shape == (len(weight),) else None


def _norm(path: str, own: Arrays) -> NormWeights | None:
    gamma = own.get("weight", own.get("scale"))
    mean, var = own.get("running_mean", own.get("mean")), own.get("running_var", own.get("var"))
    if gamma is None and mean is not None:
        gamma = np.ones(mean.shape)
    beta = own.get("bias")
    if gamma is None or set(own) - set(_GATES) or (mean is None) != (var is None):
        return None
    if gamma.ndim != 1 or any(part is not None and part.shape != gamma.shape for part in (beta, mean, var)):
        return None
    if beta is None and mean is not None:
        beta = np.zeros(mean.shape)
    return NormWeights(path, gamma, beta, mean, var)


# --- which part belongs where -----------------------------------------------------------------------------------------


def _assigned(cores: dict[str, Recurrent], rest: _Rest, what: str) -> Stack:
    """Blocks in their order, each with its own parts; what is outside of them is encoder, decoder or a last norm."""
    order = in_order(list(cores))
    places = _layer_places(order)
    owners: dict[str, int | None] = {path: _owner(path, order, places, rest) for path in (*rest.linears, *rest.norms)}
    blocks = []
    for index, path in enumerate(order):
        linears = [
            rest.linears[name] for name in in_order([n for n, o in owners.items() if o == index and n in rest.linears])
        ]
        norms = tuple(
            rest.norms[name] for name in in_order([n for n, o in owners.items() if o == index and n in rest.norms])
        )
        inner = _layer_path(path)
        linears.sort(key=lambda linear: not linear.origin.startswith(f"{inner}."))
        blocks.append(_block(inner, cores[path], linears, norms, what))
    outside = [
        rest.linears[name] for name in in_order([n for n, o in owners.items() if o is None and n in rest.linears])
    ]
    last = tuple(rest.norms[name] for name in in_order([n for n, o in owners.items() if o is None and n in rest.norms]))
    if len(blocks) == 1 and places[order[0]] is None:
        blocks[0], outside = _single(blocks[0], outside, what)
        if not blocks[0].norms and last:
            blocks[0], last = replace(blocks[0], norms=last[:1]), last[1:]
    encoder, decoder = _ends(outside, blocks, what)
    if len(last) > 1 or any(norm.gamma.size != blocks[-1].recurrent.outputs for norm in last):
        names = ", ".join(norm.origin for norm in last)
        raise UnsupportedModelError(
            f"{what} has norms outside of its layers ({names}), of which one at most is known; {_LIVE}"
        )
    _check_widths(blocks, encoder, decoder, what)
    return Stack(tuple(blocks), encoder, decoder, last)


def _layer_path(path: str) -> str:
    """The path of the layer around a kernel."""
    parts = path.split(".")
    while len(parts) > 1 and "kernel" in parts[-1].lower():
        parts.pop()
    return ".".join(parts)


def _layer_places(order: Sequence[str]) -> dict[str, tuple[str, int] | None]:
    """The list and the number in it of each recurrence: ("layers", 0) of layers.0.ssm; None where there is no list."""
    split = [path.split(".") for path in order]
    for position in range(min(len(parts) for parts in split)):
        numbers = [parts[position] for parts in split]
        lists = {".".join(parts[:position]) for parts in split}
        if all(number.isdigit() for number in numbers) and len(set(numbers)) == len(order) and len(lists) == 1:
            return {
                path: (".".join(parts[:position]), int(parts[position]))
                for path, parts in zip(order, split, strict=True)
            }
    return dict.fromkeys(order)


def _owner(path: str, order: Sequence[str], places: dict[str, tuple[str, int] | None], rest: _Rest) -> int | None:
    """The number of the block that a part belongs to; None for what is outside of the blocks."""
    known = [place for place in places.values() if place is not None]
    if not known:
        return None
    numbers, home = [number for _, number in known], known[0][0]
    siblings = (*rest.linears, *rest.norms)
    for name, number in _lists(path):
        if name == home:
            return numbers.index(number) if number in numbers else _in_sequence(path, number, numbers, rest)
        theirs = {n for sibling in siblings for other, n in _lists(sibling) if other == name}
        ends = _FIRST.search(name) or (_FINAL.search(name) and not _inner(name))
        if number in numbers and theirs <= set(numbers) and not ends and _above(name) == _above(home):
            return numbers.index(number)
    return None


def _inner(name: str) -> bool:
    """Whether a list of the name stands beside the layers although its name could be that of an answer."""
    return bool(re.search(r"outs?$|outputs?(_linears?)?$|glus?$|mix|ff", name.rpartition(".")[2], re.IGNORECASE))


def _lists(path: str) -> Iterator[tuple[str, int]]:
    parts = path.split(".")
    for position, part in enumerate(parts):
        if part.isdigit():
            yield ".".join(parts[:position]), int(part)


def _in_sequence(path: str, number: int, numbers: Sequence[int], rest: _Rest) -> int | None:
    """In a plain sequence of modules, what stands behind a recurrence is its own, but for the last linear of all."""
    before = [index for index, at in enumerate(numbers) if at < number]
    if not before:
        return None
    last = in_order(list(rest.linears))[-1] if rest.linears else ""
    return None if path == last and before[-1] == len(numbers) - 1 else before[-1]


def _block(
    origin: str, core: Recurrent, linears: list[Linear], norms: tuple[NormWeights, ...], what: str
) -> BlockWeights:
    """A block of its parts; raises UnsupportedModelError for more or other mixing than is known."""
    width, shapes = core.outputs, [linear.weight.shape for linear in linears]
    feedforward: tuple[Linear, ...] = ()
    if len(linears) >= 2 and (len(linears) == 3 or shapes[-2][0] != width):
        (hidden, first), (second, inner) = shapes[-2:]
        if first == second == width and inner == hidden:
            feedforward, linears = tuple(linears[-2:]), linears[:-2]
    shapes = [linear.weight.shape for linear in linears]
    known: tuple[list[tuple[int, ...]], ...] = (
        [],
        [(width, width)],
        [(2 * width, width)],
        [(width, width)] * 2,
        [(2 * width, width), (width, width)],
    )
    if shapes not in known or len(norms) > 2 or any(norm.gamma.size != width for norm in norms):
        told = ", ".join(f"{linear.origin} {linear.weight.shape}" for linear in linears)
        told += "".join(f", {norm.origin} {norm.gamma.shape}" for norm in norms)
        raise UnsupportedModelError(
            f"{what}: the parts {told} of layer {origin} with {width} channels fit no known block; {_LIVE}"
        )
    return BlockWeights(origin, core, tuple(linears), feedforward, norms)


def _single(block: BlockWeights, outside: list[Linear], what: str) -> tuple[BlockWeights, list[Linear]]:
    """A model of one layer without a list: square products that are named as no end are the layer's own."""
    width = block.recurrent.outputs
    inner = [
        linear
        for linear in outside
        if linear.weight.shape in ((width, width), (2 * width, width))
        and not _FIRST.search(linear.origin)
        and (linear is not outside[-1] or linear.weight.shape[0] == 2 * width)
        and (
            linear.origin.startswith(f"{block.origin}.")
            or not _FINAL.search(linear.origin)
            or linear.weight.shape[0] != width
        )
    ]
    taken = _block(block.origin, block.recurrent, [*block.mixing, *inner], block.norms, what)
    return taken, [linear for linear in outside if all(linear is not other for other in inner)]


def _ends(
    outside: list[Linear], blocks: Sequence[BlockWeights], what: str
) -> tuple[tuple[Linear, ...], tuple[Linear, ...]]:
    """Which of the products outside of the blocks come before them and which after."""
    width, after = blocks[0].recurrent.inputs, blocks[-1].recurrent.outputs
    first: list[Linear] = []
    final: list[Linear] = []
    for linear in outside:
        outputs, inputs = linear.weight.shape
        if re.search(r"embed", linear.origin, re.IGNORECASE) and outputs != width and inputs == width:
            raise UnsupportedModelError(
                f"{what}: {linear.origin} is an embedding of {outputs} tokens; a design takes numbers of a sensor"
            )
        is_first = bool(_FIRST.search(linear.origin))
        is_final = bool(_FINAL.search(linear.origin)) and not is_first
        fits_first, fits_final = outputs == width or not is_final, inputs == after or not is_first
        if is_first or (not is_final and outputs == width and inputs != after and fits_first):
            first.append(linear)
        elif is_final or (inputs == after and fits_final) or final:
            final.append(linear)
        else:
            raise UnsupportedModelError(
                f"{what}: {linear.origin} {linear.weight.shape} fits neither before nor after layers of {width} "
                f"channels; {_LIVE}"
            )
    return tuple(first), tuple(final)


def _check_widths(
    blocks: Sequence[BlockWeights], encoder: Sequence[Linear], decoder: Sequence[Linear], what: str
) -> None:
    """Every part must take what the one before it gives."""
    width = encoder[0].weight.shape[1] if encoder else blocks[0].recurrent.inputs
    chain: list[tuple[str, Any, Any]] = [(part.origin, part.weight.shape[1], part.weight.shape[0]) for part in encoder]
    chain += [(block.origin, block.recurrent.inputs, block.recurrent.outputs) for block in blocks]
    chain += [(part.origin, part.weight.shape[1], part.weight.shape[0]) for part in decoder]
    for origin, takes, gives in chain:
        if takes != width:
            raise UnsupportedModelError(f"{what}: {origin} takes {takes} channels where {width} come; {_LIVE}")
        width = gives
