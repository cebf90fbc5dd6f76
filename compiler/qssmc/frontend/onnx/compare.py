"""Compare: the imported float graph against ONNX Runtime on the models that it comes from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qssmc.analysis.fixed import is_trained_quantised
from qssmc.errors import MalformedInputError, ToolError, VerificationError, brief
from qssmc.frontend.onnx.load import Imported, identifier

TOLERANCE = 1e-4
_KINDS = {"tensor(double)": np.float64, "tensor(float16)": np.float16}
RunGraph = Callable[[Any, NDArray[Any]], dict[str, NDArray[Any]]]


def compare_with_runtime(imported: Imported, samples: NDArray[np.float64], run: RunGraph) -> float:
    """The largest difference of the outputs relative to the largest output; raises VerificationError above 1e-4.

    Of a model with quantisers, the one that 99 % of the outputs keep within.
    """
    try:
        wanted = _answers(imported, samples)
    except ToolError:
        raise
    except Exception as error:  # ONNX Runtime raises many kinds, all of them of Exception alone
        raise MalformedInputError(f"{imported.step.path}: ONNX Runtime refuses this model ({brief(error)})") from error
    found = run(imported.graph, samples)
    # A quantiser turns the rounding of float32 into a whole step, where a value lies half-way but for that.
    share = 0.99 if is_trained_quantised(imported.graph) else 1.0
    worst = 0.0
    for name, values in wanted.items():
        if found[name].shape != values.shape:
            raise VerificationError(f"{name} has shape {values.shape} in ONNX Runtime, {found[name].shape} in the IR")
        apart = np.abs(found[name] - values) / max(float(np.abs(values).max()), 1e-30)
        worst = max(worst, float(np.quantile(apart, share, method="higher")))
    if not worst <= TOLERANCE:
        raise VerificationError(
            f"the float IR differs from ONNX Runtime by {worst:.2e} relative (allowed: {TOLERANCE:.0e}) "
            f"over {len(samples)} sequences; the import of this model is wrong, please report it"
        )
    return worst


def _answers(imported: Imported, samples: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolError("checking an ONNX model needs onnxruntime: pip install 'qssmc[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what it refuses is told by its exceptions
    if is_trained_quantised(imported.graph):  # its integer operators round biases and sums as the graph does not
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    step, becomes = onnxruntime.InferenceSession(str(imported.step.path), options), imported.becomes
    kinds = {i.name: _KINDS.get(i.type, np.float32) for i in step.get_inputs()}
    (sample,) = (name for name in kinds if name not in becomes)
    count = len(samples)
    batch = imported.step.layout.batch or count
    shape = imported.step.shape
    states = {s: np.zeros((-(-count // batch) * batch, *shape(s)), kinds[s]) for s in becomes}
    names = [value.name for value in step.get_outputs()]
    rows: dict[str, list[NDArray[Any]]] = {name: [] for name in names if name not in becomes.values()}
    for t in range(samples.shape[1]):
        now = samples[:, t].astype(kinds[sample]).reshape(count, *shape(sample))
        found = _run(step, names, {sample: now, **states}, batch)
        states = {name: found[output] for name, output in becomes.items()}
        for name, values in rows.items():
            values.append(found[name][:count].reshape(count, -1))
    wanted = {_name(name): np.stack(values, axis=1) for name, values in rows.items()}
    if imported.closing is not None:
        last = onnxruntime.InferenceSession(str(imported.closing.path), options)
        names = [value.name for value in last.get_outputs()]
        given = {i.name: states[i.name][:count] for i in last.get_inputs()}
        found = _run(last, names, given, imported.closing.layout.batch or count)
        wanted |= {_name(name): value[:count].reshape(count, -1) for name, value in found.items()}
    return wanted


def _run(session: Any, names: list[str], given: dict[str, NDArray[Any]], batch: int) -> dict[str, NDArray[Any]]:
    """The outputs for as many samples as there are, in runs of the model's own batch, the last filled with zeros."""
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    for start in range(0, max(len(value) for value in given.values()), batch):
        block = {name: _padded(value[start : start + batch], batch) for name, value in given.items()}
        for name, value in zip(names, session.run(names, block), strict=True):
            found[name].append(value)
    return {name: np.concatenate(values) for name, values in found.items()}


def _padded(values: NDArray[Any], batch: int) -> NDArray[Any]:
    more = np.zeros((batch - len(values), *values.shape[1:]), values.dtype)
    return values if not len(more) else np.concatenate([values, more])


def _name(output: str) -> str:
    return identifier(output.removeprefix("output:"))
