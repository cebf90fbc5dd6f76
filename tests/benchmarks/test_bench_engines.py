"""Every engine of the benchmark computes the model, and one that does not is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.errors import ToolError, UnsupportedModelError, UsageError, VerificationError

NAMES = (
    "ONNX Runtime step, IO binding",
    "ONNX Runtime Scan",
    "ONNX Runtime Scan, dense layers outside (not streaming)",
    "PyTorch eager step",
    "numpy step",
    "numba fp32 sequence",
    "PyTorch FFT convolution, batch 64 (not streaming)",
)


@pytest.fixture(scope="module")
def small(checkpoint: Path) -> Any:
    from benchmarks.engines.workload import load_workload

    return load_workload(str(checkpoint), None, count=6)


@pytest.fixture(scope="module")
def peers(small: Any) -> dict[str, Any]:
    return {engine.name: engine for engine in small.peers()}


def test_the_peers_are_those_that_the_table_promises(peers: dict[str, Any]) -> None:
    assert tuple(peers) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_engine_equals_the_torch_module_and_keeps_no_state(peers: dict[str, Any], small: Any, name: str) -> None:
    from benchmarks.engines.engine import check

    assert check(peers[name], small.real, small.expected) < 1e-5
    # Odd lengths end in the other of the two bindings; a state left over from the first run would show here.
    short = small.real[:2, :7]
    import torch

    with torch.no_grad():
        expected = small.model(torch.from_numpy(short)).numpy()
    assert check(peers[name], short, expected) < 1e-5


def test_the_samples_are_the_same_numbers_in_both_forms(small: Any) -> None:
    assert small.source == "6 random sequences"
    assert small.samples.shape == (6, 20, 2)
    assert small.samples.min() >= 0
    assert small.samples.max() <= 255
    np.testing.assert_array_equal(small.samples, small.real * 256)


@pytest.mark.parametrize("table", ["encoder_bias", "lambda_bar", "b_bar", "c", "d", "mixing_bias", "decoder_bias"])
def test_an_engine_of_other_numbers_is_refused(small: Any, table: str) -> None:
    from benchmarks.engines.engine import check
    from benchmarks.engines.engine_numpy import numpy_step
    from benchmarks.engines.parameters import parameters

    p = parameters(small.model)
    wrong = replace(p, **{table: getattr(p, table) + np.float32(0.01)})
    with pytest.raises(VerificationError, match=r"numpy step is off the torch module .* nothing was timed"):
        check(numpy_step(wrong), small.real, small.expected)


def test_not_a_number_is_refused(small: Any) -> None:
    from benchmarks.engines.engine import Engine, check

    engine = Engine("broken", lambda samples: np.full((len(samples), 5), np.nan))
    with pytest.raises(VerificationError, match="broken"):
        check(engine, small.real, small.expected)


def test_a_model_that_the_peers_do_not_cover_is_named_with_every_reason() -> None:
    from benchmarks.engines.parameters import parameters
    from qssmc.models import ModelConfig, SequenceModel

    model = SequenceModel(ModelConfig(d_model=2, d_state=2, n_layers=2, activation="relu"))
    with pytest.raises(UnsupportedModelError, match=r"n_layers 2 .*activation 'relu'"):
        parameters(model)


def test_the_emitted_c_is_golden_and_stands_in_the_table_with_every_peer(small: Any, tmp_path: Path) -> None:
    from benchmarks.engines.__main__ import measure
    from benchmarks.engines.engine_c import NAME, emitted_c
    from qssmc.backends.c import emit
    from qssmc_sim import run
    from support.graphs import random_s4d

    graph = random_s4d([3] * 4, d_input=2, d_output=5)
    for path, text in emit(graph).items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    golden = run(graph, small.samples).outputs["logits"]
    with emitted_c(tmp_path) as engine:
        np.testing.assert_array_equal(engine.run(small.samples), golden)
        report = measure(small, engine, rounds=1, seconds=1e-6)
    assert [row.name for row in report.timings] == [NAME, *NAMES]
    assert report.agreement == (golden.argmax(-1) == small.expected.argmax(-1)).mean()
    scan = next(row for row in report.timings if row.name == "ONNX Runtime Scan")
    assert report.factor == scan.median / report.timings[0].median


def test_a_compiled_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    from benchmarks.engines.engine_c import emitted_c

    with (
        pytest.raises(UsageError, match=r"gone does not exist; make it with: qssmc compile"),
        emitted_c(tmp_path / "gone"),
    ):
        pass


def test_a_model_that_cannot_be_compiled_says_why(tmp_path: Path) -> None:
    from benchmarks.engines.engine_c import compile_model

    with pytest.raises(ToolError, match=r"nothing\.pt could not be compiled for the benchmark: .*nothing\.pt"):
        compile_model(tmp_path / "nothing.pt", tmp_path / "out")
