"""SSM layers: every diagonal layer is found, and nothing that only looks like one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qssmc.analysis.ssm_layers import SsmLayer, Term, heads_of, ssm_layers
from qssmc.ir import parse
from qssmc.ir.ops import Scale, State
from qssmc.models import ModelConfig
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from support.layers import LAYER, discrete, layer
from support.random_models import configs, mimo_graph, ragged_graph


def test_by_hand() -> None:
    graph = layer()
    terms, answer = (Term("ax"), Term("bu")), (Term("cx"), Term("du"))
    assert ssm_layers(graph) == (SsmLayer("x", "ax", None, "bu", "xn", "xn", "cx", "du", "y", terms, answer),)
    assert heads_of(graph, ssm_layers(graph)[0]).tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("output y", "output seen : step = %cx\noutput y"),  # the readout leaves, which is no matter
        ("%du : f64[2] = scale %e", "%du : f64[2] = scale %cx"),  # a factor of something else than the input
    ],
)
def test_a_result_without_feedthrough(old: str, new: str) -> None:
    (ssm,) = ssm_layers(parse(LAYER.replace(old, new)))
    if "scale" in old:
        assert (ssm.feed, ssm.result) == (None, "cx")
    else:
        assert ssm.readout == "cx"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%cx : f64", "%seen : f64[6] = unpair %xn\n%cx : f64"),
        ("%cx : f64", "%seen : f64[6] = unpair %bu\n%cx : f64"),
        ("%cx : f64", "%seen : f64[6] = unpair %x\n%cx : f64"),
        ("%cx : f64", "%c2 : f64[2] = readout %xn c=@cx.c heads=@bu.heads channels=2\n%cx : f64"),
        ("= add %ax %bu", "= add %ax %bu %bu"),
        ("= add %ax %bu", "= add %ax %x"),
        ("%cx : f64[2] = readout %xn c=@cx.c heads=@bu.heads", "%cx : f64[2] = readout %xn c=@cx.c heads=@cx.heads"),
    ],
)
def test_states_that_something_else_looks_at_are_none(old: str, new: str) -> None:
    text = LAYER.replace(old, new).replace("table @du", "table @cx.heads : int[3]\n  0 1 1\ntable @du")
    assert ssm_layers(parse(text)) == ()


def test_mimo_graphs_have_none() -> None:
    assert ssm_layers(discretize(canonicalise(mimo_graph()))) == ()


def test_heads_may_be_ragged_or_empty() -> None:
    (ssm,) = ssm_layers(graph := discretize(canonicalise(ragged_graph([2, 0, 1]))))
    assert heads_of(graph, ssm).tolist() == [0, 0, 2]


@settings(max_examples=10)
@given(config=configs(), seed=st.integers(0, 99))
def test_one_a_layer_of_any_model(config: ModelConfig, seed: int) -> None:
    graph = discrete(config, seed)
    found = ssm_layers(graph)
    assert [s.state for s in found] == [op.name for op in graph.ops if isinstance(op, State) and op.type.complex]
    assert len(found) == config.n_layers
    for ssm in found:
        assert ssm.feed is not None
        assert isinstance(graph[ssm.feed], Scale)
