"""StepLayout: the shape of every tensor of an ONNX model for one sample, found by running it on zeros."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx.reference import ReferenceEvaluator

from qssmc.errors import UnsupportedModelError, brief

Array = NDArray[Any]
_MANY = 3  # samples at once, to see whether a model takes any number: hardly a width of its own


@dataclass(frozen=True)
class StepLayout:
    """shapes: of each tensor without the batch. batch: of the model's inputs, None if it takes any.

    at_once: samples that a run must have, None for any number. fixed: integers that follow from shapes alone.
    first: shapes with the batch, for a run of at_once samples.
    """

    shapes: Mapping[str, tuple[int, ...]]
    batch: int | None
    at_once: int | None
    fixed: Mapping[str, Array]
    first: Mapping[str, tuple[int, ...]]

    def of_run(self, name: str, samples: int) -> tuple[int, ...]:
        """The shape of a tensor in a run of so many samples."""
        return self.first[name] if self.at_once is not None else (samples, *self.shapes[name])


def layout_of(proto: Any, constants: Mapping[str, Array]) -> StepLayout:
    """Run a model on zeros. Raises UnsupportedModelError for inputs without a batch, or where nothing runs."""
    inputs = [value for value in proto.graph.input if value.name not in constants]
    batch = _batch(inputs)
    fixed, by_shape = _fixed(proto, constants)
    fault = ""
    for samples in (batch,) if batch else (_MANY, 1):
        try:
            values = _run(proto, inputs, samples)
        except UnsupportedModelError:
            raise
        except Exception as error:  # the evaluator raises what numpy raises
            fault = brief(error)
            continue
        own = {name: value.shape for name, value in values.items()}
        rows = [name for name in own if name not in fixed and name not in constants]
        leads = all(own[name][:1] == (samples,) for name in rows)
        if samples == 1 or (leads and (batch is not None or not by_shape)):
            shapes = {name: own[name][1:] if own[name][:1] == (samples,) else own[name] for name in rows}
            known = {name: values[name] for name in by_shape}
            return StepLayout(shapes, batch, samples if samples == 1 or batch else None, known, own)
        fault = "a tensor has its batch elsewhere than in the first axis"
    raise UnsupportedModelError(
        f"the step cannot be run on zeros ({fault}); export it with a free batch, or one of 1, in the first axis"
    )


def _batch(inputs: list[Any]) -> int | None:
    """The batch of the inputs, None if it is free. Raises UnsupportedModelError without one, or for two."""
    found = set()
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        if not dims or (len(dims) == 1 and dims[0].dim_value > 0):
            raise UnsupportedModelError(
                f"input {value.name} must have the shape (batch, ...), a batch and its channels"
            )
        if any(dim.dim_value <= 0 for dim in dims[1:]):
            raise UnsupportedModelError(f"input {value.name} must have the shape (batch, n) with a fixed n")
        if dims[0].dim_value > 0:
            found.add(int(dims[0].dim_value))
    if len(found) > 1:
        raise UnsupportedModelError(f"its inputs have batches of {' and '.join(map(str, sorted(found)))}; give all one")
    return found.pop() if found else None


def _run(proto: Any, inputs: list[Any], samples: int) -> dict[str, Array]:
    """All tensors for zeros of so many samples."""
    given = {}
    for value in inputs:
        shape = [samples, *(dim.dim_value for dim in value.type.tensor_type.shape.dim[1:])]
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        if sum(1 for size in shape if size > 1 << 20) or np.prod(shape, dtype=np.float64) > 1 << 26:
            raise UnsupportedModelError(f"input {value.name} has {shape} numbers, more than a step can have")
        given[value.name] = np.zeros(shape, kind)
    names = list(dict.fromkeys(name for node in proto.graph.node for name in node.output if name))
    with np.errstate(all="ignore"):
        found = dict(zip(names, ReferenceEvaluator(proto).run(names, dict(given)), strict=True)) if names else {}
    return given | {name: np.asarray(value) for name, value in found.items()}


def _fixed(proto: Any, constants: Mapping[str, Array]) -> tuple[set[str], set[str]]:
    """Tensors that no sample changes, and those of them that follow from shapes of tensors that it does change."""
    found: set[str] = set()
    by_shape: set[str] = set()
    for node in proto.graph.node:
        known = [name for name in node.input if name]
        shaped = node.op_type in ("Shape", "Size") and not all(name in constants or name in found for name in known)
        if shaped or (all(name in found or name in constants for name in known) and not random(node)):
            found |= set(node.output)
            by_shape |= set(node.output) if shaped or by_shape & set(known) else set()
    return found, by_shape


def random(node: Any) -> bool:
    """Whether an operator draws numbers."""
    return node.op_type.startswith("Random") or node.op_type in ("Bernoulli", "Multinomial")
