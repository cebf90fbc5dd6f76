"""Calls: what a module does to its input, by torch.fx, each call with the place in the user's code that makes it."""

from __future__ import annotations

import inspect
import operator
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

import torch
from torch import fx, nn

from qssmc.errors import UnsupportedModelError
from qssmc.frontend.einops_rules import functions as einops_functions
from qssmc.frontend.einops_rules import is_einops
from qssmc.frontend.handlers import MODULES
from qssmc.frontend.layers import handler_of
from qssmc.frontend.quantised import ConstantsOnGrid, is_of_quantisation, named_as_functions
from qssmc.frontend.written_out import joined

_TORCH = str(Path(torch.__file__).parent)
_HERE = str(Path(__file__).parent)
_PLAIN = (bool, int, float, str, type(None))  # defaults that torch.fx can take as they are
_PLACE = "qssmc.place"


@dataclass(frozen=True)
class CallPlace:
    """A line of the user's code."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{Path(self.file).name}, line {self.line}"


def calls_of(module: nn.Module, leaves: Sequence[nn.Module] = ()) -> fx.Graph:
    """The calls of a forward of one tensor; other arguments take their defaults.

    Modules with a handler, and the leaves, are one call.

    Raises UnsupportedModelError, with the line, where the forward does more than calls.
    """
    layers = {id(part) for part in module.modules() if handler_of(part) is not None}
    tracer = _PlacedTracer(layers | {id(part) for part in leaves})
    try:
        with ConstantsOnGrid():
            calls = tracer.trace(module, concrete_args=_defaults(module.forward))
    except Exception as error:  # torch.fx runs the user's forward, so anything can come out of it
        raise UnsupportedModelError(_untraceable(module, error, tracer.failed)) from error
    _drop_defaults(calls)
    named_as_functions(calls)
    joined(calls, module)
    return calls


def owner_of(call: fx.Node) -> str:
    """Path of the module in whose forward a call stands; empty for the root."""
    stack: Any = call.meta.get("nn_module_stack") or {}
    paths = [str(entry[0]) for entry in stack.values()]
    return paths[-1] if paths else ""


def where_of(call: fx.Node) -> str:
    """The path of the module that is called, or in whose forward a call stands, with the line of the user's code."""
    path = str(call.target) if call.op == "call_module" else owner_of(call) or "forward"
    place = call.meta.get(_PLACE)
    return f"{path} ({place})" if place else path


class _PlacedTracer(fx.Tracer):
    """Sees every module with a handler as one call, and notes the line that makes each call."""

    def __init__(self, layers: set[int]) -> None:
        super().__init__(autowrap_functions=einops_functions())
        self.layers = layers
        self.failed: nn.Module | None = None

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return (
            type(m) in MODULES
            or id(m) in self.layers
            or is_einops(m)
            or is_of_quantisation(m)
            or super().is_leaf_module(m, module_qualified_name)
        )

    def proxy(self, node: fx.Node) -> fx.Proxy:
        """The first argument is a tensor of three axes, which a forward may ask for."""
        first = node.op == "placeholder" and all(other.op != "placeholder" for other in _before(node))
        return _InputProxy(node, self) if first else fx.Proxy(node, self)

    def iter(self, obj: fx.Proxy) -> Iterator[fx.Proxy]:
        """The parts of a split whose number is written down can be looped over."""
        count = _parts_of(obj.node)
        return iter([operator.getitem(obj, i) for i in range(count)]) if count else super().iter(obj)

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception:
            self.failed = self.failed or m  # the innermost is left first
            raise

    def create_node(self, *args: Any, **kwargs: Any) -> fx.Node:
        node = super().create_node(*args, **kwargs)
        place = _place_of_frame(sys._getframe(1))
        if place is not None:
            node.meta[_PLACE] = place
        return node


class _InputProxy(fx.Proxy):
    """The samples, (batch, length, channels)."""

    ndim = 3

    def dim(self) -> int:
        """The number of axes."""
        return 3

    def is_floating_point(self) -> bool:
        """Samples are real."""
        return True

    def is_complex(self) -> bool:
        """Samples are real."""
        return False


def _before(node: fx.Node) -> Iterator[fx.Node]:
    for other in node.graph.nodes:
        if other is node:
            return
        yield other


def _parts_of(call: fx.Node) -> int | None:
    """How many parts a chunk or a split by sizes has."""
    name = str(getattr(call.target, "__name__", call.target))
    given = call.args[1] if len(call.args) > 1 else next((call.kwargs[k] for k in _COUNTS if k in call.kwargs), None)
    if name == "chunk" and isinstance(given, int):
        return given
    if name in ("split", "split_with_sizes") and isinstance(given, (list, tuple)):
        return len(given)
    return None


_COUNTS = ("chunks", "split_size_or_sections", "split_size", "split_sizes")


def _place_of_frame(frame: FrameType | None) -> CallPlace | None:
    """The line of the user's forward that a call comes from."""
    places = []
    while frame is not None and frame.f_code is not calls_of.__code__:
        places.append(CallPlace(frame.f_code.co_filename, frame.f_lineno))
        frame = frame.f_back
    return _users(places)


def _place_of_traceback(trace: TracebackType | None) -> CallPlace | None:
    """The line of the user's forward that an exception comes from."""
    places = []
    while trace is not None:
        places.append(CallPlace(trace.tb_frame.f_code.co_filename, trace.tb_lineno))
        trace = trace.tb_next
    return _users(places[::-1])


def _users(places: Sequence[CallPlace]) -> CallPlace | None:
    """The innermost of the places, innermost first, that a user wrote: not torch nor this, best not in a library."""
    own = [place for place in places if not place.file.startswith((_TORCH, _HERE, "<"))]
    return next((place for place in own if "site-packages" not in place.file), own[0] if own else None)


def _defaults(forward: Callable[..., Any]) -> dict[str, Any]:
    """The arguments of a forward beyond the first that have a plain default."""
    try:
        parameters = list(inspect.signature(forward).parameters.values())
    except (TypeError, ValueError):  # a forward that Python cannot look into
        return {}
    return {
        parameter.name: parameter.default
        for parameter in parameters[1:]
        if parameter.default is not inspect.Parameter.empty and isinstance(parameter.default, _PLAIN)
    }


def _drop_defaults(calls: fx.Graph) -> None:
    """Remove the arguments that took their defaults, and the assertions that torch.fx makes of them."""
    entrances = [call for call in calls.nodes if call.op == "placeholder"]
    for entrance in entrances[1:]:
        if entrance.args and _PLACE not in entrance.meta:
            _erase(calls, entrance)
        elif not entrance.users and str(entrance.target).startswith("*"):
            calls.erase_node(entrance)


def _erase(calls: fx.Graph, call: fx.Node) -> None:
    if all(_is_assertion(user) for user in call.users):
        for user in list(call.users):
            _erase(calls, user)
        calls.erase_node(call)


def _is_assertion(call: fx.Node) -> bool:
    name = getattr(call.target, "__name__", "")
    return name in ("_assert", "_assert_is_none") or (name == "eq" and all(map(_is_assertion, call.users)))


# What torch.fx and torch say, to what a user must change.
_LOOP = "branch or loop on the values or shapes of tensors; a loop over steps may stand in a registered layer alone"
_ADVICE: Mapping[str, str] = {
    "cannot be used as inputs to control flow": "branch or loop on the values or shapes of tensors; default flags",
    "cannot be iterated": _LOOP,
    "cannot be interpreted as an integer": _LOOP,
    "does not support item assignment": "assign to elements of a tensor; make a new one",
    "'len' is not supported": "ask for the length of a tensor",
    "must be real number": "turn a tensor into a Python number",
    "must be a string, a bytes-like object or a real number": "turn a length into a Python number",
    "Proxy": "branch or loop on the values or shapes of tensors, or leave torch",
}


def _untraceable(module: nn.Module, error: Exception, part: nn.Module | None) -> str:
    reason = str(error).splitlines()[0].partition(". ")[0] if str(error) else type(error).__name__
    place = _place_of_traceback(error.__traceback__)
    line = f" at {place}" if place else ""
    advice = next((advice for words, advice in _ADVICE.items() if words in str(error)), None)
    what = advice or "branch or loop on the values or shapes of tensors, or leave torch"
    layer = ""
    if part is not None and type(part).__module__.partition(".")[0] != "torch":
        layer = f"; if {type(part).__name__} is linear and time-invariant, give lti={type(part).__name__!r}"
    return (
        f"{type(module).__name__} cannot be traced by torch.fx{line} ({reason}); its forward must not {what}: "
        f"the compiled design does the same at every step{layer}"
    )
