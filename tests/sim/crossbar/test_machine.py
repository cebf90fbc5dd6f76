"""ArrayMachine: without errors it is golden, bit for bit; with them, reads have the noise that is stated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from qssmc.crossbar.options import FORMS, CrossbarOptions, Form
from qssmc.ir import parse
from qssmc_sim import run
from qssmc_sim.crossbar import ArrayMachine, preset
from qssmc_sim.crossbar.array import ArrayProduct, Held, blocks_of, hold
from support.arrays import laid
from support.graphs import random_s4d

ADC = """
graph t : integer
%u : i8[2] = input
%z : i20[1] = xbar %u weight=@z.weight
%code : i4[1] = requant %z multiplier=1 shift=6 low=-7 high=7
output y : step = %code
table @z.weight : int[1,2]
  100 27
"""


def samples(d_input: int = 1, steps: int = 20) -> np.ndarray:
    return np.random.default_rng(5).integers(-128, 128, (7, steps, d_input))


@pytest.mark.parametrize("options", [{}, {"dither": True}, {"multiplier": True}, {"norm": True}, {"output": "step"}])
def test_without_errors_it_is_golden(options: dict[str, object]) -> None:
    graph = random_s4d([3, 0, 5, 2], layers=2, seed=3, **options)  # type: ignore[arg-type]
    wanted = run(graph, samples()).outputs
    found = ArrayMachine(graph, {}).run(samples())
    assert wanted.keys() == found.keys()
    assert all((wanted[name] == found[name]).all() for name in wanted)


@pytest.mark.parametrize("form", [form for form in FORMS if form != "oscillator"])
@pytest.mark.parametrize("shape", ["empty head, per step", "dithered, two layers"])
def test_without_errors_arrays_are_golden(shape: str, form: Form) -> None:
    made = laid(shape, CrossbarOptions(weight_bits=4, adc_bits=6, form=form))
    graph = made.stages["convert"]
    wanted = run(graph, made.samples).outputs
    found = ArrayMachine(graph, {}).run(made.samples)
    assert wanted.keys() == found.keys()
    assert all((wanted[name] == found[name]).all() for name in wanted)


def test_the_converter_rounds_half_up_and_clips() -> None:
    graph = parse(ADC)
    u = np.array([[[0, 0], [1, 0], [0, 1], [0, 2], [127, 127], [-128, -128]]])
    found = ArrayMachine(graph, {}).run(u)["y"][0, :, 0]
    assert found.tolist() == [0, 2, 0, 1, 7, -7]
    assert (found == run(graph, u).outputs["y"][0, :, 0]).all()


def test_the_noise_of_reads_grows_with_what_is_driven() -> None:
    held = hold(np.array([[100.0, 50.0, 0.0]]), preset("gaussian").with_(read=0.02), np.random.default_rng(0))
    product = ArrayProduct(held, np.random.default_rng(1))
    codes = np.repeat(np.array([[3.0], [4.0], [100.0]], np.float32), 50_000, axis=1)
    error = product(codes)[0] - 500.0
    deviation = 0.02 * 100.0 * 5.0  # rows of 3 and 4; the third has no cell here
    assert error.std() == pytest.approx(deviation, rel=0.02)
    assert abs(error.mean()) < 4 * deviation / math.sqrt(error.size)
    assert (product(np.zeros((3, 10), np.float32)) == 0).all()


def test_blocks_give_what_the_whole_gives() -> None:
    weight = np.zeros((6, 7))
    weight[np.ix_([0, 2], [1, 3])] = [[1, 2], [3, 4]]
    weight[np.ix_([4], [0, 6])] = [[5, -6]]
    held = Held(weight, None)
    assert [columns.tolist() for columns, _ in blocks_of(held)] == [[0, 2], [4]]
    codes = np.random.default_rng(0).integers(-9, 9, (7, 11)).astype(np.float32)
    assert (ArrayProduct(held, np.random.default_rng(0))(codes) == weight @ codes).all()
