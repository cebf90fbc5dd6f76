"""Input formats: powers of two as they were, scales and zero points a channel, and what they cost a design."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qssmc.analysis.calibration import Calibration
from qssmc.analysis.input_zero import input_zero
from qssmc.data import InputFormat
from qssmc.data.sensor_arrays import in_format
from qssmc.errors import UsageError
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Input, Matvec, Offset, Requant, Scale
from qssmc.passes.methods import FULL, PLAIN
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run

REAL = Table.real


def test_a_power_of_two_is_what_it_was() -> None:
    plain = InputFormat(8, 7, True)
    assert repr(plain) == "InputFormat(width=8, frac=7, signed=True)"
    assert plain.facts() == {"width": 8, "frac": 7, "signed": True}
    assert str(plain) == "signed 8-bit integers with 7 fractional bits"
    assert plain == InputFormat(8, 7, True, scale=[1.0, 1.0], zero=(0,))
    assert plain.to_real(np.array([[64]])).dtype == np.float32


def test_scales_and_zero_points_go_there_and_back() -> None:
    form = InputFormat(12, 1, False, scale=(0.5, 0.25), zero=np.array([2048, 100]))
    samples = np.array([[[2048, 100], [2050, 0]], [[0, 4095], [7, 9]]])
    real = form.to_real(samples)
    assert real[0].tolist() == [[0.0, 0.0], [0.5, -12.5]]
    assert np.array_equal(form.to_steps(real), samples)
    assert InputFormat(**form.facts()) == form
    assert InputFormat.parse("u12.1x0.5,0.25@2048,100") == form
    assert hash(form) == hash(InputFormat(**form.facts()))
    assert str(form).endswith("1 fractional bits, scale 0.5, 0.25 and zero 2048, 100")
    found = in_format(real.astype(np.float64) + 0.01, form)
    assert np.array_equal(found.samples, samples)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"scale": 0.0}, "scale of an input format must be above 0"),
        ({"scale": [1.0, float("inf")]}, "scale of an input format must be above 0"),
        ({"scale": "a"}, "scale of an input format must be a number, or one a channel"),
        ({"zero": 0.5}, "zero point of an input format must be a whole number"),
        ({"zero": [[1]]}, "zero of an input format must be a number"),
        ({"scale": [1.0, 2.0], "zero": [1, 2, 3]}, "has 2 scales and 3 zero points"),
    ],
)
def test_impossible_formats_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        InputFormat(12, 0, False, **given)


@pytest.mark.parametrize("text", ["12.0", "u12", "u12.0x", "u12.0xa", "u12.0@1.5", "u12.0x1@", "u12.0@1,,2"])
def test_texts_that_are_no_format_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--input-format must be u or s"):
        InputFormat.parse(text)


def test_channels_must_have_as_many_scales() -> None:
    with pytest.raises(UsageError, match="has 2 scales, and a sample has 3 channels"):
        InputFormat(8, 0, False, scale=[0.1, 0.2]).to_real(np.zeros((1, 2, 3), np.int64))
    with pytest.raises(UsageError, match="has 2 zero points, and a sample has 3 channels"):
        run_pipeline(plan_of(model(None, 3), InputFormat(8, 0, False, zero=[1, 2]), np.zeros((1, 4, 3), np.int64)))


def model(moved: float | None, channels: int = 1) -> Graph:
    """A matrix on samples, or on samples that the model itself moves and scales to its units."""
    random = np.random.default_rng(0)
    b = Builder("t", "float")
    u = b.input("u", Type((channels,)))
    if moved is not None:
        u = b.add(Offset(value=REAL([-moved] * channels)), "less_mean", u)
        u = b.add(Scale(factor=REAL(4096 / 25)), "over_deviation", u)
    weight, bias = REAL(random.normal(size=(6, channels))), REAL(random.normal(size=6))
    b.output("y", b.add(Matvec(weight=weight, bias=bias), "encoder", u), "step")
    return b.graph()


def plan_of(graph: Graph, form: InputFormat, samples: Any, *, full: bool = False) -> PassPlan:
    return PassPlan(graph, QuantiseOptions(), form, Calibration(samples, run), FULL if full else PLAIN)


def error(graph: Graph, form: InputFormat, samples: Any, *, full: bool) -> tuple[float, Graph]:
    golden = run_pipeline(plan_of(graph, form, samples, full=full))["prove"]
    found = run(golden, samples).outputs["y"] * golden.scales[golden.outputs[0].value].data
    wanted = run(graph, form.to_real(samples).astype(np.float64)).outputs["y"]
    return float(np.sqrt(((found - wanted) ** 2).mean()) / wanted.std()), golden


@pytest.mark.parametrize("full", [False, True])
def test_an_unsigned_signal_around_mid_scale_is_as_good_as_a_signed_one(full: bool) -> None:
    """By the zero point of the format, and by itself where the model subtracts its mean; it lost nine times as much."""
    walk = np.random.default_rng(1).normal(size=(8, 400, 1)).cumsum(axis=1)
    codes = np.clip(np.rint(2.0 * (walk - walk.mean(axis=1, keepdims=True))), -100, 100).astype(np.int64)
    signed, _ = error(model(0.0), InputFormat(12, 12, True), codes, full=full)
    zero, golden = error(model(None), InputFormat(12, 0, False, scale=0.04, zero=2048), codes + 2048, full=full)
    itself, moved = error(model(0.5), InputFormat(12, 12, False), codes + 2048, full=full)
    assert signed < 0.02
    assert zero < 1.1 * signed
    assert itself < 1.1 * signed
    assert input_zero(golden, golden.inputs[0]).tolist() == [2048]
    assert input_zero(moved, moved.inputs[0]).tolist() == [0]
    shifts = [op for op in golden.ops if isinstance(op, Requant)]
    assert all((op.multiplier.data == 1).all() for op in shifts)  # the weights take the scale up


def test_a_signal_near_zero_is_not_moved() -> None:
    samples = np.random.default_rng(0).integers(0, 4096, (2, 40, 1))
    _, golden = error(model(0.5), InputFormat(12, 12, False), samples, full=False)
    assert [op.mnemonic for op in golden.ops[:2]] == ["input", "requant"]
    assert isinstance(golden.ops[0], Input)
