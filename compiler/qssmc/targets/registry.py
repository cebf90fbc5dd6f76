"""Targets: what `--target` can name, and how each one's files are made from a compiled graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from qssmc.artifact.stages import Stages
from qssmc.backends import c as c_backend
from qssmc.backends import crossbar as crossbar_backend
from qssmc.backends import hls as hls_backend
from qssmc.backends import onnx as onnx_backend
from qssmc.backends import verilog as verilog_backend
from qssmc.backends.hls import HlsOptions
from qssmc.backends.verilog import VerilogOptions
from qssmc.crossbar.options import CrossbarOptions
from qssmc.errors import UsageError
from qssmc_sim import run

ALL = "all"
ARRAYS = "crossbar"  # its golden model is the graph of the arrays, so it stands alone
Files = dict[str, bytes]


@dataclass(frozen=True)
class TargetOptions:
    """What a user may choose of single targets."""

    hls: HlsOptions = field(default_factory=HlsOptions)
    verilog: VerilogOptions = field(default_factory=VerilogOptions)
    crossbar: CrossbarOptions = field(default_factory=CrossbarOptions)


@dataclass(frozen=True)
class Target:
    """backend: the module that declares SUPPORTED; files: from the stages and the samples for verification."""

    backend: str
    files: Callable[[Stages, NDArray[np.int64], TargetOptions], Files]


def _c(stages: Stages, samples: NDArray[np.int64], options: TargetOptions) -> Files:
    return _bytes(c_backend.emit(stages.proven))


def _hls(stages: Stages, samples: NDArray[np.int64], options: TargetOptions) -> Files:
    """The project, and the hashes of every value of the first sequence that its testbench compares."""
    graph = stages.proven
    hashes = hls_backend.OpHashes(graph, samples.shape[1])
    run(graph, samples[:1], hashes.see)
    return _bytes({**hls_backend.emit(graph, options.hls), hls_backend.OPS: hashes.text})


def _verilog(stages: Stages, samples: NDArray[np.int64], options: TargetOptions) -> Files:
    return _bytes(verilog_backend.emit(stages.proven, options.verilog))


def _bytes(texts: Mapping[str, str]) -> Files:
    return {path: text.encode() for path, text in texts.items()}


def _onnx(stages: Stages, samples: NDArray[np.int64], options: TargetOptions) -> Files:
    return onnx_backend.emit(stages.proven, stages.discrete, stages.quantised)


def _crossbar(stages: Stages, samples: NDArray[np.int64], options: TargetOptions) -> Files:
    return crossbar_backend.emit(stages.golden, stages.products, options.crossbar)


TARGETS: Mapping[str, Target] = {
    "c": Target("qssmc.backends.c", _c),
    "hls": Target("qssmc.backends.hls", _hls),
    "verilog": Target("qssmc.backends.verilog", _verilog),
    "onnx": Target("qssmc.backends.onnx", _onnx),
    ARRAYS: Target("qssmc.backends.crossbar", _crossbar),
}


def named(text: str) -> tuple[str, ...]:
    """The targets that a name, or several with commas between them, stand for; all are those of one digital design.

    >>> named("hls,c,hls")
    ('c', 'hls')
    """
    words = [word.strip() for word in text.split(",")]
    unknown = [word for word in words if word not in (*TARGETS, ALL)]
    if unknown:
        raise UsageError(
            f"--target must be {', '.join(TARGETS)} or {ALL}, or several of them with commas, "
            f"not {', '.join(map(repr, unknown))}"
        )
    if ARRAYS in words and set(words) != {ARRAYS}:
        raise UsageError(f"--target {ARRAYS} cannot be made together with others: its golden model is another")
    digital = {target for target in TARGETS if target != ARRAYS} if ALL in words else set()
    return tuple(target for target in TARGETS if target in digital or target in words)
