"""ONNX Runtime engines: the step with IO binding, and whole sequences as one session call."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.engines.engine import Array, Engine, one_by_one
from benchmarks.engines.onnx_graphs import CARRIED, carried_shapes, recurrence_graph, scan_graph, step_graph
from benchmarks.engines.parameters import Parameters
from qssmc.errors import ToolError


def onnx_step(p: Parameters) -> Engine:
    """One session call a sample; two bindings take turns, so that the carried values are never copied."""
    onnxruntime, session = _runtime(), _session(step_graph(p))
    sample = np.zeros((1, p.d_input), np.float32)
    sides = [[np.zeros(shape, np.float32) for shape in carried_shapes(p)] for _ in range(2)]
    # On the CPU an OrtValue is a view of the numpy array, so writing the array is all that a new sample costs.
    make = onnxruntime.OrtValue.ortvalue_from_numpy
    sample_value, side_values = make(sample), [[make(array) for array in side] for side in sides]
    bindings = []
    for source, target in ((0, 1), (1, 0)):
        binding = session.io_binding()
        binding.bind_ortvalue_input("u", sample_value)
        for name, before, after in zip(CARRIED, side_values[source], side_values[target], strict=True):
            binding.bind_ortvalue_input(name, before)
            binding.bind_ortvalue_output(name + "_next", after)
        bindings.append(binding)

    def run(samples: Array) -> Array:
        for array in sides[0]:
            array.fill(0.0)
        call = session.run_with_iobinding
        for t, u in enumerate(samples):
            sample[0] = u
            call(bindings[t & 1])
        mean: Array = sides[len(samples) & 1][2][0] / np.float32(len(samples))
        return p.decoder_weight @ mean + p.decoder_bias

    return Engine("ONNX Runtime step, IO binding", one_by_one(run))


def onnx_scan(p: Parameters) -> Engine:
    """One session call a sequence, every step as in streaming."""
    return _sequence("ONNX Runtime Scan", _session(scan_graph(p)))


def onnx_recurrence(p: Parameters) -> Engine:
    """One session call a sequence, the dense layers over all samples at once: the fastest form, but no streaming."""
    return _sequence("ONNX Runtime Scan, dense layers outside (not streaming)", _session(recurrence_graph(p)))


def _sequence(name: str, session: Any) -> Engine:
    return Engine(name, one_by_one(lambda samples: session.run(None, {"samples": samples})[0][0]))


def _session(model: Any) -> Any:
    onnxruntime = _runtime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    # Level 3 shows errors alone: the warning that unused initialisers are dropped says nothing to the reader.
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _runtime() -> Any:
    try:
        import onnxruntime  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolError("the ONNX Runtime engines need onnxruntime: pip install 'qssmc[bench]'") from error
    return onnxruntime
