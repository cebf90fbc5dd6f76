"""Tracing: the calls of a torch module become IR ops that remember the path they come from."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import fx, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.answers import RunGraph
from qssmc.frontend.axes import (
    BATCH,
    TIME,
    Axis,
    Extent,
    Refused,
    Signal,
    TimeSum,
    Unknown,
    answer_axes,
    position,
    told,
)
from qssmc.frontend.calls import calls_of, owner_of, where_of
from qssmc.frontend.einops_rules import apply_module, is_einops
from qssmc.frontend.evaluated import check_finite, check_hooks, evaluated
from qssmc.frontend.handlers import MODULES, SUPPORTED_FUNCTIONS, SUPPORTED_MODULES, axes_after, one_op
from qssmc.frontend.layers import LayerHandler, handler_of
from qssmc.frontend.layers.check import accept
from qssmc.frontend.layers.declared import Declared
from qssmc.frontend.layers.identify import identified
from qssmc.frontend.op_maker import OpMaker
from qssmc.frontend.padding_rules import check_whole
from qssmc.frontend.quantised import hooked, quantised_call
from qssmc.frontend.quantiser import OnGrid, on_grid
from qssmc.frontend.refusals import instead, known, name_of, never, unknown_module
from qssmc.frontend.returned import identifier, outputs_of
from qssmc.frontend.rule_table import module_rule, rule_of
from qssmc.frontend.rules import RULES
from qssmc.ir.build import Builder
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Op, TypeFault
from qssmc.ir.types import Type
from qssmc.ir.verify import verify

_ALIASES = {"axis": "dim", "keepdims": "keepdim"}  # numpy's names, which torch takes too
_OF_SEVERAL = ("getitem", "cat", "concat", "concatenate", "stack")  # functions of several tensors


def trace(
    module: nn.Module,
    d_input: int,
    name: str = "model",
    run: RunGraph | None = None,
    say: Callable[[str], Any] = lambda sentence: None,
    declared: Declared | None = None,
) -> Graph:
    """The float IR of a module that maps (batch, length, d_input) to per-step or pooled answers.

    The module itself stays as it is: a copy of it is traced, in evaluation mode and on the CPU. run: the interpreter
    of the float IR, by which layers of the registry are compared with the live ones; say: is told which they are, and
    of a softmax that is left out; declared: which layers are linear and time-invariant. Raises UnsupportedModelError
    once, listing every module and function that has no IR form, each with its place in the user's code and what to
    write instead.
    """
    module = evaluated(module)
    check_finite(module)
    check_hooks(module)
    declared = declared or Declared()
    if type(module) in MODULES or handler_of(module) is not None or type(module).__name__ in declared.names:
        module = nn.Sequential(module)  # torch.fx looks into the root, so what has a handler must not be the root
    calls = calls_of(module, list(declared.layers(module)))
    return _Translation(module, calls, Builder(name, "float"), d_input, _ToldOf(run, say, declared)).graph()


@dataclass(frozen=True)
class _ToldOf:
    """What a caller gives beside the module: the interpreter of the float IR, and who is told what was found."""

    run: RunGraph | None
    say: Callable[[str], Any]
    declared: Declared


class _Translation:
    """One walk over the calls. values: what each call is: a signal, a length, a constant, or several of these."""

    def __init__(self, module: nn.Module, calls: fx.Graph, builder: Builder, d_input: int, told_of: _ToldOf) -> None:
        self.module, self.calls, self.builder, self.d_input = module, calls, builder, d_input
        self.told_of = told_of
        self.declared = {id(layer) for layer in told_of.declared.layers(module)}
        self.values: dict[fx.Node, Any] = {}
        self.faults: list[str] = []

    def graph(self) -> Graph:
        """The finished float graph."""
        for call in self.calls.nodes:
            try:
                self.values[call] = self._value(call)
            except Refused as refused:
                self.faults.append(f"{where_of(call)}: {refused}")
                self.values[call] = Unknown()
            except TypeFault as fault:
                self._check()
                raise UnsupportedModelError(
                    f"the parts of the model do not fit together, {where_of(call)}: {fault}"
                ) from fault
        self._check()
        if not self.builder.graph().inputs:
            raise UnsupportedModelError("the model must take one input, but its forward takes none")
        return verify(self.builder.graph())

    def _check(self) -> None:
        """Raise what was refused so far."""
        if self.faults:
            taken = ", ".join((*SUPPORTED_MODULES, *SUPPORTED_FUNCTIONS))
            raise UnsupportedModelError(
                f"the model has parts without an IR form: {'; '.join(self.faults)}. Supported: {taken}"
            )

    def _value(self, call: fx.Node) -> Any:
        if call.op == "placeholder":
            if self.builder.ops:
                raise UnsupportedModelError(
                    f"the model must take one input, but it takes {call.name.strip('*')} too; give it a default"
                )
            name = self.builder.input("u", Type((self.d_input,)), "input")
            return Signal(name, (BATCH, TIME, Axis("channel", self.d_input)))
        args: Any = fx.node.map_arg(call.args, self.values.__getitem__)
        kwargs: Any = fx.node.map_arg(call.kwargs, self.values.__getitem__)
        if call.op == "output":
            self._output(args[0])
            return None
        parts = list(_leaves((args, kwargs)))
        if call.op == "get_attr":
            return _attribute(self.module, str(call.target))
        quantised = quantised_call(OpMaker(self.builder, owner_of(call), self._stem), call, self.module, args, kwargs)
        if quantised is not None:
            return quantised
        is_declared = call.op == "call_module" and id(self.module.get_submodule(str(call.target))) in self.declared
        refusal = None if is_declared else never(call, self.module)
        if refusal is not None:
            raise Refused(refusal)
        if any(isinstance(part, Unknown) for part in parts) and not isinstance(args[0], tuple):
            told_already = call.target is getattr or call.op == "call_module"
            if not told_already and not known(call) and rule_of(call.op, call.target) is None:
                raise Refused(f"{name_of(call)}; {instead(call)}")
            return _unknown(call, parts)
        check_whole(call, self.module, parts)
        states = len(self.builder.updates)
        result = self._module(call, args, kwargs) if call.op == "call_module" else self._function(call, args, kwargs)
        if call.op == "call_module":
            result = hooked(OpMaker(self.builder, str(call.target), self._stem), call, self.module, result)
        if len(self.builder.updates) > states and any(isinstance(part, Signal) and part.closed for part in parts):
            raise Refused("a layer with states stands after the end of the sequence")
        return result

    # --- modules -----------------------------------------------------------------------------------------------------

    def _module(self, call: fx.Node, args: Any, kwargs: Any) -> Any:
        path = str(call.target)
        module = self.module.get_submodule(path)
        if id(module) in self.declared and args and isinstance(args[0], Signal):
            return self._layer(call, None, module, args, kwargs)
        rule = module_rule(module)
        if rule is not None and len(args) == 1 and isinstance(args[0], Signal) and not kwargs:
            return rule(OpMaker(self.builder, path, self._stem), module, args[0])
        handler = MODULES.get(type(module))
        if handler is None:
            if is_einops(module) and args:
                return apply_module(OpMaker(self.builder, path, self._stem), module, args[0])
            layer = handler_of(module)
            if layer is None or not args or not isinstance(args[0], Signal):
                raise Refused(unknown_module(module))
            return self._layer(call, layer, module, args, kwargs)
        if any(isinstance(part, TimeSum) for part in args):
            raise Refused("a sum over time grows without bound; take the mean over time, x.mean(1), before the answer")
        if len(args) != 1 or not isinstance(args[0], Signal) or kwargs:
            raise Refused(f"{type(module).__name__} is called with anything but one tensor; call it as module(x)")
        (x,) = args
        axes = axes_after(handler, module, x)
        if handler.axis == "end":
            return self._end(call, x, type(module).__name__, getattr(module, "dim", -1))
        value = handler.build(self.builder, module, self._stem(path), x.name, path)
        extent = self.builder.type(value).shape[0]
        if handler.axis != "any":
            axes = tuple(Axis("channel", extent) if axis.kind == "channel" else axis for axis in axes)
        if handler.ends_time and x.closed:
            raise Refused("the mean over time of a mean over time; take it once")
        return Signal(value, axes, x.closed or handler.ends_time)

    def _layer(self, call: fx.Node, handler: LayerHandler | None, module: nn.Module, args: Any, kwargs: Any) -> Any:
        x: Signal = args[0]
        if any(isinstance(part, (Signal, Extent)) for part in _leaves((args[1:], kwargs))):
            raise Refused(f"{type(module).__name__} is called with more than one value of the input")
        if self.told_of.run is None:
            raise UnsupportedModelError(
                f"{where_of(call)}: {type(module).__name__} is a layer of the registry, which is checked by running "
                "it; trace with run, the interpreter of the float IR, as qssmc.compile does"
            )
        path = str(call.target)
        extra, where = (args[1:], kwargs), where_of(call)
        if handler is None:
            way = identified(module, x.axes, extra, where, self.told_of.run, self.told_of.declared)
            found = way.what
        else:
            way = accept(handler, module, x.axes, extra, where, self.told_of.run, self.told_of.declared)
            found = f"{handler.name} ({way.what})"
        self.told_of.say(
            f"{path}: {type(module).__name__} is {found}; it differs from the live layer by "
            f"{way.error:.1e} relative, in {way.precision} (allowed: {way.allowed:.0e})"
        )
        value = way.build(self.builder, self._stem(path), x.name, path)
        y = Signal(value, answer_axes(x.axes, self.builder.type(value).shape), x.closed)
        why = f"the state of {path}, which a design keeps to itself"
        return (y, *(Unknown(why) for _ in range(way.rest - 1))) if way.rest else y

    # --- functions and methods ---------------------------------------------------------------------------------------

    def _function(self, call: fx.Node, args: Any, kwargs: Any) -> Any:
        parts = list(_leaves((args, kwargs)))
        name = name_of(call)
        if not any(isinstance(part, (Signal, Extent, TimeSum)) for part in parts):
            return _evaluated(call, args, kwargs)
        if call.target is getattr:
            return _attribute_of(OpMaker(self.builder, owner_of(call), self._stem), args[0], args[1])
        if name in ("softmax", "log_softmax"):
            return self._end(call, args[0], name, kwargs.get("dim", args[1] if len(args) > 1 else -1))
        op = one_op(call.target, call.kwargs)
        signals = [part for part in parts if isinstance(part, Signal)]
        origin = owner_of(call)
        if op is not None and len(signals) == len(args) == 1:
            return replace(signals[0], name=self._op(op, origin, signals[0].name))
        rule = rule_of(call.op, call.target)
        if rule is None:
            raise Refused(
                f"{name} with {', '.join(call.kwargs)}; {instead(call)}"
                if op is None and known(call)
                else f"{name}; {instead(call)}"
            )
        if args and isinstance(args[0], tuple) and name not in _OF_SEVERAL:
            raise Refused(
                f"{name} of what a layer returns, a tuple of {len(args[0])}; take the answer: y, _ = layer(x)"
            )
        given = {_ALIASES.get(key, key): value for key, value in kwargs.items() if key != "inplace"}
        try:
            inspect.signature(rule).bind(None, *args, **given)
        except TypeError as error:
            options = ", ".join(given) or f"{len(args)} arguments"
            raise Refused(f"{name} with {options}; give tensors alone, by position") from error
        try:
            return rule(OpMaker(self.builder, origin, self._stem), *args, **given)
        except TypeFault:
            raise
        except (TypeError, ValueError, IndexError, AttributeError) as error:
            raise Refused(f"{name}: its arguments have no IR form ({error}); {instead(call)}") from error

    def _op(self, op: Op, origin: str, *operands: str) -> str:
        return self.builder.add(op, self._stem(f"{origin}_{op.mnemonic}"), *operands, origin=origin)

    def _end(self, call: fx.Node, x: Any, name: str, dim: Any) -> Signal:
        """A softmax that nothing follows: the largest answer stays the largest, so it is left out."""
        if not isinstance(x, Signal) or any(user.op != "output" for user in call.users):
            raise Refused(f"{name}; leave it out of the model: the largest answer stays the largest without it")
        if x.axes[position(-1 if dim is None else dim, len(x.axes))].kind != "channel":
            raise Refused(f"{name} along {told(x.axes)}; it must compare the answers, its last axis")
        self.told_of.say(f"{where_of(call)}: {name} at the end is left out; the largest answer stays the largest")
        return x

    # --- output ------------------------------------------------------------------------------------------------------

    def _stem(self, path: str) -> str:
        return self.builder.fresh(identifier(path))

    def _output(self, result: Any) -> None:
        for name, signal in outputs_of(result):
            self.builder.output(name, signal.name, "last" if signal.closed else "step")


def _leaves(value: Any) -> Iterator[Any]:
    """What stands in nested tuples, lists, dictionaries and slices."""
    if isinstance(value, (tuple, list)):
        for part in value:
            yield from _leaves(part)
    elif isinstance(value, dict):
        yield from _leaves(list(value.values()))
    elif isinstance(value, slice):
        yield from _leaves([value.start, value.stop, value.step])
    else:
        yield value


def _unknown(call: fx.Node, parts: Sequence[Any]) -> Unknown:
    """What comes of a refused value; a layer's state that is computed with is refused."""
    why = next((part.why for part in parts if isinstance(part, Unknown) and part.why is not None), None)
    if why is not None:
        raise Refused(f"{name_of(call)} of {why}; leave it out")
    return Unknown()


def _attribute(module: nn.Module, path: str) -> Any:
    """A tensor of the module, in float64."""
    found: Any = module
    for name in path.split("."):
        found = getattr(found, name)
    if isinstance(found, torch.Tensor):
        found = on_grid(found)
        if isinstance(found, OnGrid):
            return found
        found = found.detach()
        return found.double() if found.is_floating_point() else found
    return found


def _attribute_of(maker: OpMaker, x: Any, name: str) -> Any:
    if isinstance(x, Signal):
        if name in ("mT", "T", "data"):
            return x if name == "data" else RULES["mT"](maker, x)
        if name == "shape":
            return RULES["size"](maker, x)
        if name == "ndim":
            return len(x.axes)
        if name in ("dtype", "device"):
            return torch.float64 if name == "dtype" else torch.device("cpu")
    raise Refused(f"the attribute {name}; a design knows no length, and computes with real values alone")


def _evaluated(call: fx.Node, args: Any, kwargs: Any) -> Any:
    """A call of constants alone, computed once."""
    target: Any = call.target
    try:
        if call.op == "call_method":
            return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)
    except Exception as error:  # torch itself runs here, on whatever the user's forward gives it
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise Refused(f"{name_of(call)} of constants fails ({reason})") from error


def without_softmax(module: nn.Module, declared: Declared | None = None) -> nn.Module:
    """The module that answers with what a softmax at its end is taken of; the module itself if there is none."""
    wrapped = nn.Sequential(module) if type(module) in MODULES else module
    try:
        calls = calls_of(wrapped, list((declared or Declared()).layers(wrapped)))
    except UnsupportedModelError:  # a forward that cannot be traced, which tracing tells
        return module
    before = len(calls.nodes)
    (answer,) = (call for call in calls.nodes if call.op == "output")
    for call in answer.all_input_nodes:
        kind = type(wrapped.get_submodule(str(call.target))) if call.op == "call_module" else None
        if kind in (nn.Softmax, nn.LogSoftmax) or name_of(call) in ("softmax", "log_softmax"):
            call.replace_all_uses_with(call.all_input_nodes[0])
            calls.erase_node(call)
    return module if len(calls.nodes) == before else fx.GraphModule(wrapped, calls)
