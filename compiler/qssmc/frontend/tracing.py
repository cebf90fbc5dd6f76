"""Tracing: the calls of a torch module become IR ops that remember the path they come from."""

from __future__ import annotations

import copy
import re
from typing import Any

import torch
from torch import fx, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend.calls import calls_of, owner_of, where_of
from qssmc.frontend.handlers import (
    MODULES,
    SUPPORTED_FUNCTIONS,
    SUPPORTED_MODULES,
    mean_over_time,
    one_op,
)
from qssmc.frontend.refusals import is_nothing, refusal
from qssmc.frontend.time_axis import is_mean_over_time
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import TypeFault
from qssmc.ir.types import Type
from qssmc.ir.verify import verify


def trace(module: nn.Module, d_input: int, name: str = "model") -> Graph:
    """The float IR of a module that maps (batch, length, d_input) to per-step or pooled answers.

    The module itself stays as it is: a copy of it is traced, in evaluation mode and on the CPU. Raises
    UnsupportedModelError once, listing every module and function that has no IR form, each with its place in the
    user's code and what to write instead.
    """
    module = evaluated(module)
    _check_finite(module)
    if type(module) in MODULES:
        module = nn.Sequential(module)  # torch.fx looks into the root, so what has a handler must not be the root
    calls = calls_of(module)
    faults = [fault for call in calls.nodes if (fault := refusal(call, module))]
    if faults:
        taken = ", ".join((*SUPPORTED_MODULES, *SUPPORTED_FUNCTIONS))
        raise UnsupportedModelError(f"the model has parts without an IR form: {'; '.join(faults)}. Supported: {taken}")
    return _Translation(module, calls, Builder(name, "float"), d_input).graph()


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
        return copy.deepcopy(module).cpu().eval()
    except Exception as error:  # the user's own __deepcopy__ and __getstate__ run here
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedModelError(
            f"{type(module).__name__} cannot be copied ({reason}); "
            "keep tensors that were computed out of its attributes"
        ) from error


def _unwrapped(module: nn.Module) -> nn.Module:
    """The module within DataParallel or torch.compile."""
    for name in ("_orig_mod", "module"):
        inner = module._modules.get(name)
        if inner is not None and type(module).__name__ in (
            "OptimizedModule",
            "DataParallel",
            "DistributedDataParallel",
        ):
            return _unwrapped(inner)
    return module


def _check_finite(module: nn.Module) -> None:
    faults = [
        f"{path} has {int((~torch.isfinite(tensor)).sum())} values that are NaN or infinite"
        for path, tensor in module.state_dict().items()
        if isinstance(tensor, torch.Tensor)
        and (tensor.is_floating_point() or tensor.is_complex())
        and not bool(torch.isfinite(tensor).all())
    ]
    if faults:
        raise UnsupportedModelError("the model cannot be compiled: " + "; ".join(faults))


class _Translation:
    """One walk over the calls. values: each call's IR value; closed: calls whose value comes after the last step."""

    def __init__(self, module: nn.Module, calls: fx.Graph, builder: Builder, d_input: int) -> None:
        self.module, self.calls, self.builder, self.d_input = module, calls, builder, d_input
        self.values: dict[fx.Node, str] = {}
        self.closed: set[fx.Node] = set()

    def graph(self) -> Graph:
        """The finished float graph."""
        for call in self.calls.nodes:
            try:
                self._translate(call)
            except TypeFault as fault:
                raise UnsupportedModelError(
                    f"the parts of the model do not fit together, {where_of(call)}: {fault}"
                ) from fault
        if not self.builder.graph().inputs:
            raise UnsupportedModelError("the model must take one input, but its forward takes none")
        return verify(self.builder.graph())

    def _translate(self, call: fx.Node) -> None:
        if call.op == "placeholder":
            if self.values:
                raise UnsupportedModelError(
                    f"the model must take one input, but it takes {call.name} too; give it a default"
                )
            self.values[call] = self.builder.input("u", Type((self.d_input,)), "input")
        elif call.op == "output":
            self._output(call.args[0])
        else:
            self._check_time(call)
            states = len(self.builder.updates)
            self.values[call] = self._value(call)
            ended = call.all_input_nodes[0] in self.closed
            if ended or self._ends_time(call):
                self.closed.add(call)
            if ended and len(self.builder.updates) > states:
                raise UnsupportedModelError(
                    f"{where_of(call)}: a layer with states stands after the end of the sequence"
                )

    def _value(self, call: fx.Node) -> str:
        """The IR value of a call that is neither input nor output."""
        operands = [self.values[operand] for operand in call.all_input_nodes]
        if call.op == "call_module":
            path = str(call.target)
            part = self.module.get_submodule(path)
            return MODULES[type(part)].build(self.builder, part, self._stem(path), operands[0], path)
        origin = owner_of(call)
        if is_mean_over_time(call):
            return mean_over_time(self.builder, None, self._stem(f"{origin}_mean"), operands[0], origin)
        if is_nothing(call):
            return operands[0]
        op = one_op(call.target, call.kwargs)
        assert op is not None, "calls without an IR form are reported before the translation"
        given = [self.values[argument] for argument in call.args if isinstance(argument, fx.Node)]
        return self.builder.add(op, self._stem(f"{origin}_{op.mnemonic}"), *given, origin=origin)

    def _check_time(self, call: fx.Node) -> None:
        """Values of every step and values after the last step do not meet in one call, and time ends once."""
        ended = [operand in self.closed for operand in call.all_input_nodes]
        if any(ended) and not all(ended):
            raise UnsupportedModelError(
                f"{where_of(call)}: a value of every step meets one that comes after the last step; "
                "take the mean over time of their sum instead"
            )
        if any(ended) and self._ends_time(call):
            raise UnsupportedModelError(f"{where_of(call)}: the mean over time of a mean over time; take it once")

    def _ends_time(self, call: fx.Node) -> bool:
        """Whether the value of a call comes once, after the last sample."""
        if call.op == "call_module":
            return MODULES[type(self.module.get_submodule(str(call.target)))].ends_time
        return is_mean_over_time(call)

    def _stem(self, path: str) -> str:
        return self.builder.fresh(_identifier(path))

    def _output(self, result: Any) -> None:
        if isinstance(result, (tuple, list)) and len(result) > 1 and all(part is None for part in result[1:]):
            (result, *_) = result  # (answer, state): the state is the design's own
        if not isinstance(result, fx.Node):
            raise UnsupportedModelError(
                f"the model must return one tensor, not {_kind(result)}; wrap it in a module that returns the answer"
            )
        self.builder.output("y", self.values[result], "last" if result in self.closed else "step")


def _kind(result: Any) -> str:
    if result is None:
        return "None"
    return (
        f"a {type(result).__name__.removeprefix('immutable_')} of {len(result)}"
        if hasattr(result, "__len__")
        else str(result)
    )


def _identifier(path: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path).strip("_")
    return name if name[:1].isalpha() else f"m{name}"
