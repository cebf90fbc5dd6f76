"""Refusals: for each call that has no IR form, one clause that says what it is and what to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from qssmc.frontend.calls import where_of
from qssmc.frontend.handlers import FUNCTIONS, METHODS, MODULES, one_op
from qssmc.frontend.time_axis import is_last_step, is_mean_over_time

_LAYOUT = "samples come one by one as (batch, length, channels); keep that layout in the whole forward"
_FUTURE = "it reads samples that are still to come; a streaming design knows the past alone"
_SUM = "a sum over time grows without bound; take the mean over time, x.mean(1), before the answer"
_MIX_TIME = "it mixes the steps of a sequence; only qssmc.models.S4D and a mean over time may do that"
_RECURRENT = "its gates are no linear recurrence; use qssmc.models.S4D"
_NUMBER = "write the number into the weights of the Linear before or after it"
_ANSWER = "leave it out of the model: the largest answer stays the largest without it"
_IN_PLACE = "write x = x + y instead of changing a tensor in place"
_DROPOUT = "dropout must be off in evaluation; write F.dropout(x, p, self.training) or use torch.nn.Dropout"
_NORM = "use torch.nn.LayerNorm over the channels, or qssmc.models.blocks.ChannelBatchNorm"
_ACTIVATION = "use one of the activations below"

# By the name of a function, a method or a module's class, in lower case.
_INSTEAD: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "reshape",
            "view",
            "transpose",
            "permute",
            "swapaxes",
            "movedim",
            "squeeze",
            "unsqueeze",
            "flatten",
            "unflatten",
        ),
        _LAYOUT,
    ),
    **dict.fromkeys(
        ("t", "mt", "rearrange", "einsum", "matmul", "bmm"), f"{_LAYOUT}, and mix channels by torch.nn.Linear"
    ),
    **dict.fromkeys(("flip", "fliplr", "roll"), _FUTURE),
    **dict.fromkeys(("cumsum", "sum", "cumprod", "logcumsumexp"), _SUM),
    **dict.fromkeys(
        ("conv1d", "conv2d", "fft", "rfft", "ifft", "irfft", "avgpool1d", "maxpool1d", "max_pool1d"), _MIX_TIME
    ),
    **dict.fromkeys(("lstm", "gru", "rnn", "lstmcell", "grucell", "rnncell"), _RECURRENT),
    **dict.fromkeys(("multiheadattention", "transformerencoderlayer", "scaled_dot_product_attention"), _MIX_TIME),
    **dict.fromkeys(("softmax", "log_softmax", "logsoftmax", "argmax"), _ANSWER),
    **dict.fromkeys(("dropout", "dropout1d", "alpha_dropout"), _DROPOUT),
    **dict.fromkeys(("add_", "mul_", "sub_", "div_", "relu_", "copy_", "setitem"), _IN_PLACE),
    **dict.fromkeys(("batchnorm1d", "groupnorm", "instancenorm1d", "rmsnorm", "layer_norm", "batch_norm"), _NORM),
    **dict.fromkeys(("sub", "truediv", "div", "neg", "rsub"), f"{_NUMBER}, and add"),
    **dict.fromkeys(("max", "amax", "min", "amin", "median"), "take the mean over time, x.mean(1), before the answer"),
    **dict.fromkeys(("prelu", "leakyrelu", "elu", "selu", "mish", "hardswish", "softplus", "celu"), _ACTIVATION),
    **dict.fromkeys(
        ("cat", "concat", "stack", "chunk", "split"), "use one torch.nn.Linear of all channels, or torch.nn.GLU"
    ),
    **dict.fromkeys(("linear",), "make it a torch.nn.Linear of the module"),
    **dict.fromkeys(
        ("item", "tolist", "numpy", "cpu", "cuda", "to"), "keep to tensors; the compiled design runs no Python"
    ),
    **dict.fromkeys(("size", "dim", "shape", "getattr"), "a design knows no length; a mean over time is x.mean(1)"),
    **dict.fromkeys(("rand", "randn", "randn_like", "rand_like", "bernoulli"), "a design draws no random numbers"),
    **dict.fromkeys(("embedding",), "give the model the numbers themselves, by a torch.nn.Linear"),
}
_OTHERWISE = "use the modules and functions below"


def refusal(call: fx.Node, root: nn.Module) -> str | None:
    """Why a call has no IR form, where it stands and what to write instead; None where it has one."""
    if call.op in ("placeholder", "output") or is_mean_over_time(call):
        return None
    if call.op == "call_module":
        return _of_module(call, root.get_submodule(str(call.target)))
    if call.op == "get_attr":
        return f"{where_of(call)}: reads the tensor {call.target}; put it into the weight or bias of a torch.nn.Linear"
    if is_nothing(call):
        return None
    known = FUNCTIONS.get(call.target) if call.op == "call_function" else METHODS.get(str(call.target))
    if known is None:
        return f"{where_of(call)}: {_name(call)}; {_instead(call)}"
    if not all(isinstance(argument, fx.Node) for argument in call.args):
        return f"{where_of(call)}: {_name(call)} with a number or None; {_NUMBER}"
    if one_op(call.target, call.kwargs) is None:
        options = ", ".join(call.kwargs)
        return f"{where_of(call)}: {_name(call)} with {options}; give tensors alone, by position"
    return None


def is_nothing(call: fx.Node) -> bool:
    """Whether a call gives its operand back: a change of memory layout, or a dropout that is off."""
    if call.op == "call_method":
        return call.target in ("contiguous", "clone", "detach")
    if call.target is torch.clone:
        return True
    if call.target is not nn.functional.dropout:
        return False
    on = call.kwargs.get("training", call.args[2] if len(call.args) > 2 else True)
    return on is False


def _of_module(call: fx.Node, module: nn.Module) -> str | None:
    kind = type(module)
    if kind not in MODULES:
        name = f"{kind.__module__}.{kind.__name__}"
        return f"{where_of(call)}: {name}; {_INSTEAD.get(kind.__name__.lower(), _OTHERWISE)}"
    if len(call.args) != 1 or not isinstance(call.args[0], fx.Node) or call.kwargs:
        return f"{where_of(call)}: {kind.__name__} is called with anything but one tensor; call it as module(x)"
    return None


def _name(call: fx.Node) -> str:
    return str(getattr(call.target, "__name__", call.target))


def _instead(call: fx.Node) -> str:
    name = _name(call)
    if is_last_step(call):
        return "leave x[:, -1] out: the design answers at every step, and what it answers at the last one is the same"
    if name == "getitem":
        return _LAYOUT
    if name == "mean":
        return "a mean must be over time, x.mean(1), with no other option"
    return _INSTEAD.get(name, _IN_PLACE if _is_in_place(call) else _OTHERWISE)


def _is_in_place(call: fx.Node) -> bool:
    target: Any = call.target
    return call.op == "call_method" and str(target).endswith("_") and not str(target).endswith("__")
