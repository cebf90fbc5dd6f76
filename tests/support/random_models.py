"""Small models of every shape for tests: torch modules with lively weights, and float graphs that no module has."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from numpy.typing import NDArray

from qssmc.analysis.bounds import bounds
from qssmc.analysis.calibration import Calibration
from qssmc.artifact.stages import Stages
from qssmc.data.sequences import InputFormat
from qssmc.frontend import trace
from qssmc.ir import Builder, Graph, Table, Type, parse, print_graph, verify
from qssmc.ir.ops import Activation, Add, Constant, Decay, Divide, Drive, Input, Matvec, Readout, Scale, Take
from qssmc.models import ModelConfig, SequenceModel
from qssmc.models.blocks import ChannelBatchNorm
from qssmc.passes.methods import PLAIN, Methods
from qssmc.passes.pipeline import run_pipeline
from qssmc.passes.plan import PassPlan
from qssmc.passes.quantise import QuantiseOptions
from qssmc_sim import run

FORMAT = InputFormat(8, 8, False)
INT, REAL = Table.integer, Table.real


def configs(norms: Sequence[str] = ("none", "layer", "batch")) -> st.SearchStrategy[ModelConfig]:
    """Every choice that a model has, at sizes that run in milliseconds."""
    return st.builds(
        ModelConfig,
        d_input=st.integers(1, 3),
        d_model=st.integers(2, 5),
        d_state=st.integers(1, 3),
        n_layers=st.integers(1, 2),
        d_output=st.integers(1, 3),
        discretization=st.sampled_from(["zoh", "bilinear"]),
        activation=st.sampled_from(["gelu", "relu", "silu", "qgelu"]),
        mixing=st.sampled_from(["linear", "glu"]),
        residual=st.booleans(),
        norm=st.sampled_from(list(norms)),
        norm_position=st.sampled_from(["pre", "post"]),
        output=st.sampled_from(["pooled", "step"]),
    )


def random_model(config: ModelConfig, seed: int = 0) -> SequenceModel:
    """A model in evaluation mode whose norms have statistics and weights worth folding."""
    torch.manual_seed(seed)
    model = SequenceModel(config).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (ChannelBatchNorm, torch.nn.LayerNorm)):
                module.weight.normal_(1.0, 0.5)
                module.bias.normal_()
            if isinstance(module, ChannelBatchNorm):
                assert module.running_mean is not None
                assert module.running_var is not None
                module.running_mean.normal_()
                module.running_var.uniform_(0.2, 2.0)
    return model


def sensor_samples(d_input: int, seed: int = 0, batch: int = 3, length: int = 24) -> NDArray[np.int64]:
    """Integers as a sensor of FORMAT gives them."""
    return np.random.default_rng(seed).integers(0, 256, (batch, length, d_input))


def to_real(samples: NDArray[np.int64]) -> NDArray[np.float64]:
    """The real values that the samples stand for."""
    return FORMAT.to_real(samples).astype(np.float64)


def compile_stages(
    graph: Graph, options: QuantiseOptions, samples: NDArray[np.int64], methods: Methods = PLAIN
) -> Stages:
    """The graph after every pass, and the float graph itself."""
    return run_pipeline(PassPlan(graph, options, FORMAT, Calibration(samples, run), methods))


def compiled(model: SequenceModel, scheme: Any, bits: tuple[int, ...], samples: NDArray[np.int64]) -> Stages:
    """All stages; no warning may come out of any of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return compile_stages(trace(model, 1), QuantiseOptions(scheme, *bits), samples)


def assert_sound(stages: Mapping[str, Graph], samples: NDArray[np.int64]) -> None:
    """Verified, printed and parsed back equal at every stage; and what runs stays within what is proven."""
    for graph in stages.values():
        assert verify(graph) is graph
        assert parse(print_graph(graph)) == graph
    integer = stages["prove"]
    proven = bounds(integer)

    def check(t: int, values: dict[str, Any]) -> None:
        for name, found in values.items():
            low, high = proven[name].value.span
            assert (found >= low).all(), name
            assert (found <= high).all(), name
            if not isinstance(integer[name], Input):
                assert integer[name].type.bounds[0] <= low
                assert high <= integer[name].type.bounds[1]

    run(integer, samples, check)


def outputs_of(graph: Graph, samples: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """The outputs as real numbers, whatever the stage."""
    if graph.stage != "integer":
        return run(graph, to_real(samples)).outputs
    found = run(graph, samples).outputs
    return {o.name: found[o.name] * graph.scales[o.value].data for o in graph.outputs}


def ragged_graph(
    states: Sequence[int], d_input: int = 2, seed: int = 0, output: str = "step", indices: Sequence[int] = ()
) -> Graph:
    """A float graph with states[h] complex states in head h, none included: encoder, SSM, GELU, decoder.

    With indices, head h reads channel indices[h] of a wider encoder: the heads of the others are gone.
    """
    random, width = np.random.default_rng(seed), len(states)
    b = Builder("ragged", "float")
    u = b.input("u", Type((d_input,)), "input")
    wide = max(indices) + 1 if indices else width
    v = b.add(Matvec(weight=_normal(random, wide, d_input), bias=_normal(random, wide)), "encoder", u)
    if indices:
        v = b.add(Take(indices=INT(list(indices))), "left", v)
    heads, count = INT(np.repeat(np.arange(width), states)), sum(states)
    y = _ssm(b, random, v, count, _normal(random, count, 2), _normal(random, count, 2), heads)
    du = b.add(Scale(factor=_normal(random, width)), "du", v, origin="ssm")
    act = b.add(Activation(kind="gelu"), "act", b.add(Add(), "y", y, du, origin="ssm"), origin="act")
    if output == "last":
        act = _mean(b, act)
    b.output("y", b.add(Matvec(weight=_normal(random, 2, width), bias=_normal(random, 2)), "decoder", act), output)
    return b.graph()


def mimo_graph(states: int = 3, width: int = 2, seed: int = 0) -> Graph:
    """A float graph of an S5 layer: b and c are dense complex matrices between all channels and all states."""
    random = np.random.default_rng(seed)
    b = Builder("mimo", "float")
    u = b.input("u", Type((width,)), "input")
    v = b.add(Matvec(weight=_normal(random, width, width), bias=_normal(random, width)), "encoder", u)
    y = _ssm(b, random, v, states, _normal(random, states, width, 2), _normal(random, width, states, 2), None)
    act = b.add(Activation(kind="silu"), "act", y, origin="act")
    b.output("y", b.add(Matvec(weight=_normal(random, 2, width), bias=_normal(random, 2)), "decoder", act), "step")
    return b.graph()


def _normal(random: np.random.Generator, *shape: int) -> Table:
    return REAL(random.normal(size=shape))


def _ssm(
    b: Builder, random: np.random.Generator, v: str, count: int, weights: Table, c: Table, heads: Table | None
) -> str:
    a = REAL(np.stack([-np.exp(random.normal(size=count)), 5.0 * random.normal(size=count)], axis=-1))
    dt = REAL(random.uniform(0.02, 0.2, count))
    x = b.state("x", Type((count,), complex=True), "ssm")
    ax = b.add(Decay(a=a, dt=dt, method="zoh"), "ax", x, origin="ssm")
    bu = b.add(Drive(a=a, b=weights, dt=dt, method="zoh", heads=heads), "bu", v, origin="ssm")
    b.updates[x] = b.add(Add(), "xn", ax, bu, origin="ssm")
    return b.add(Readout(c=c, heads=heads, channels=b.type(v).shape[0]), "cx", "xn", origin="ssm")


def _mean(b: Builder, x: str) -> str:
    total, count = b.state("total", b.type(x), "pool"), b.state("steps", Type((1,)), "pool")
    b.updates[total] = b.add(Add(), "total_n", total, x, origin="pool")
    one = b.add(Constant(value=REAL([1.0])), "one", origin="pool")
    b.updates[count] = b.add(Add(), "steps_n", count, one, origin="pool")
    return b.add(Divide(), "mean", total, count, origin="pool")
