"""Rule table: the rule of a call, whatever file it stands in."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from qssmc.frontend.axes import Signal
from qssmc.frontend.choice_rules import getitem
from qssmc.frontend.convolution_rules import conv1d, convolution
from qssmc.frontend.einops_rules import EINOPS
from qssmc.frontend.mixing_rules import LAYOUT_MODULES, MIXING
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.padding_rules import PAST_MODULES, pad
from qssmc.frontend.piecewise_rules import PIECEWISE, PIECEWISE_MODULES
from qssmc.frontend.rules import RULES

_OF_TORCH = ("torch", "_operator", "operator", "builtins")
_RULES: Mapping[str, Callable[..., Any]] = {**RULES, **MIXING, **PIECEWISE, "pad": pad, "conv1d": conv1d}
# Modules that are a rule with the module's own numbers.
MODULE_RULES: Mapping[type[nn.Module], Callable[[OpMaker, Any, Signal], Signal]] = {
    **PIECEWISE_MODULES,
    **LAYOUT_MODULES,
    **PAST_MODULES,
}


def module_rule(module: nn.Module) -> Callable[[OpMaker, Any, Signal], Signal] | None:
    """The rule of a module; of a convolution, where it has several taps."""
    if type(module) is nn.Conv1d:
        return convolution if module.kernel_size != (1,) else None
    return MODULE_RULES.get(type(module))


def rule_of(op: str, target: Any) -> Callable[..., Any] | None:
    """The rule of a call, by the name of the function or method; functions that are not torch's have none."""
    if op == "call_method":
        return _RULES.get(str(target))
    home = str(getattr(target, "__module__", None) or "torch").partition(".")[0]
    if home == "einops":
        return EINOPS.get(getattr(target, "__name__", ""))
    if target is operator.getitem:
        return getitem
    return _RULES.get(getattr(target, "__name__", "")) if home in _OF_TORCH else None
