"""Evaluated: a copy of a module as it answers when used, without wrappers, with its weights computed."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils import parametrize

from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend.quantised import Recorded, has_own_hooks, plain_weights, set_plain


def evaluated(module: nn.Module) -> nn.Module:
    """A copy of a module in evaluation mode on the CPU; what only wraps a module is taken off.

    Raises UsageError for what is no module, UnsupportedModelError for a module without numbers or that cannot be
    copied.
    """
    if not isinstance(module, nn.Module):
        raise UsageError(f"the model must be a torch.nn.Module, not {type(module).__name__}")
    if isinstance(module, torch.jit.ScriptModule):
        raise UnsupportedModelError(
            "the model is TorchScript, which keeps no modules; give the module it was made from"
        )
    if "_modules" not in vars(module):
        raise UnsupportedModelError(
            f"{type(module).__name__} was never initialised; call super().__init__() first in its __init__"
        )
    module = _unwrapped(module)
    tensors = [*module.named_parameters(), *module.named_buffers()]
    empty = [
        name
        for name, tensor in tensors
        if tensor.is_meta or isinstance(tensor, (UninitializedParameter, UninitializedBuffer))
    ]
    if empty:
        raise UnsupportedModelError(
            f"{type(module).__name__} has no numbers in {', '.join(empty)}; load its weights, "
            "and run lazy modules once on an example"
        )
    try:
        return _plain(copy.deepcopy(module, _computed(module)).cpu().eval())
    except Exception as error:  # the user's own __deepcopy__ and __getstate__ run here
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedModelError(
            f"{type(module).__name__} cannot be copied ({reason}); keep what is no tensor or number out of it"
        ) from error


def _computed(module: nn.Module) -> dict[int, Any]:
    """A memo for deepcopy: tensors that were computed, as by weight norm, are copied as numbers."""
    attributes = [value for part in module.modules() for value in vars(part).values()]
    return {
        id(value): value.detach().clone() for value in attributes if isinstance(value, torch.Tensor) and value.grad_fn
    }


def _plain(module: nn.Module) -> nn.Module:
    """Parametrised weights as plain ones: of parametrize, of quantised training, and of the older weight norm."""
    plain_weights(module)
    for part in list(module.modules()):
        for name, child in part._modules.items():
            if child is not None and type(child).__name__ in _WRAPPERS:
                part._modules[name] = _unwrapped(child)
    for part in list(module.modules()):
        if parametrize.is_parametrized(part):
            # Not by remove_parametrizations, which changes the class, and that is the user's module's too.
            names: list[str] = list(part.parametrizations)  # type: ignore[arg-type]
            lists: Any = part.parametrizations
            last = {name: list(lists[name])[-1] for name in names}
            with Recorded() as seen:
                values = {name: getattr(part, name).detach() for name in names}
            plain = parametrize.type_before_parametrizations(part)
            del part._modules["parametrizations"]
            part.__class__ = plain
            for name, value in values.items():
                set_plain(part, name, value, seen, last[name])
        for hook in list(part._forward_pre_hooks.values()):
            if type(hook).__name__ == "WeightNorm":
                torch.nn.utils.remove_weight_norm(part, hook.name)  # type: ignore[attr-defined]
            elif type(hook).__name__ == "SpectralNorm":
                torch.nn.utils.remove_spectral_norm(part, hook.name)  # type: ignore[attr-defined]
    return module


_WRAPPERS = ("OptimizedModule", "DataParallel", "DistributedDataParallel", "FullyShardedDataParallel", "AveragedModel")


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module within DataParallel, torch.compile or an average of weights."""
    for name in ("_orig_mod", "module"):
        inner = module._modules.get(name)
        if inner is not None and type(module).__name__ in _WRAPPERS:
            return _unwrapped(inner)
    return module


def check_hooks(module: nn.Module) -> None:
    """Refuse forward hooks, which may change what a module answers and are in no forward."""
    found = [path or "the model" for path, p in module.named_modules() if has_own_hooks(p)]
    if found:
        raise UnsupportedModelError(
            f"{', '.join(found)} has forward hooks, which no design runs; remove them (handle.remove()), or write "
            "what they do into the forward"
        )


def check_finite(module: nn.Module) -> None:
    """Raise UnsupportedModelError where a weight is NaN or infinite, or a parameter has no elements."""
    nothing = [path for path, tensor in module.named_parameters() if tensor.numel() == 0]
    if nothing:
        raise UnsupportedModelError(
            f"the model cannot be compiled: {', '.join(nothing)} holds no numbers; give layers of one channel at least"
        )
    faults = [
        f"{path} has {int((~torch.isfinite(tensor)).sum())} values that are NaN or infinite"
        for path, tensor in module.state_dict().items()
        if isinstance(tensor, torch.Tensor)
        and (tensor.is_floating_point() or tensor.is_complex())
        and not bool(torch.isfinite(tensor).all())
    ]
    if faults:
        raise UnsupportedModelError("the model cannot be compiled: " + "; ".join(faults))
