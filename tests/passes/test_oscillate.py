"""Oscillate: the same transfer function as a complex pole, stable whatever an array makes of it, exact in golden."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qssmc.crossbar import CrossbarOptions
from qssmc.driver.compile import compile_checkpoint
from qssmc.driver.compile_options import CompileOptions
from qssmc.driver.design import CompiledDesign
from qssmc.errors import UsageError
from qssmc.ir.ops import Xbar
from qssmc.passes.oscillate import Converters
from qssmc.passes.oscillate.oscillators import Oscillators
from qssmc.passes.oscillate.plan import significant
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from qssmc_sim.crossbar import ArrayMachine
from support.tiny import LENGTH, tiny_checkpoint


@given(st.floats(0.3, 0.9999), st.floats(0.0, np.pi), st.complex_numbers(max_magnitude=9.0, allow_nan=False))
def test_it_responds_as_the_complex_pole(radius: float, angle: float, weight: complex) -> None:
    pole = np.array([radius * np.exp(1j * angle)])
    made = Oscillators.of(pole, np.array([weight]))
    p = v = np.zeros(1)
    x = np.zeros(1, complex)
    for u in (1.0, 0.0, -0.5, 0.25, *[0.0] * 40):
        x = pole * x + u
        v = made.rho * v - made.kappa * p + u
        p = made.rho * p + v
        assert made.c_p * p + made.c_v * v == pytest.approx((weight * x).real, abs=1e-9 * (1 + abs(weight)) * 100)


@given(st.floats(0.01, 0.99999), st.floats(0.0, 1.0))
def test_no_error_of_kappa_makes_it_unstable(rho: float, share: float) -> None:
    """Any kappa from 0 to (1 + rho)^2: the determinant is rho^2, and the eigenvalues stay within the unit circle."""
    kappa = share * (1.0 + rho) ** 2 * (1 - 1e-9)
    step = np.array([[rho, -kappa], [rho, rho - kappa]])  # v, p
    assert np.linalg.det(step) == pytest.approx(rho**2)
    assert np.abs(np.linalg.eigvals(step)).max() < 1.0


@given(st.floats(1e-6, 1e6), st.integers(2, 12))
def test_significant_bits(value: float, bits: int) -> None:
    mantissa, shift = significant(np.array([value]), bits)
    assert 1 << (bits - 1) <= mantissa[0] < 1 << bits
    assert abs(np.ldexp(float(mantissa[0]), -int(shift[0])) / value - 1) <= 2.0**-bits * 1.0001


@cache
def design(weight_bits: int = 8, adc_bits: int = 8, layers: int = 1) -> CompiledDesign:
    arrays = CrossbarOptions(weight_bits=weight_bits, adc_bits=adc_bits, form="oscillator")
    options = CompileOptions(
        "tiny",
        QuantiseOptions(state_bits=10, a_bits=10, dither=True),
        ("crossbar",),
        target={"crossbar": arrays},
    )
    return compile_checkpoint(tiny_checkpoint(n_layers=layers), "0" * 64, options, say=lambda text: None)


@pytest.mark.parametrize("layers", [1, 2])
def test_what_the_simulator_runs_without_errors_is_golden(layers: int) -> None:
    graph = design(layers=layers).stages["oscillate"]
    samples = np.random.default_rng(1).integers(0, 256, (9, LENGTH, 1))
    wanted, found = run(graph, samples).outputs["y"], ArrayMachine(graph, {}).run(samples)["y"]
    assert (wanted == found).all()


def test_the_array_holds_four_cells_a_state_and_one_product_a_head() -> None:
    graph = design().stages["oscillate"]
    kernels = [op for op in graph.ops if isinstance(op, Xbar)]
    assert len(kernels) == 4
    for op in kernels:
        states = op.weight.shape[0] - 1
        assert op.weight.shape[1] == 1 + 2 * states
        own = np.diagonal(op.weight.data[:states, 1:])
        assert (own <= 0).all()
        assert (own < 0).sum() >= states - 1  # the initial model has one real pole a head, and that needs no such cell
        assert ((op.weight.data[:states] != 0).sum(axis=1) == 1 + (own < 0)).all()
        assert np.abs(op.weight.data).max() <= 127


def test_converters_hold_their_bits() -> None:
    graph = design(weight_bits=4, adc_bits=5).stages["oscillate"]
    assert graph["blocks_0_ssm_dx_adc"].type.width == 5
    assert graph["blocks_0_ssm_y_adc"].type.width == 5
    assert max(int(np.abs(op.weight.data).max()) for op in graph.ops if isinstance(op, Xbar)) <= 7


def test_it_stays_close_to_the_digital_design() -> None:
    """With fine converters the pooled answers are those of the proven graph, to a few parts in a hundred."""
    stages = design(adc_bits=12).stages
    samples = np.random.default_rng(1).integers(0, 256, (32, LENGTH, 1))
    wanted, found = (run(stages[name], samples).outputs["y"].astype(float) for name in ("prove", "oscillate"))
    assert np.sqrt(((found - wanted) ** 2).mean()) < 0.1 * wanted.std(axis=0).mean()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"adc_bits": None}, "give --adc-bits"), ({"dense": True}, "leave out --map all")],
)
def test_arrays_that_it_cannot_have(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        Converters.of(CrossbarOptions(form="oscillator", **changes))  # type: ignore[arg-type]
