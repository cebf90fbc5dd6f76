"""Quantised: torch's fake quantisation as casts, and the weights behind it as tables on their grids."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn
from torch.overrides import TorchFunctionMode

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.axes import Refused, Signal, Unknown
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.probing import looks_like_quantiser, probed
from qssmc.frontend.quantiser import OnGrid, Quantiser, numbers_of, place, replace_grids, whole_of, with_grid

# --- modules ----------------------------------------------------------------------------------------------------------


def _is_a(module: nn.Module, name: str) -> bool:
    """Whether a class of a name, of torch.ao or a copy of it, is among those of a module."""
    return any(base.__name__ == name for base in type(module).__mro__)


def is_fake_quantiser(module: nn.Module) -> bool:
    """Whether a module is a fake quantiser of torch.ao.quantization."""
    return _is_a(module, "FakeQuantizeBase")


def is_of_quantisation(module: nn.Module) -> bool:
    """Whether a module is a fake quantiser or an observer, into which tracing does not look."""
    return is_fake_quantiser(module) or _is_a(module, "ObserverBase") or looks_like_quantiser(module)


def quantiser_of(module: nn.Module) -> Quantiser | None:
    """The grid of a fake quantiser as its observer has left it; None of one that is switched off.

    Raises Refused for one that has seen nothing.
    """
    given: Any = module
    if not hasattr(given, "scale") or not hasattr(given, "zero_point"):
        raise Refused(f"{type(module).__name__} has no scale and zero_point; use torch.ao.quantization.FakeQuantize")
    if int(given.fake_quant_enabled[0]) == 0:
        return None
    observer = getattr(given, "activation_post_process", None)
    seen = getattr(observer, "min_val", None)
    blank = isinstance(seen, torch.Tensor) and (seen.numel() == 0 or not bool(torch.isfinite(seen).all()))
    if blank and bool((given.scale == 1.0).all()):
        raise Refused(
            f"{type(module).__name__} is not calibrated, its observer has seen nothing; run the model on data once "
            "before, or load a state dict with its scale and zero_point"
        )
    by_channel = bool(getattr(given, "is_per_channel", False))
    low, high = (int(getattr(observer if hasattr(observer, end) else given, end)) for end in ("quant_min", "quant_max"))
    return Quantiser(
        numbers_of(given.scale), whole_of(given.zero_point), low, high, given.ch_axis if by_channel else None
    )


def set_plain(part: nn.Module, name: str, value: torch.Tensor, seen: Recorded, last: nn.Module) -> None:
    """Give a module a parametrised weight as a plain one, on the grid of the quantiser that it comes out of, if any.

    last: the parametrisation that gives it.
    """
    found = seen.quantiser_of(value)
    if found is None and looks_like_quantiser(last):
        try:
            found = probed(last, value.shape, 0), value
        except Refused as refused:
            raise UnsupportedModelError(f"the {name} of {type(part).__name__}: {refused}") from refused
    if found is None:
        setattr(part, name, nn.Parameter(value))
    else:
        place(part, name, *found)


def plain_weights(module: nn.Module) -> None:
    """The modules of quantised training of torch.ao within a module as those of torch.nn; observers stand still.

    The module is a copy already.
    """
    for part in module.modules():
        replace_grids(part)
        if isinstance(part, fx.GraphModule):
            _without_guards(part)
        if is_fake_quantiser(part):
            given: Any = part
            given.disable_observer()
        if _is_a(part, "ObserverBase"):
            for end in ("min_val", "max_val"):
                value = getattr(part, end, None)
                if isinstance(value, torch.Tensor) and not bool(torch.isfinite(value).all()):
                    setattr(part, end, torch.zeros(0))
    for path, part in list(module.named_modules()):
        if isinstance(part, nn.Linear) and _is_a(part, "QuantWeightBiasInputOutputLayer"):
            _brevitas(part, path)
        fake: nn.Module | None = part._modules.get("weight_fake_quant")
        kind = next((kind for kind in (nn.Linear, nn.Conv1d) if isinstance(part, kind)), None)
        if fake is None or kind is None or not is_fake_quantiser(fake) or any("bn" in name for name in part._modules):
            continue
        relu = type(part).__name__.endswith("ReLU")
        _trained(part, fake, kind)
        if relu and path:
            hooks, part._forward_hooks = part._forward_hooks, type(part._forward_hooks)()
            both = _LinearThenReLU(part)
            both._forward_hooks = hooks
            if "activation_post_process" in part._modules:
                both.add_module("activation_post_process", part._modules.pop("activation_post_process"))
            module.set_submodule(path, both)


def _without_guards(part: fx.GraphModule) -> None:
    """Take what torch.export asserts of shapes out of an exported graph: a design has the same at every step."""
    guards = [call for call in part.graph.nodes if call.op == "call_module" and str(call.target) == "_guards_fn"]
    for call in guards:
        part.graph.erase_node(call)
    if guards:
        part.recompile()


def _brevitas(part: Any, path: str) -> None:
    """A QuantLinear of Brevitas as one of torch.nn whose weight is on its grid."""
    for what in ("input_quant", "output_quant", "bias_quant"):
        if getattr(getattr(part, what, None), "is_quant_enabled", False):
            raise UnsupportedModelError(
                f"{path}: QuantLinear with {what}; quantise values by a QuantIdentity of its own before or behind it, "
                "and leave the bias as it is"
            )
    if not part.weight_quant.is_quant_enabled:
        part.__class__ = nn.Linear
        return
    with torch.no_grad():
        found = part.quant_weight()
    bits, signed = int(found.bit_width), bool(found.signed)
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    axis = 0 if found.scale.numel() > 1 else None
    value = found.value.detach()
    part.__class__ = nn.Linear
    part._modules.clear()
    try:
        grid = Quantiser(numbers_of(found.scale).ravel(), whole_of(found.zero_point).ravel(), low, high, axis)
    except Refused as refused:
        raise UnsupportedModelError(f"{path}: {refused}") from refused
    place(part, "weight", grid, value)


class _LinearThenReLU(nn.Module):
    """What torch.ao.nn.intrinsic.qat.LinearReLU computes."""

    def __init__(self, linear: nn.Module) -> None:
        super().__init__()
        self.linear = linear

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """relu(linear(x))."""
        return torch.relu(self.linear(x))


def _trained(part: Any, fake: nn.Module, kind: type[nn.Module]) -> None:
    """A module of torch.ao.nn.qat as one of torch.nn whose weight is on its grid."""
    try:
        quantiser = quantiser_of(fake)
    except Refused as refused:
        raise UnsupportedModelError(f"the weight of {type(part).__name__}: {refused}") from refused
    weight = part.weight.detach()
    del part._modules["weight_fake_quant"]
    part.__class__ = kind
    if quantiser is None:
        part.weight = nn.Parameter(weight)
    else:
        place(part, "weight", quantiser, weight)


# --- functions --------------------------------------------------------------------------------------------------------


def _tensor(x: Any, scale: Any, zero_point: Any, quant_min: int, quant_max: int) -> Quantiser:
    return Quantiser(numbers_of(scale), whole_of(zero_point), int(quant_min), int(quant_max))


def _channel(x: Any, scale: Any, zero_point: Any, axis: int, quant_min: int, quant_max: int) -> Quantiser:
    return Quantiser(numbers_of(scale), whole_of(zero_point), int(quant_min), int(quant_max), int(axis))


def _fused(
    x: Any, observer_on: Any, fake_quant_on: Any, running_min: Any, running_max: Any, scale: Any, zero_point: Any,
    averaging_const: float, quant_min: int, quant_max: int, ch_axis: int,
    per_row_fake_quant: bool = False, symmetric_quant: bool = False,
) -> Quantiser:  # fmt: skip
    axis = int(ch_axis) if per_row_fake_quant else None
    return Quantiser(numbers_of(scale), whole_of(zero_point), int(quant_min), int(quant_max), axis)


def _tensor_levels(
    x: Any, scale: Any, zero_point: Any, quant_min: int, quant_max: int, dtype: Any = None, **options: Any
) -> Quantiser:
    return Quantiser(numbers_of(scale), whole_of(zero_point), int(quant_min), int(quant_max))


def _channel_levels(
    x: Any, scales: Any, zero_points: Any, axis: int, quant_min: int, quant_max: int, dtype: Any = None, **options: Any
) -> Quantiser:
    zero_points = torch.zeros(len(scales)) if zero_points is None else zero_points
    return Quantiser(numbers_of(scales), whole_of(zero_points), int(quant_min), int(quant_max), int(axis))


_FUNCTIONS: Mapping[str, Callable[..., Quantiser]] = {
    "fake_quantize_per_tensor_affine": _tensor,
    "fake_quantize_per_channel_affine": _channel,
    "fused_moving_avg_obs_fake_quant": _fused,
}


_LEVELS: Mapping[str, Callable[..., Quantiser]] = {
    **dict.fromkeys(("quantize_per_tensor", "dequantize_per_tensor"), _tensor_levels),
    **dict.fromkeys(("quantize_per_channel", "dequantize_per_channel"), _channel_levels),
}
_AT_RUN_TIME = ("choose_qparams", "per_token", "quantize_dynamic", "quantize_per_tensor_dynamic")
_PACKED = ("int4", "pack", "qlinear", "quantized.")


@dataclass(frozen=True)
class BetweenPair:
    """A value between quantise and dequantise: the integers of a quantiser."""

    value: Signal | OnGrid
    quantiser: Quantiser


def _name(call: fx.Node) -> str:
    """The name of a function, without its overload."""
    return str(getattr(call.target, "__name__", call.target)).partition(".")[0]


def named_as_functions(calls: fx.Graph) -> None:
    """The operators of an exported graph, torch.ops.aten, as the functions and methods that people write."""
    for call in calls.nodes:
        if not isinstance(call.target, torch._ops.OpOverload) or call.target.namespace != "aten":
            continue
        name = _name(call)
        for home in (nn.functional, torch):
            if callable(found := getattr(home, name, None)):
                call.target = found
                break
        else:
            if hasattr(torch.Tensor, name):
                call.op, call.target = "call_method", name


def quantised_call(m: OpMaker, call: fx.Node, root: nn.Module, args: Any, kwargs: Any) -> Any:
    """What a call of a fake quantiser gives, a module or a function; None of every other call."""
    if call.op == "call_module":
        module = root.get_submodule(str(call.target))
        if is_fake_quantiser(module):
            return _behind(m, args[0], quantiser_of(module))
        if looks_like_quantiser(module) and args:
            return _behind(m, args[0], _probed(module, args[0]))
        if _is_a(module, "ObserverBase"):
            raise Refused(
                f"{type(module).__name__} watches and rounds nothing; use FakeQuantize (prepare_qat), or leave it out"
            )
        if type(module).__module__.startswith(("torch.ao.nn.quantized", "torchao")):
            raise Refused(f"{type(module).__name__} is converted already; give the model before convert, {_TRAINED}")
        return None
    name = _name(call)
    if (name in _FUNCTIONS or name in _LEVELS) and any(isinstance(part, Unknown) for part in (*args, *kwargs.values())):
        return Unknown()
    if name in _FUNCTIONS:
        quantiser = _FUNCTIONS[name](*args, **kwargs)
        return _behind(m, args[0] if args else kwargs["input"], quantiser)
    if name in _LEVELS and getattr(call.target, "namespace", "quantized_decomposed") == "quantized_decomposed":
        quantiser = _LEVELS[name](*args, **kwargs)
        return _levels(m, name, args[0] if args else kwargs["input"], quantiser)
    if any(word in str(call.target) for word in _AT_RUN_TIME) and call.op == "call_function":
        raise Refused(f"{name} quantises with scales of the moment; a design has fixed ones: {_TRAINED}")
    if call.op == "call_function" and getattr(call.target, "namespace", "") in ("quantized", "torchao"):
        raise Refused(f"{name} computes with packed weights; give the model before convert, {_TRAINED}")
    if any(isinstance(part, BetweenPair) for part in (*args, *kwargs.values())):
        raise Refused(f"{name} of integers between quantise and dequantise; dequantise before it")
    return None


_TRAINED = "with fake quantisers of fixed scales (torch.ao.quantization.FakeQuantize, torch.fake_quantize_*)"


def _levels(m: OpMaker, name: str, x: Any, quantiser: Quantiser) -> Any:
    """One of a pair: quantise keeps the value and the grid, dequantise gives it, on the same grid."""
    if name.startswith("quantize"):
        found = _behind(m, x, quantiser)
        return BetweenPair(found, quantiser) if isinstance(found, (Signal, OnGrid)) else found
    if isinstance(x, BetweenPair):
        if not x.quantiser.is_like(quantiser):
            raise Refused(f"{name} with another scale or zero point than the quantise before it; give both the same")
        return x.value
    if isinstance(x, torch.Tensor):
        return OnGrid(quantiser.stored(x))
    if isinstance(x, Signal):
        raise Refused(f"{name} of real values; quantise before it")
    return x


def _behind(m: OpMaker, x: Any, quantiser: Quantiser | None) -> Any:
    """A signal or a constant behind a quantiser; what was refused before stays so."""
    if quantiser is None:
        return x
    if isinstance(x, Signal):
        return replace(x, name=m.add(quantiser.cast(x), "cast", x.name))
    if isinstance(x, OnGrid):
        return OnGrid(quantiser.table(torch.from_numpy(x.table.data.copy())))
    return OnGrid(quantiser.table(x)) if isinstance(x, torch.Tensor) else x


def _probed(module: nn.Module, x: Any) -> Quantiser | None:
    """The grid of a rounding module that is no one's known, by what it does to numbers like those it is given."""
    if isinstance(x, Signal):
        extents = {"batch": 2, "time": 3, "steps": 6, "one": 1}
        shape = [axis.extent if axis.kind == "channel" else extents[axis.kind] for axis in x.axes]
        return probed(module, shape, x.channels[0] if len(x.channels) == 1 else None)
    if isinstance(x, torch.Tensor) and x.ndim:
        return probed(module, x.shape, 0)
    return None


def has_own_hooks(module: nn.Module) -> bool:
    """Whether a module has hooks other than those of prepare_qat, which `hooked` and tracing see."""
    hooks = [getattr(hook, "__name__", "") for hook in module._forward_hooks.values()]
    return bool(module._forward_pre_hooks) or any(name != _QAT_HOOK for name in hooks)


_QAT_HOOK = "_observer_forward_hook"


def hooked(m: OpMaker, call: fx.Node, root: nn.Module, result: Any) -> Any:
    """The result of a module behind the fake quantiser that prepare_qat hung on it as a hook."""
    module = root.get_submodule(str(call.target))
    hooks = [getattr(hook, "__name__", "") for hook in module._forward_hooks.values()]
    fake = module._modules.get("activation_post_process")
    if fake is None or _QAT_HOOK not in hooks:
        return result
    if not is_fake_quantiser(fake):
        raise Refused(f"{type(fake).__name__} watches and rounds nothing; use prepare_qat, or leave it out")
    return _behind(m, result, quantiser_of(fake))


class _Watch(TorchFunctionMode):
    """Sees every call of a function that quantises."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, given = str(getattr(func, "__name__", "")).partition(".")[0], kwargs or {}
        levels = name in _LEVELS and "quantized_decomposed" in str(func)
        if name not in _FUNCTIONS and not levels:
            return func(*args, **given)
        quantiser = (_LEVELS if levels else _FUNCTIONS)[name](*args, **given)
        values = args[0] if args else given["input"]
        if name.startswith("dequantize"):
            return self.back(quantiser, values)
        made = self.seen(quantiser, values)
        return quantiser.levels(made) if levels else made

    def seen(self, quantiser: Quantiser, values: torch.Tensor) -> torch.Tensor:
        """What the quantiser makes of values."""
        raise NotImplementedError

    def back(self, quantiser: Quantiser, integers: torch.Tensor) -> torch.Tensor:
        """What integers stand for."""
        return quantiser.real(integers)


class ConstantsOnGrid(_Watch):
    """While torch.fx traces: what is computed at once, of buffers alone, remembers its grid."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if any(isinstance(part, fx.Proxy) for part in (*args, *(kwargs or {}).values())):
            return func(*args, **(kwargs or {}))
        return super().__torch_function__(func, types, args, kwargs)

    def seen(self, quantiser: Quantiser, values: torch.Tensor) -> torch.Tensor:
        return with_grid(quantiser.fake(values).to(values.dtype), quantiser)

    def back(self, quantiser: Quantiser, integers: torch.Tensor) -> torch.Tensor:
        return with_grid(quantiser.real(integers), quantiser)


class Recorded(_Watch):
    """Remembers what each fake quantiser made of what, while parametrised weights are computed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Quantiser, torch.Tensor, torch.Tensor]] = []

    def seen(self, quantiser: Quantiser, values: torch.Tensor) -> torch.Tensor:
        made = quantiser.fake(values).to(values.dtype)
        self.calls.append((quantiser, values.detach(), made))
        return made

    def quantiser_of(self, value: torch.Tensor) -> tuple[Quantiser, torch.Tensor] | None:
        """The quantiser that gave a value, and what it was given; None where something else came last."""
        for quantiser, before, made in reversed(self.calls):
            if made.shape == value.shape and torch.equal(made, value):
                return quantiser, before
        return None


class ExactQuantisation(_Watch):
    """Fake quantisation in float64: of weights with torch's own integers, of activations without float32 in between."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.constants = {tensor.data_ptr() for tensor in [*module.parameters(), *module.buffers()]}

    def seen(self, quantiser: Quantiser, values: torch.Tensor) -> torch.Tensor:
        if values.data_ptr() in self.constants:
            return torch.from_numpy(quantiser.table(values).data.copy()).to(values.dtype)
        return quantiser.exact(values).to(values.dtype)
