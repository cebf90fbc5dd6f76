"""Align: the quantised graph in integers, bit for bit where scales are powers of two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Builder, Graph, Grid, IRError, Table, Type, parse, print_graph
from qssmc.ir.ops import Add, Cast, LayerNorm, Normalize, Requant, Scale, ShiftLeft
from qssmc.models import ModelConfig
from qssmc.passes.align import Align
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run
from support.random_models import (
    FORMAT,
    compile_stages,
    configs,
    mimo_graph,
    outputs_of,
    ragged_graph,
    random_model,
    sensor_samples,
    to_real,
)

Values = list[Mapping[str, NDArray[Any]]]
BITS = [(2, 2, 4, 3), (4, 6, 8, 8), (8, 8, 16, 16), (16, 12, 16, 16)]
BEFORE = """
graph t : quantised
%u : f64[2] = input
%x : cf64[2] = state from "ssm"
%d : cf64[2] = diag %x lambda_bar=@d.lambda_bar from "ssm"
%bu : cf64[2] = inject %u b_bar=@bu.b_bar heads=@bu.heads from "ssm"
%xn : cf64[2] = add %x %d %bu from "ssm"
%xn_q : cf64[2] = cast %xn scale=@xn_q.scale low=-127 high=127 from "ssm"
%y : f64[2] = readout %xn_q c=@y.c heads=@bu.heads channels=2 from "ssm"
%y_q : f64[2] = cast %y scale=0.0625 low=-8 high=7 from "ssm"
%act : f64[2] = activation %y_q kind=relu from "act"
%act_q : f64[2] = cast %act scale=0.125 low=0 high=7 from "act"
%out : f64[2] = matvec %act_q weight=@out.weight bias=@out.bias from "decoder"
next %x = %xn_q
output y : step = %out
table @d.lambda_bar : real[2,2] grid width[]=4 scale[2,1]=0.0625,0.03125
  -0.4375 0.25 -0.0625 0.0
table @bu.b_bar : real[2,2] grid width[]=4 scale[2,1]=0.125,0.015625
  0.5 0.125 0.0625 0.0
table @bu.heads : int[2]
  0 1
table @xn_q.scale : real[2]
  0.0078125 0.001953125
table @y.c : real[2,2] grid width[]=4 scale[2,1]=0.25,0.0625
  1.0 -0.75 0.3125 0.0
table @out.weight : real[2,2] grid width[]=4 scale[2,1]=0.25,0.5
  1.0 -0.5 0.0 1.5
table @out.bias : real[2] grid width[]=5 scale[2]=0.03125,0.0625
  0.125 -0.25
"""


def seen(graph: Graph, samples: NDArray[Any]) -> Values:
    """Every value of every step, the closing included."""
    found: Values = []
    run(graph, samples, lambda t, values: found.append(dict(values)))
    return found


def assert_bit_for_bit(quantised: Graph, integer: Graph, samples: NDArray[np.int64]) -> None:
    """Every op that both have: the integers times their scales are the quantised values, at every step."""
    compared = 0
    for real, whole in zip(seen(quantised, to_real(samples)), seen(integer, samples), strict=True):
        for name in real.keys() & whole.keys():
            scale = integer.scales[name].data
            scale = scale[..., None] if integer[name].type.complex else scale
            np.testing.assert_array_equal(whole[name] * scale, real[name], err_msg=name)
            compared += 1
    assert compared > len(samples[0])
    assert {op.name for op in quantised.ops if isinstance(op, Cast)} <= {op.name for op in integer.ops}


def test_text_before_and_after(golden: Callable[[str, str], None]) -> None:
    before = parse(BEFORE)
    after = Align(FORMAT)(before)
    golden("align.ir", print_graph(after))
    assert_bit_for_bit(before, after, sensor_samples(2))


def test_a_graph_without_rounding_keeps_its_ops() -> None:
    before = parse(
        "graph t : quantised\n%u : f64[2] = input\n%s : f64[1] = slice %u start=1 stop=2\noutput y : step = %s\n"
    )
    after = Align(FORMAT)(before)
    assert [(op.name, op.mnemonic, op.inputs) for op in after.ops] == [("u", "input", ()), ("s", "slice", ("u",))]
    assert (after.outputs, after.updates) == (before.outputs, before.updates)


@settings(max_examples=25)
@given(
    config=configs(norms=["none", "batch"]),
    seed=st.integers(0, 99),
    bits=st.sampled_from(BITS),
    form=st.sampled_from(["increment", "cartesian"]),
    dither=st.booleans(),
)
def test_qssm_is_exact_op_by_op(config: ModelConfig, seed: int, bits: tuple[int, ...], form: Any, dither: bool) -> None:
    samples = sensor_samples(config.d_input, seed)
    options = QuantiseOptions("qssm", *bits, a_form=form, dither=dither)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), options, samples)
    fresh = sensor_samples(config.d_input, seed + 1, length=30)  # beyond what was calibrated, so that clamps work too
    assert_bit_for_bit(stages["quantise"], stages["prove"], fresh)


@pytest.mark.parametrize(
    "graph",
    [
        mimo_graph(),
        mimo_graph(5, 3, 1),
        ragged_graph([2, 0, 3]),
        ragged_graph([0, 0]),
        ragged_graph([1, 4], output="last"),
        ragged_graph([2, 3], d_input=3, indices=[3, 1]),
    ],
    ids=lambda g: f"{g.name}{len(g.ops)}",
)
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dither", [False, True])
def test_mimo_ragged_and_empty_are_exact(graph: Graph, bits: tuple[int, ...], dither: bool) -> None:
    d_input = graph.inputs[0].type.shape[0]
    stages = compile_stages(graph, QuantiseOptions("qssm", *bits, dither=dither), sensor_samples(d_input))
    assert_bit_for_bit(stages["quantise"], stages["prove"], sensor_samples(d_input, 1))


@settings(max_examples=15)
@given(config=configs(), seed=st.integers(0, 99))
def test_qssm_never_multiplies_to_align(config: ModelConfig, seed: int) -> None:
    samples = sensor_samples(config.d_input, seed)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), QuantiseOptions(), samples)
    for op in stages["align"].ops:
        if isinstance(op, Requant):
            assert (op.multiplier.data == 1).all(), op.name
        if isinstance(op, Scale):
            assert op.name in stages["quantise"].by_name or "norm" in op.name


@settings(max_examples=15)
@given(config=configs(norms=["layer"]), seed=st.integers(0, 99))
def test_integer_layer_norm_is_close_to_the_quantised_one(config: ModelConfig, seed: int) -> None:
    samples = sensor_samples(config.d_input, seed)
    options = QuantiseOptions("qssm", 16, 12, 16, 16)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), options, samples)
    wanted, found = outputs_of(stages["quantise"], samples)["y"], outputs_of(stages["prove"], samples)["y"]
    assert np.abs(found - wanted).max() <= 0.02 * np.abs(wanted).max()


@settings(max_examples=25)
@given(seed=st.integers(0, 999), width=st.integers(2, 9), bits=st.integers(6, 12))
def test_one_layer_norm_by_itself(seed: int, width: int, bits: int) -> None:
    """The root and the reciprocal are floored: a relative error of at most 1/root and root/2^frac, and nothing else."""
    random = np.random.default_rng(seed)
    top = 2 ** (bits - 1)
    scale = 2.0 ** -int(random.integers(0, 12))
    cast = {"scale": Table.real(scale), "low": Table.integer(-top), "high": Table.integer(top - 1)}
    b = Builder("t", "quantised")
    u = b.input("u", Type((width,)))
    x = b.add(Cast(**cast), "x", u)
    gamma = Table.real(random.integers(-128, 128, width) / 64.0, Grid.of(2.0**-6, 8))
    beta = Table.real(random.normal(size=width))
    b.output("y", b.add(LayerNorm(gamma=gamma, beta=beta, eps=1e-5), "y", x), "step")
    quantised = b.graph()
    integer = Align(FORMAT)(quantised)
    samples = random.integers(0, 256, (4, 5, width))
    wanted, found = run(quantised, to_real(samples)).outputs["y"], outputs_of(integer, samples)["y"]
    (norm,) = [op for op in integer.ops if isinstance(op, Normalize)]
    q = np.stack([values["x"] for values in seen(integer, samples)], axis=1)
    root = np.sqrt(width * (q**2).sum(-1) - q.sum(-1) ** 2 + norm.eps)[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):  # a root of 0 means that all channels are equal: no error
        share = np.where(root > 0, 1.5 / root + root * 2.0**-norm.frac, 0.0)
    allowed = share * np.abs(wanted - beta.data) + 2.0**-20
    assert (np.abs(found - wanted) <= allowed).all()


@settings(max_examples=15)
@given(config=configs(norms=["none"]), seed=st.integers(0, 99), bits=st.sampled_from(BITS[1:3]))
def test_zhao_follows_the_quantised_graph_from_zero_state(
    config: ModelConfig, seed: int, bits: tuple[int, ...]
) -> None:
    """One step from rest: every cast within one unit of its grid, and most of them equal."""
    samples = sensor_samples(config.d_input, seed, batch=8)
    options = QuantiseOptions("zhao", *bits)
    stages = compile_stages(trace(random_model(config, seed), config.d_input), options, samples)
    quantised, integer = stages["quantise"], stages["prove"]
    real, whole = seen(quantised, to_real(samples[:, :1]))[0], seen(integer, samples[:, :1])[0]
    for op in quantised.step_ops:
        if isinstance(op, Cast) and op.name in whole and op.name.startswith(("u_q", "encoder", "blocks_0_ssm")):
            scale = integer.scales[op.name].data
            scale = scale[..., None] if op.type.complex else scale
            steps = np.abs(whole[op.name] - np.rint(real[op.name] / scale))
            assert steps.max(initial=0) <= 2, op.name


def test_sums_of_unrelated_scales_need_multipliers_and_say_so() -> None:
    stages = compile_stages(ragged_graph([2, 1]), QuantiseOptions("zhao"), sensor_samples(2))
    adds = [op for op in stages["align"].ops if isinstance(op, Add)]
    assert adds
    for op in adds:
        for operand in stages["align"].operands(op):
            assert isinstance(operand, (Requant, Scale))
            assert operand.name.endswith("_aligned")


def test_outputs_get_one_unit_for_all_elements() -> None:
    integer = Align(FORMAT)(parse(BEFORE))
    (output,) = integer.outputs
    assert isinstance(integer[output.value], ShiftLeft)
    assert set(integer.scales[output.value].data.tolist()) == {0.03125}
    text = BEFORE.replace("scale[2,1]=0.25,0.5\n  1.0 -0.5 0.0 1.5", "scale[2,1]=0.25,0.3\n  1.0 -0.5 0.0 1.5").replace(
        "0.03125,0.0625\n  0.125 -0.25", "0.03125,0.0375\n  0.125 -0.225"
    )
    integer = Align(FORMAT)(parse(text))
    (output,) = integer.outputs
    assert len(set(integer.scales[output.value].data.tolist())) == 1


DITHERED = """
graph t : quantised
%u : f64[2] = input
%p : f64[1] = state
%n : f64[1] = advance %p step=5 bits=4 from "dither"
%a : f64[2] = cast %u %p scale=0.125 low=-8 high=7
%b : f64[2] = cast %u %n scale=0.00390625 low=-100 high=100
next %p = %n
output a : step = %a
output b : step = %b
"""


def test_a_cast_with_a_phase_becomes_a_requant_with_it() -> None:
    after = Align(FORMAT)(parse(DITHERED))
    assert print_graph(after).splitlines()[1:9] == [
        "%u : u8[2] = input",
        "%p : i64[1] = state",
        '%n : i64[1] = advance %p step=5 bits=4 from "dither"',
        "%a : i64[2] = requant %u %p multiplier=1 shift=5 low=-8 high=7 phase_bits=4",
        "%b : i64[2] = requant %u %n multiplier=1 shift=0 low=-100 high=100 phase_bits=4",
        "next %p = %n",
        "output a : step = %a",
        "output b : step = %b",
    ]
    assert after.scales["p"].data.tolist() == after.scales["n"].data.tolist() == [2.0**-4]
    assert_bit_for_bit(parse(DITHERED), after, sensor_samples(2, length=40))


def test_a_dithered_design_has_one_phase_that_all_states_read() -> None:
    model = random_model(ModelConfig(d_model=3, d_state=2, n_layers=2, d_output=2))
    stages = compile_stages(trace(model, 1), QuantiseOptions(dither=True), sensor_samples(1))
    phased = [op for op in stages["prove"].ops if isinstance(op, Requant) and len(op.inputs) == 2]
    assert [op.inputs[1] for op in phased] == ["phase", "phase"]
    assert {op.phase_bits for op in phased} == {16}
    assert all(op.type.complex for op in phased)
    line = '%phase_n : u16[1] = advance %phase step=40503 bits=16 from "dither"'
    assert line in print_graph(stages["prove"]).splitlines()
    assert str(stages["prove"]["phase"].type) == "u16[1]"


def test_the_published_scheme_is_not_dithered() -> None:
    stages = compile_stages(ragged_graph([2, 1]), QuantiseOptions("zhao", dither=True), sensor_samples(2))
    assert all(len(op.inputs) == 1 for op in stages["prove"].ops if isinstance(op, Requant))


# --- what cannot be aligned ------------------------------------------------------------------------------------------


def test_a_state_must_end_in_a_cast() -> None:
    with pytest.raises(IRError, match="state %x does not end in a cast but in add"):
        Align(FORMAT)(parse(BEFORE.replace("next %x = %xn_q", "next %x = %xn")))


def test_an_activation_needs_one_grid_and_a_cast() -> None:
    with pytest.raises(IRError, match="operand of an activation must be a cast, not readout"):
        Align(FORMAT)(parse(BEFORE.replace("activation %y_q", "activation %y")))
    text = (
        BEFORE.replace("cast %y scale=0.0625", "cast %y scale=@y_q.scale") + "table @y_q.scale : real[2]\n  0.5 0.25\n"
    )
    with pytest.raises(IRError, match="channels of an activation must share one grid"):
        Align(FORMAT)(parse(text))


def test_a_phase_must_be_a_counter_and_no_activation_is_dithered() -> None:
    with pytest.raises(IRError, match="%u: the phase of a cast must be a counter, not input"):
        Align(FORMAT)(parse(DITHERED.replace("f64[2]", "f64[1]").replace("cast %u %p", "cast %u %u")))
    table = "%r : f64[2] = activation %u kind=relu\n%a : f64[2] = cast %r %p"
    with pytest.raises(IRError, match="%a: the table of an activation cannot be dithered"):
        Align(FORMAT)(parse(DITHERED.replace("%a : f64[2] = cast %u %p", table)))


def test_a_table_with_too_many_entries() -> None:
    with pytest.raises(UnsupportedModelError, match="table of act would have 4097 entries; use at most 12"):
        Align(FORMAT)(parse(BEFORE.replace("scale=0.0625 low=-8 high=7", "scale=0.0625 low=-2048 high=2048")))


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm"])
def test_a_norm_needs_one_scale(norm: str) -> None:
    text = """
graph t : quantised
%u : f64[2] = input
%x : f64[2] = cast %u scale=@x.scale low=-8 high=7
%n : f64[2] = layernorm %x gamma=@n.gamma beta=@n.beta eps=0.0
output y : step = %n
table @x.scale : real[2]
  0.5 0.25
table @n.gamma : real[2] grid width[]=2 scale[]=1.0
  1.0 1.0
table @n.beta : real[2]
  0.0 0.0
"""
    if norm == "rmsnorm":
        text = text.replace("layernorm", norm).replace(" beta=@n.beta", "").split("table @n.beta")[0]
    with pytest.raises(IRError, match=f"operand of {norm} must be a cast with one scale"):
        Align(FORMAT)(parse(text))


@pytest.mark.parametrize("scale", ["1e-30", "1e30"])
def test_numbers_too_far_apart(scale: str) -> None:
    text = BEFORE.replace("cast %y scale=0.0625", f"cast %y scale={scale}").replace("scale=0.125", f"scale={scale}")
    with pytest.raises(UnsupportedModelError, match="would bring together numbers that lie a factor of 2"):
        Align(FORMAT)(parse(text))


def test_tables_without_a_grid_are_a_fault_of_the_pass_before() -> None:
    with pytest.raises(IRError, match="a table of the quantised graph has no grid"):
        Align(FORMAT)(parse(BEFORE.replace(" grid width[]=4 scale[2,1]=0.0625,0.03125", "")))


def test_what_has_no_integer_form_is_named() -> None:
    text = 'graph t : quantised\n%u : f64[1] = input\n%c : f64[2] = concat %u %u from "join"\noutput y : step = %c\n'
    with pytest.raises(UnsupportedModelError, match=r"%c \(concat, from join\) has no integer form"):
        Align(FORMAT)(parse(text))
