"""What the tests of the HLS target share: writing the project, and comparing the C++ and golden op by op."""

from __future__ import annotations

import atexit
import os
import subprocess
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.backends.c import vector_texts
from qssmc.backends.hls import OPS, HlsOptions, OpHashes, emit
from qssmc.ir import Graph
from qssmc_sim import Machine, run
from qssmc_sim.emitted_hls import EmittedHls
from support.one_op import extreme_samples

STRICT = ("-std=c++14", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas")
SANITIZE = "-O0 -fsanitize=undefined,address -fno-sanitize-recover=all"


def write(graph: Graph, folder: Path, samples: Any = None, *, lanes: int = 1, **options: Any) -> Path:
    """The emitted project, and the vectors of some samples beside it; returns the folder hls."""
    files = emit(graph, HlsOptions(lanes=lanes, **options))
    if samples is not None:
        hashes = OpHashes(graph, samples.shape[1])
        run(graph, samples[:1], hashes.see)
        files |= {**vector_texts(graph, samples, run(graph, samples).outputs), OPS: hashes.text}
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder / "hls"


@cache
def prelude(cxx: str, *flags: str) -> tuple[str, ...]:
    """The flags of a header, compiled once, that holds all that every emitted project includes; it saves a third."""
    folder = tempfile.TemporaryDirectory(prefix="qssmc-prelude-")
    atexit.register(folder.cleanup)
    path, library = Path(folder.name) / "prelude.h", resources.files("qssmc_templates") / "hls"
    names = ("cstring", "utility", "vector", library / "qssm_kernels.h")
    path.write_text("".join(f"#include <{name}>\n" for name in names))
    compiled = path.with_suffix(".pch" if "clang" in cxx else ".h.gch")
    include = ("-isystem", str(library / "standin"), "-x", "c++-header", str(path), "-o", str(compiled))
    subprocess.run([cxx, *flags, "-fPIC", *include], check=True)
    return ("-include-pch", str(compiled)) if "clang" in cxx else ("-include", str(path))


def compare_every_op(
    graph: Graph,
    folder: Path,
    *,
    lanes: int = 1,
    cxx: str = "clang++",
    level: str = "-O0",
    steps: int = 8,
    ap_types: Path | None = None,
) -> None:
    """Every op's values at every step, and after the last, must be golden's, for two sequences on end."""
    samples = extreme_samples(graph, 7, 4, steps)
    flags = (*STRICT, level)
    if ap_types is None:
        flags += prelude(cxx, *flags)
    source = write(graph, folder, lanes=lanes)
    with EmittedHls(source, trace=True, cxx=cxx, ap_types=ap_types, flags=flags) as emitted:
        emitted.reset(len(samples))
        for _ in range(2):
            golden = Machine(graph, len(samples))
            for t in range(steps):
                step, closing = emitted.step_batch(samples[:, t], last=t == steps - 1)
                same(golden.step(samples[:, t]), step, f"step {t}")
            same(golden.last(), closing, "last")


def compare_outputs(graph: Graph, folder: Path, *, lanes: int = 1, cxx: str = "g++") -> None:
    """The outputs of whole sequences, from a build without trace, must be those of the golden model."""
    samples = extreme_samples(graph, 8, 3, 6)
    flags = (*STRICT, "-O1")
    with EmittedHls(write(graph, folder, lanes=lanes), cxx=cxx, flags=(*flags, *prelude(cxx, *flags))) as emitted:
        same(run(graph, samples).outputs, emitted.run(samples), "run")


def csim(folder: Path, *, cxx: str = "g++", flags: str = "-O1", **variables: str) -> subprocess.CompletedProcess[str]:
    """`make csim` in the project's folder."""
    given = [f"{name}={value}" for name, value in variables.items()]
    command = ["make", "-C", str(folder), "csim", f"CXX={cxx}", f"CXXFLAGS={flags}", *given]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def same(wanted: Any, got: Any, where: str) -> None:
    assert set(wanted) == set(got), where
    for name, values in wanted.items():
        assert got[name].shape == values.shape, (where, name)
        assert np.array_equal(got[name], values), (where, name)


def ap_types() -> Path:
    """The folder of the open ap_int.h that QSSMC_AP_TYPES names; the test is skipped where there is none."""
    folder = os.environ.get("QSSMC_AP_TYPES")
    if not folder:
        pytest.skip("the open ap_int headers are not at hand: name their folder in QSSMC_AP_TYPES")
    return Path(folder)
