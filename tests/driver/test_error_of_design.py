"""Error of a design: what compiling costs the answers, by kind of answer; a design that lost too much is not made."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import qssmc
from qssmc.data import InputFormat
from qssmc.driver.error_of_design import check_recorded, lost_in
from qssmc.errors import VerificationError
from qssmc.ir.graph import Output
from qssmc.models import Checkpoint, ModelConfig, SequenceModel
from qssmc.report.design_error import output_error, wilson

FORMAT = InputFormat(8, 7, True)


def checkpoint(seed: int = 0, **config: Any) -> Checkpoint:
    """An untrained model with slow random sequences, which differ in level."""
    torch.manual_seed(seed)
    made = ModelConfig(**{"d_model": 8, "d_state": 8, "dt_min": 1e-2, "dt_max": 0.2, **config})
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0.0, 1.0, (24, 80, made.d_input)), axis=1) * rng.uniform(2.0, 12.0, (24, 1, 1))
    samples = np.clip(np.rint(walk), -128, 127).astype(np.int8)
    return Checkpoint(made, SequenceModel(made).state_dict(), FORMAT, 80, samples)


@pytest.mark.parametrize(("outputs", "answer"), [(1, None), (1, "values"), (3, "values"), (3, "flags")])
def test_a_pooled_model_keeps_what_its_outputs_need(outputs: int, answer: Any) -> None:
    error = qssmc.compile(checkpoint(d_output=outputs, answer=answer), name="m").summary["error"]
    assert error["calibration"]["y"]["kind"] == (answer or "flags")
    assert error["pruned"]["states_removed"] < 60
    assert error["calibration"]["y"]["relative_rms"] < 0.15


def noise(count: int, steps: int, seed: int) -> Any:
    """Sequences of noise, from rough to smooth, of unlike loudness: (count, steps, 1) of int8."""
    rng = np.random.default_rng(seed)
    memory, found = rng.uniform(-0.95, 0.95, count), rng.normal(0.0, 1.0, (count, steps))
    for t in range(1, steps):
        found[:, t] = memory * found[:, t - 1] + np.sqrt(1.0 - memory**2) * found[:, t]
    return np.clip(np.rint(found * rng.uniform(10.0, 60.0, (count, 1))), -128, 127).astype(np.int8)[..., None]


def test_one_output_that_rests_on_its_states_alone_keeps_them() -> None:
    """Where an error of a lone output is taken to cost nothing, one of 64 states is left, and an error of 1.04."""
    one = replace(checkpoint(d_output=1, dt_max=0.5, residual=False), calibration=noise(64, 100, 0))
    error = qssmc.compile(one, name="m", bits="W8A12", state_bits=12.0, prune_loss=3e-4).summary["error"]
    assert error["pruned"]["states_removed"] < 32
    assert error["calibration"]["y"]["relative_rms"] < 0.3


def test_the_pass_that_is_named_is_the_one_that_lost_most_in_the_end() -> None:
    model = checkpoint(d_model=4, d_state=4, residual=False)
    few = qssmc.compile(model, name="m", bits="W12A12", state_bits=14.0, states=0.25).summary["error"]
    coarse = qssmc.compile(model, name="m", bits="W3A3", prune_loss=0.0).summary["error"]
    assert "from the pass prune_states; see --states" in lost_in(few)
    assert "from the passes quantise and refit; see --bits" in lost_in(coarse)
    for error in (few, coarse):
        assert sum(row["share"] for row in error["passes"]) == pytest.approx(1.0, abs=1e-3)
        assert all(row["pass"] not in ("rotate", "balance", "fill") for row in error["passes"])


def twins(model: Checkpoint, size: float) -> Checkpoint:
    """The model with states in pairs of nearly one pole, whose large weights nearly cancel, as training makes them."""
    state = {name: values.clone() for name, values in model.state.items()}
    for name, values in state.items():
        if name.endswith(("log_a_real", "a_imag", "ssm.b")):
            values[:, 1::2] = values[:, ::2] + (0.02 if name.endswith("log_a_real") else 0.0)
        if name.endswith("ssm.c"):
            values[:, ::2] += size
            values[:, 1::2] -= size
    return replace(model, state=state)


def test_without_refit_a_layer_norm_keeps_its_answers() -> None:
    """With each weight of a readout rounded by itself the error is 0.21."""
    model = twins(checkpoint(norm="layer", d_model=4, d_state=4), 30.0)
    error = qssmc.compile(model, name="m", refit=False, state_bits=16.0, a_bits=12.0, prune_loss=0.0).summary["error"]
    assert error["calibration"]["y"]["relative_rms"] < 0.1


def test_too_large_an_error_is_an_error_that_names_the_pass(tmp_path: Any) -> None:
    with pytest.raises(VerificationError, match=r"--max-error; most of it, .* from the pass(es)? \w+"):
        qssmc.compile(checkpoint(), name="m", max_error=1e-6, output_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_bad_design_is_warned_about_and_held_out_sequences_are_asked_for() -> None:
    said: list[str] = []
    qssmc.compile(checkpoint(), name="m", bits="W2A2", refit=False, say=said.append)
    assert any(line.startswith("WARNING: the RMS error of output y") for line in said)
    assert any("no held-out sequences" in line for line in said)
    assert any(line.startswith("pruned: ") for line in said)


def test_a_compilation_says_that_its_calibration_is_thin() -> None:
    said: list[str] = []
    thin = replace(checkpoint(d_model=2, d_state=2), sequence_length=400)
    error = qssmc.compile(replace(thin, calibration=np.asarray(thin.calibration)[:1]), name="m", say=said.append)
    warned = [line.removeprefix("WARNING: ") for line in said if line.startswith("WARNING: ")]
    assert any(line.startswith("1 calibration sequence is too few to trust") for line in warned)
    assert any("80 steps are much shorter than the 400" in line for line in warned)
    assert set(error.summary["error"]["calibration_warnings"]) <= set(warned)


def test_the_measure_is_of_each_output_in_its_own_deviation() -> None:
    wanted = np.array([[0.0, 0.0], [2.0, 2000.0]])
    found = wanted + np.array([0.1, 100.0])
    error = output_error(Output("y", "y", "last"), found, wanted)
    assert [one["relative_rms"] for one in error["elements"]] == [0.1, 0.1]
    assert error["relative_rms"] == error["worst"] == 0.1
    assert "decisions" not in error
    shared = output_error(Output("y", "y", "last", kind="class"), wanted + 5.0, wanted)
    assert shared["relative_rms"] == 0.0
    flags = output_error(Output("y", "y", "last", kind="flags"), wanted - 1.0, wanted)
    assert (flags["decisions"]["changed"], flags["decisions"]["of"]) == (0, 4)


def test_wilson_interval() -> None:
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_verify_makes_the_error_anew(tmp_path: Any) -> None:
    design = qssmc.compile(checkpoint(), name="m", output_dir=tmp_path / "out")
    found = qssmc.verify(tmp_path / "out").relative_rms
    assert found == pytest.approx(design.summary["error"]["passes"][-1]["relative_rms"], rel=1e-3)
    report = tmp_path / "out/report/error.json"
    other = json.loads(report.read_text())
    other["passes"][-1]["relative_rms"] /= 2
    graph, teacher = design.golden, design.stages["discretize"]
    samples = np.load(tmp_path / "out/vectors/samples.npy").astype(np.int64)
    outputs = {"y": np.load(tmp_path / "out/vectors/y.npy").astype(np.int64)}
    with pytest.raises(VerificationError, match=r"report/error.json says"):
        check_recorded(other, teacher, graph, samples, outputs, FORMAT)
