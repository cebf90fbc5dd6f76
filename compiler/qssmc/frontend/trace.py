"""Trace: torch.fx over a module, then each call into IR ops that remember the path they come from."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import fx, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.handlers import MODULES, SUPPORTED_MODULES, function_op
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, TypeFault
from qssmc.ir.types import Type
from qssmc.ir.verify import verify


def trace(module: nn.Module, d_input: int, name: str = "model") -> Graph:
    """The float IR of a module that maps (batch, length, d_input) to per-step or pooled answers.

    The module is put into evaluation mode. Raises UnsupportedModelError once, listing every module and function that
    has no IR form.
    """
    _check_finite(module)
    if type(module) in MODULES:
        module = nn.Sequential(module)  # fx looks into the root, so what has a handler must not be the root
    calls = _fx_graph(module.eval())
    faults = [fault for call in calls.nodes if (fault := _unsupported(call, module))]
    if faults:
        taken = ", ".join(SUPPORTED_MODULES)
        raise UnsupportedModelError(f"the model has parts without an IR form: {'; '.join(faults)}. Supported: {taken}")
    return _Translation(module, calls, Builder(name, "float"), d_input).graph()


class _Tracer(fx.Tracer):
    """Sees every module with a handler as one call."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return type(m) in MODULES or super().is_leaf_module(m, module_qualified_name)


def _fx_graph(module: nn.Module) -> fx.Graph:
    try:
        return _Tracer().trace(module)
    except Exception as error:  # torch.fx runs the user's forward, so anything can come out of it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UnsupportedModelError(
            f"{type(module).__name__} cannot be traced by torch.fx ({reason}); "
            "its forward must not branch or loop on the values or shapes of tensors"
        ) from error


def _check_finite(module: nn.Module) -> None:
    faults = [
        f"{path} has {int((~torch.isfinite(tensor)).sum())} values that are NaN or infinite"
        for path, tensor in module.state_dict().items()
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())
    ]
    if faults:
        raise UnsupportedModelError("the model cannot be compiled: " + "; ".join(faults))


def _unsupported(call: fx.Node, root: nn.Module) -> str | None:
    if call.op in ("placeholder", "output"):
        return None
    plain = all(isinstance(argument, fx.Node) for argument in call.args)
    if call.op == "call_module":
        target = root.get_submodule(str(call.target))
        if type(target) not in MODULES:
            return f"{call.target} ({type(target).__module__}.{type(target).__name__})"
        single = plain and len(call.args) == 1 and not call.kwargs
        return None if single else f"{call.target} (called with anything but one tensor, by position)"
    where = _owner(call) or "forward"
    what = getattr(call.target, "__name__", str(call.target))
    if call.op == "call_function" and function_op(call.target, {}):
        known = plain and function_op(call.target, call.kwargs)
        return None if known else f"{where} ({what} with arguments that are not tensors, or with options)"
    return f"{where} ({call.op.replace('_', ' ')} {what})"


def _owner(call: fx.Node) -> str:
    """Path of the module in whose forward a call stands; empty for the root."""
    stack: Any = call.meta.get("nn_module_stack") or {}
    paths = [str(entry[0]) for entry in stack.values()]
    return paths[-1] if paths else ""


class _Translation:
    """One walk over the calls; `values` maps each call to the IR value that it became."""

    def __init__(self, module: nn.Module, calls: fx.Graph, builder: Builder, d_input: int) -> None:
        self.module, self.calls, self.builder, self.d_input = module, calls, builder, d_input
        self.values: dict[fx.Node, str] = {}

    def graph(self) -> Graph:
        """The finished float graph."""
        for call in self.calls.nodes:
            try:
                self._translate(call)
            except TypeFault as fault:
                where = str(call.target) if call.op == "call_module" else _owner(call) or "forward"
                raise UnsupportedModelError(f"the parts of the model do not fit together, {where}: {fault}") from fault
        return verify(self.builder.graph())

    def _translate(self, call: fx.Node) -> None:
        if call.op == "placeholder":
            if self.values:
                raise UnsupportedModelError(f"the model must take one input, but it takes {call.name} too")
            self.values[call] = self.builder.input("u", Type((self.d_input,)), "input")
        elif call.op == "output":
            self._output(call.args[0])
        elif call.op == "call_module":
            path = str(call.target)
            handler = MODULES[type(self.module.get_submodule(path))]
            stem = self.builder.fresh(_identifier(path))
            operand = self._operand(call.args[0])
            self.values[call] = handler(self.builder, self.module.get_submodule(path), stem, operand, path)
        else:
            op = function_op(call.target, call.kwargs)
            assert op is not None, "calls without an IR form are reported before the translation"
            operands = [self._operand(argument) for argument in call.args]
            origin = _owner(call)
            stem = self.builder.fresh(_identifier(f"{origin}_{op.mnemonic}"))
            self.values[call] = self.builder.add(op, stem, *operands, origin=origin)

    def _operand(self, argument: Any) -> str:
        return self.values[argument]

    def _output(self, result: Any) -> None:
        if not isinstance(result, fx.Node):
            raise UnsupportedModelError("the model must return one tensor")
        value = self.values[result]
        graph = self.builder.graph()
        pooled = not any(isinstance(graph[name], Input) for name in graph.needed([value]))
        self.builder.output("y", value, "last" if pooled else "step")


def _identifier(path: str) -> str:
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path).strip("_")
    return name if name[:1].isalpha() else f"m{name}"
