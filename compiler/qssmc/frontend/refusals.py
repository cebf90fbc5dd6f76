"""Refusals: for each call that has no IR form, one clause that says what it is and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import fx, nn

from qssmc.frontend.einops_rules import is_einops
from qssmc.frontend.handlers import FUNCTIONS, METHODS, MODULES
from qssmc.frontend.layers import handler_of
from qssmc.frontend.rule_table import MODULE_RULES

_FUTURE = "it reads samples that are still to come; a streaming design knows the past alone"
_SUM = "a sum over time grows without bound; take the mean over time, x.mean(1), before the answer"
_MIX_TIME = "it mixes the steps of a sequence; only a linear recurrence and a mean over time may do that"
_RECURRENT = "its gates are no linear recurrence; use a state-space layer, such as qssmc.models.S4D"
_ANSWER = "leave it out of the model: the largest answer stays the largest without it"
_IN_PLACE = "write x = x + y instead of changing a tensor in place"
_DROPOUT = "dropout must be off in evaluation; write F.dropout(x, p, self.training) or use torch.nn.Dropout"
_NORM = "it needs statistics of other steps; use torch.nn.LayerNorm or RMSNorm over the channels, or BatchNorm1d"
_ACTIVATION = "use GELU, SiLU, ReLU, Sigmoid or Tanh, or what is below"
_TOKENS = (
    "a design reads numbers, not tokens: give one-hot samples of as many channels as there are tokens, and write "
    "x @ self.embedding.weight"
)
_COMPARE = "a design has no branches; use an activation, such as ReLU, or torch.clamp"
_COPIES = "repeat the rows of the torch.nn.Linear before it instead"
_PAST = "it looks a fixed number of steps back; keep the past in a state-space layer"
_LENGTH = "normalise by torch.nn.LayerNorm or RMSNorm over the channels"

# By the name of a function, a method or a module's class, in lower case.
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(("matmul", "bmm", "bilinear", "outer", "tensordot", "baddbmm"), "mix channels by torch.nn.Linear"),
    **dict.fromkeys(("flip", "fliplr", "roll"), _FUTURE),
    **dict.fromkeys(("cumsum", "sum", "cumprod", "logcumsumexp"), _SUM),
    **dict.fromkeys(
        (
            *("conv1d", "conv2d", "convtranspose1d", "fft", "fft_fft", "fft_rfft", "fft_ifft", "fft_irfft"),
            *("avgpool1d", "maxpool1d", "max_pool1d", "avg_pool1d", "adaptivemaxpool1d", "interpolate", "upsample"),
        ),
        _MIX_TIME,
    ),
    **dict.fromkeys(("lstm", "gru", "rnn", "lstmcell", "grucell", "rnncell"), _RECURRENT),
    **dict.fromkeys(
        ("multiheadattention", "transformerencoderlayer", "transformerencoder", "scaled_dot_product_attention"),
        _MIX_TIME,
    ),
    **dict.fromkeys(("softmax", "log_softmax", "logsoftmax", "argmax", "sort", "topk", "argsort"), _ANSWER),
    **dict.fromkeys(("dropout", "dropout1d", "alpha_dropout"), _DROPOUT),
    **dict.fromkeys(("add_", "mul_", "sub_", "div_", "relu_", "copy_", "setitem", "clamp_"), _IN_PLACE),
    **dict.fromkeys(
        ("groupnorm", "instancenorm1d", "group_norm", "instance_norm", "std", "var", "std_mean", "localresponsenorm"),
        _NORM,
    ),
    **dict.fromkeys(("normalize", "norm", "linalg_norm", "rsqrt", "sqrt", "reciprocal"), _LENGTH),
    **dict.fromkeys(("max", "amax", "min", "amin", "median"), "take the mean over time, x.mean(1), before the answer"),
    **dict.fromkeys(
        ("sin", "rrelu", "threshold", "hardshrink", "cos", "log", "log1p", "softsign", "logsigmoid", "tanhshrink"),
        _ACTIVATION,
    ),
    **dict.fromkeys(("where", "gt", "lt", "ge", "le", "eq", "ne", "masked_fill", "sign"), _COMPARE),
    **dict.fromkeys(("repeat", "expand", "tile", "repeat_interleave", "expand_as"), _COPIES),
    **dict.fromkeys(("pad", "unfold", "constantpad1d", "zeropad1d"), _PAST),
    **dict.fromkeys(
        ("round", "floor", "ceil"),
        "a quantiser that is written out has no grid to read: write "
        "torch.fake_quantize_per_tensor_affine(x, scale, zero_point, low, high), which trains as well, or "
        "put it into a module with Quantizer in its name",
    ),
    **dict.fromkeys(("linear",), "make it a torch.nn.Linear of the module"),
    **dict.fromkeys(
        ("item", "tolist", "numpy", "cpu", "cuda", "to"), "keep to tensors; the compiled design runs no Python"
    ),
    **dict.fromkeys(("size", "dim", "shape", "getattr"), "a design knows no length; a mean over time is x.mean(1)"),
    **dict.fromkeys(("rand", "randn", "randn_like", "rand_like", "bernoulli"), "a design draws no random numbers"),
    **dict.fromkeys(("embedding", "one_hot", "long", "int", "embeddingbag"), _TOKENS),
}
_RANDOM = ("rand", "randn", "randn_like", "rand_like", "bernoulli")
_OTHERWISE = "use the modules and functions below"


def never(call: fx.Node, root: nn.Module) -> str | None:
    """Why a call has no IR form whatever its operands are; None where it may have one."""
    if call.op == "call_module":
        module = root.get_submodule(str(call.target))
        taken = (
            type(module) in MODULES
            or type(module) in MODULE_RULES
            or is_einops(module)
            or handler_of(module) is not None
        )
        return None if taken else unknown_module(module)
    name = name_of(call)
    return f"{name}; {_INSTEAD[name]}" if name in _RANDOM or (_is_in_place(call) and name in _INSTEAD) else None


def unknown_module(module: nn.Module) -> str:
    """Why a module has no IR form, and what to write instead."""
    kind = type(module)
    return f"{kind.__module__}.{kind.__name__}; {_INSTEAD.get(kind.__name__.lower(), _OTHERWISE)}"


def name_of(call: fx.Node) -> str:
    """The name of what is called."""
    return str(getattr(call.target, "__name__", call.target))


def known(call: fx.Node) -> bool:
    """Whether a function or method has a handler."""
    return (FUNCTIONS.get(call.target) if call.op == "call_function" else METHODS.get(str(call.target))) is not None


def instead(call: fx.Node) -> str:
    """What to write instead of a function or method."""
    return _INSTEAD.get(name_of(call), _IN_PLACE if _is_in_place(call) else _OTHERWISE)


def _is_in_place(call: fx.Node) -> bool:
    target: Any = call.target
    return call.op == "call_method" and str(target).endswith("_") and not str(target).endswith("__")
