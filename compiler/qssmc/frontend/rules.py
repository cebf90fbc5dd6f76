"""Rules: what functions and methods of tensors do to signals: choices, arithmetic with constants, norms, means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from qssmc.frontend.axes import (
    BATCH,
    ONE,
    STEPS,
    TIME,
    Axis,
    Extent,
    Refused,
    Signal,
    TimeSum,
    position,
    told,
)
from qssmc.frontend.choice_rules import cat, chunk, getitem, split, together
from qssmc.frontend.layout_rules import (
    dropout,
    flatten,
    matrix_transposed,
    movedim,
    permute,
    size_of,
    squeeze,
    transpose,
    unchanged,
    unflatten,
    unsqueeze,
    view,
)
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.quantiser import OnGrid, table_of
from qssmc.ir.ops import Activation, Add, Glu, LayerNorm, Mul, Offset, RMSNorm, Scale
from qssmc.ir.table import Grid, Table

# --- arithmetic -------------------------------------------------------------------------------------------------------


def both(m: OpMaker, op: Any, x: Signal, y: Signal) -> Signal:
    """A sum or product of two signals of one layout; leading axes of one element may be missing."""
    closed = together((x, y))
    wide, slim = (x, y) if len(x.axes) >= len(y.axes) else (y, x)
    extra = len(wide.axes) - len(slim.axes)
    if any(axis != ONE for axis in wide.axes[:extra]) or wide.axes[extra:] != slim.axes:
        if wide.axes[extra:] != slim.axes and len(wide.axes) == len(slim.axes) and _fit(wide.axes, slim.axes):
            x, y = _spread(m, x, y.axes), _spread(m, y, x.axes)
            return Signal(m.add(op, op.mnemonic, x.name, y.name), x.axes, closed)
        if m.b.type(x.name) == m.b.type(y.name) or _kinds(x) != _kinds(y) or len(x.channels) > 1:
            raise Refused(f"{op.mnemonic} of {told(x.axes)} and {told(y.axes)}; bring both into one layout")
    return Signal(m.add(op, op.mnemonic, x.name, y.name), wide.axes, closed)


def _kinds(x: Signal) -> list[str]:
    return [axis.kind for axis in x.axes]


def _fit(a: Sequence[Axis], b: Sequence[Axis]) -> bool:
    """Whether two layouts differ only where one of them has one channel, or an axis of 1."""
    return all(p == q or _single(p) or _single(q) for p, q in zip(a, b, strict=True)) and all(
        {p.kind, q.kind} <= {"channel", "one"} or p == q for p, q in zip(a, b, strict=True)
    )


def _single(axis: Axis) -> bool:
    return axis == ONE or (axis.kind == "channel" and axis.extent == 1)


def _spread(m: OpMaker, x: Signal, other: Sequence[Axis]) -> Signal:
    """A signal repeated along the channels that another has and it has not."""
    axes = [q if _single(p) and not _single(q) else p for p, q in zip(x.axes, other, strict=True)]
    if tuple(axes) == x.axes:
        return x
    small = [axis.extent for axis in x.axes if axis.kind == "channel"]
    grid = np.arange(int(np.prod(small, dtype=int))).reshape([a.extent if a.kind == "channel" else 1 for a in x.axes])
    indices = np.broadcast_to(grid, [a.extent if a.kind == "channel" else 1 for a in axes]).ravel()
    weight = np.zeros((len(indices), grid.size))
    weight[np.arange(len(indices)), indices] = 1.0
    return m.matvec(x, weight, None, axes)


def spread_constant(x: Signal, constant: Any) -> NDArray[np.float64]:
    """A constant as a scalar, or one number an element of a signal."""
    constant = constant.tensor if isinstance(constant, OnGrid) else constant
    if not isinstance(constant, (torch.Tensor, bool, int, float)):
        what = "a length" if isinstance(constant, Extent) else f"{type(constant).__name__}"
        raise Refused(f"arithmetic with {what}; a design knows no length, and a mean over time is x.mean(1)")
    if isinstance(constant, torch.Tensor):
        if constant.is_complex():
            raise Refused("a complex constant; a design computes with real values between its layers")
        array = constant.detach().cpu().double().numpy()
    else:
        array = np.asarray(float(constant))
    if array.ndim > len(x.axes):
        raise Refused(f"a constant of shape {array.shape} beside {told(x.axes)}")
    if array.size == 1:
        return np.asarray(array.reshape(()))
    shape = [axis.extent if axis.kind == "channel" else 1 for axis in x.axes]
    lined = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if any(n not in (1, extent) for n, extent in zip(lined.shape, shape, strict=True)):
        raise Refused(f"a constant of shape {array.shape} beside {told(x.axes)}; it may differ between channels alone")
    return np.asarray(np.broadcast_to(lined, shape).reshape(-1))


def offset(m: OpMaker, x: Signal, constant: Any) -> Signal:
    """x + constant."""
    value = np.broadcast_to(spread_constant(x, constant), (m.extent(x),))
    return replace(x, name=m.add(Offset(value=Table.real(value)), "offset", x.name))


def scaled(m: OpMaker, x: Signal, constant: Any) -> Signal:
    """x * constant."""
    if isinstance(constant, OnGrid):
        grid = constant.table.grid
        assert grid is not None
        factor, scale = (
            spread_constant(x, torch.from_numpy(np.array(values))) for values in (constant.table.data, grid.scale)
        )
        table = Table.real(factor, Grid.of(scale if scale.size > 1 else scale.reshape(()), grid.width))
        return replace(x, name=m.add(Scale(factor=table), "scale", x.name))
    return replace(x, name=m.add(Scale(factor=Table.real(spread_constant(x, constant))), "scale", x.name))


def _add(m: OpMaker, x: Any, y: Any, alpha: Any = 1) -> Any:
    if alpha != 1:
        y = _mul(m, y, alpha) if isinstance(y, Signal) else _constant(y, lambda value: alpha * value)
    if isinstance(x, Signal) and isinstance(y, Signal):
        return both(m, Add(), x, y)
    return offset(m, x, y) if isinstance(x, Signal) else offset(m, y, x)


def _mul(m: OpMaker, x: Any, y: Any) -> Any:
    if isinstance(x, Extent) and isinstance(y, Extent) and {x.axis, y.axis} == {BATCH, TIME}:
        return Extent(STEPS)
    if isinstance(x, Signal) and isinstance(y, Signal):
        return both(m, Mul(), x, y)
    return scaled(m, x, y) if isinstance(x, Signal) else scaled(m, y, x)


def _sub(m: OpMaker, x: Any, y: Any, alpha: Any = 1) -> Any:
    if alpha != 1:
        y = _mul(m, y, alpha) if isinstance(y, Signal) else _constant(y, lambda value: alpha * value)
    if isinstance(y, Signal):
        return _add(m, scaled(m, y, -1.0), x)
    return offset(m, x, _constant(y, lambda value: -value))


def _rsub(m: OpMaker, x: Any, y: Any) -> Any:
    return _sub(m, y, x)


def _neg(m: OpMaker, x: Signal) -> Signal:
    return scaled(m, x, -1.0)


def _div(m: OpMaker, x: Any, y: Any) -> Any:
    if isinstance(x, TimeSum):
        if y == Extent(TIME):
            return Signal(m.mean(x.signal), x.axes, closed=True)
        raise Refused("a sum over time grows without bound; divide it by x.shape[1], or take x.mean(1)")
    if isinstance(y, Signal):
        raise Refused("a division by a value of the input; divide by constants, or normalise by torch.nn.LayerNorm")
    if isinstance(y, Extent):
        raise Refused("a division by a length that no design knows; a mean over time is x.mean(1)")
    return scaled(m, x, _constant(y, lambda value: 1.0 / value))


def _constant(value: Any, change: Callable[[Any], Any]) -> Any:
    try:
        return change(value)
    except (ZeroDivisionError, TypeError) as error:
        raise Refused(f"arithmetic with {value}: {error}") from error


def _pow(m: OpMaker, x: Signal, exponent: Any) -> Signal:
    if exponent != 2:
        raise Refused(f"a power of {exponent}; of powers, x ** 2 alone has a form")
    return both(m, Mul(), x, x)


def _linear(m: OpMaker, x: Signal, weight: Any, bias: Any = None) -> Signal:
    """F.linear with constant weights."""
    if (
        not isinstance(weight, (torch.Tensor, OnGrid))
        or not x.axes
        or x.axes[-1].kind != "channel"
        or len(x.channels) != 1
    ):
        raise Refused(f"linear of {told(x.axes)}; channels must be the last axis and the weights constant")
    axes = (*x.axes[:-1], Axis("channel", len(weight)))
    return m.matvec(x, table_of(weight), None if bias is None else _array(bias), axes)


def _matmul(m: OpMaker, x: Any, y: Any) -> Signal:
    if isinstance(x, Signal) and isinstance(y, (torch.Tensor, OnGrid)) and y.ndim == 2:
        return _linear(m, x, y.T)
    raise Refused("a product of two values of the input, or from the left; mix channels by torch.nn.Linear")


def _array(tensor: torch.Tensor | OnGrid) -> NDArray[np.float64]:
    tensor = tensor.tensor if isinstance(tensor, OnGrid) else tensor
    return np.asarray(tensor.detach().cpu().double().numpy())


# --- functions of torch.nn.functional ---------------------------------------------------------------------------------


def _glu(m: OpMaker, x: Signal, dim: int = -1) -> Signal:
    at = position(dim, len(x.axes))
    if x.axes[at].kind != "channel" or x.axes[at].extent % 2:
        raise Refused(f"glu along {told(x.axes[at : at + 1])}; GLU must split the channels, an even number")
    axes = list(x.axes)
    axes[at] = Axis("channel", x.axes[at].extent // 2)
    if at != x.channels[0]:
        first, second = split(m, x, x.axes[at].extent // 2, at)
        gate = m.add(Activation(kind="sigmoid"), "gate", second.name)
        return replace(first, name=m.add(Mul(), "glu", first.name, gate))
    return replace(x, name=m.add(Glu(), "glu", x.name), axes=tuple(axes))


def _layer_norm(
    m: OpMaker, x: Signal, normalized_shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Signal:
    width = _normed(m, x, normalized_shape)
    gamma = np.ones(width) if weight is None else _array(weight)
    beta = np.zeros(width) if bias is None else _array(bias)
    norm = LayerNorm(gamma=Table.real(gamma.ravel()), beta=Table.real(beta.ravel()), eps=float(eps))
    return replace(x, name=m.add(norm, "layernorm", x.name))


def _rms_norm(m: OpMaker, x: Signal, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Signal:
    width = _normed(m, x, normalized_shape)
    gamma = np.ones(width) if weight is None else _array(weight)
    epsilon = torch.finfo(torch.float64).eps if eps is None else float(eps)
    return replace(x, name=m.add(RMSNorm(gamma=Table.real(gamma.ravel()), eps=epsilon), "rmsnorm", x.name))


def _normed(m: OpMaker, x: Signal, shape: Any) -> int:
    wanted = list(shape) if isinstance(shape, (list, tuple)) else [shape]
    if [axis.extent for axis in x.axes[-len(wanted) :]] != wanted or len(wanted) != len(x.channels):
        raise Refused(f"a norm over {tuple(wanted)} of {told(x.axes)}; it must cover the channels of one step")
    return m.extent(x)


# --- time -------------------------------------------------------------------------------------------------------------

_MEAN = "a mean must be over time, x.mean(1), with no other option"


def _mean(m: OpMaker, x: Signal, dim: Any = None, keepdim: bool = False, **options: Any) -> Signal:
    options.pop("dtype", None)
    places = sorted(
        position(axis, len(x.axes)) for axis in (dim if isinstance(dim, (list, tuple)) else (dim,)) if axis is not None
    )
    if x.closed:
        raise Refused("the mean over time of a mean over time; take it once")
    if options or len(places) != 1 or x.axes[places[0]] != TIME:
        raise Refused(f"mean; {_MEAN}")
    return Signal(m.mean(x), _without(x.axes, places[0], keepdim), closed=True)


def _sum(m: OpMaker, x: Signal, dim: Any = None, keepdim: bool = False) -> TimeSum:
    places = [
        position(axis, len(x.axes)) for axis in (dim if isinstance(dim, (list, tuple)) else (dim,)) if axis is not None
    ]
    if len(places) != 1 or x.axes[places[0]] != TIME or x.closed:
        raise Refused("sum; a sum over time grows without bound; take the mean over time, x.mean(1), before the answer")
    return TimeSum(x, _without(x.axes, places[0], keepdim))


def _without(axes: tuple[Axis, ...], at: int, keep: bool) -> tuple[Axis, ...]:
    return (*axes[:at], *((ONE,) if keep else ()), *axes[at + 1 :])


RULES: Mapping[str, Callable[..., Any]] = {
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), transpose),
    **dict.fromkeys(("permute",), permute),
    **dict.fromkeys(("mT", "t"), matrix_transposed),
    **dict.fromkeys(("movedim", "moveaxis"), movedim),
    **dict.fromkeys(("view", "reshape"), view),
    **dict.fromkeys(
        ("contiguous", "clone", "detach", "double", "float", "half", "bfloat16", "type_as", "to", "cpu"), unchanged
    ),
    "flatten": flatten,
    "unflatten": unflatten,
    "unsqueeze": unsqueeze,
    "squeeze": squeeze,
    **dict.fromkeys(("dropout", "dropout1d"), dropout),
    "size": size_of,
    **dict.fromkeys(("dim", "ndimension"), lambda m, x: len(x.axes)),
    "getitem": getitem,
    "chunk": chunk,
    "split": split,
    **dict.fromkeys(("cat", "concat", "concatenate"), cat),
    **dict.fromkeys(("add", "iadd"), _add),
    **dict.fromkeys(("mul", "imul", "multiply"), _mul),
    **dict.fromkeys(("sub", "isub", "subtract"), _sub),
    "rsub": _rsub,
    "neg": _neg,
    **dict.fromkeys(("truediv", "itruediv", "div", "divide"), _div),
    "pow": _pow,
    "square": lambda m, x: both(m, Mul(), x, x),
    "linear": _linear,
    "matmul": _matmul,
    "glu": _glu,
    "layer_norm": _layer_norm,
    "rms_norm": _rms_norm,
    "mean": _mean,
    "sum": _sum,
}
