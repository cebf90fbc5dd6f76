"""Registry: layers as others write them become the IR whose numbers are theirs, or are refused with both numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import qssmc
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.frontend import compare_with_module, trace
from qssmc.frontend.layers import LayerHandler, register, registry
from qssmc.ir import Graph
from qssmc_sim import run
from support import state_spaces as spaces
from support.random_models import sensor_samples, to_real
from tests.frontend.layers import lookalikes as other


def outputs(graph: Graph, samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return run(graph, samples).outputs


class Around(nn.Module):
    """A layer between two Linears, in the layout that it wants."""

    def __init__(self, layer: nn.Module, layout: str, width: int, out: int) -> None:
        super().__init__()
        self.encoder, self.layer, self.decoder = nn.Linear(1, width), layer, nn.Linear(out, 2)
        self.layout = layout

    def forward(self, u: Tensor) -> Tensor:
        x = self.encoder(u)
        if self.layout == "first":
            x, _ = self.layer(x.transpose(1, 2), rate=1.0)
            x = x.transpose(1, 2)
        elif self.layout == "block":
            x = self.layer(x.mT)[0].mT
        elif self.layout == "time first":
            x = self.layer(x.transpose(0, 1)).transpose(0, 1)
        elif self.layout == "last and state":
            x, _ = self.layer(x)
        else:
            x = self.layer(x)
        return self.decoder(x.mean(1))


def block(**layer: Any) -> Callable[[], nn.Module]:
    return lambda: spaces.S4Block(4, states=3, **layer)


class RMSNorm(nn.Module):
    """As language models write it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.variance_epsilon = nn.Parameter(torch.rand(width)), 1e-3

    def forward(self, x: Tensor) -> Tensor:
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)


CASES: dict[str, tuple[Callable[[], nn.Module], str, str]] = {
    "S4D": (lambda: other.S4D(3), "first", "S4D (zoh, b = 1, 2 Re)"),
    "S4D not transposed": (lambda: other.S4D(3, transposed=False), "last and state", "S4D (zoh, b = 1, 2 Re)"),
    "S4D bilinear": (lambda: other.S4D(3, method="bilinear"), "first", "S4D (bilinear, b = 1, 2 Re)"),
    "S4D given B": (lambda: other.S4D(3, given_b=True), "first", "S4D (zoh, b given, 2 Re)"),
    "S4D once": (lambda: other.S4D(3, twice=False), "first", "S4D (zoh, b = 1, 1 Re)"),
    "S4D frozen": (lambda: other.S4D(3, frozen=True), "first", "S4D (zoh, b = 1, 2 Re)"),
    "S4D complex64": (lambda: other.S4D(3, complex64=True), "first", "S4D (zoh, b = 1, 2 Re)"),
    "S4D without kernel": (lambda: other.BareS4D(3, 4), "last", "S4D (zoh, b = 1, 2 Re)"),
    "LRU": (lambda: other.LRU(3, 3), "last", "LRU (gamma given, 1 Re)"),
    "LRU of other width": (lambda: other.LRU(3, 5), "last", "LRU (gamma given, 1 Re)"),
    "LRU diagonal D": (lambda: other.LRU(3, 3, dense=False), "last", "LRU (gamma given, 1 Re)"),
    "S5": (lambda: other.S5SSM(3), "last", "S5 (zoh, 2 Re)"),
    "S5 bilinear": (lambda: other.S5SSM(3, method="bilinear", pairs=False), "last", "S5 (bilinear, 1 Re)"),
    "damped EMA": (lambda: other.MultiHeadEMA(3), "time first", "EMA (scale 0.707107, silu)"),
    "EMA": (lambda: other.LeakyEMA(3), "last", "EMA (x <- x + 1 - sigmoid (u - x))"),
    "S4 block": (block(), "block", "S4 (diagonal, zoh, 2 Re)"),
    "S4 block bilinear": (block(disc="bilinear", few=2), "block", "S4 (diagonal, bilinear, 2 Re)"),
    "S4 block softplus": (
        block(dt_transform="softplus", real_transform="softplus", untied=True, bandlimit=0.5),
        "block",
        "S4 (diagonal, zoh, 2 Re)",
    ),
    "S4 block of real poles": (block(is_real=True), "block", "S4 (diagonal, zoh, 2 Re)"),
    "S4 block of channels": (block(channels=2), "block", "S4 (diagonal, zoh, 2 Re)"),
    "S4 block with a gate": (block(activation="glu"), "block", "S4 (diagonal, zoh, 2 Re)"),
    "S4 block of low rank": (block(low_rank=1), "block", "S4 (diagonal plus low rank, bilinear, "),
    "S4 block of rank 2, for a length": (block(low_rank=2, length=50), "block", "S4 (diagonal plus low rank, bilin"),
    "S5 over the batch": (lambda: spaces.S5(4), "last", "S5 (zoh, 1 Re)"),
    "EMA of heads": (lambda: spaces.HeadsEMA(4), "last", "EMA (3 heads)"),
    "own RMS norm": (lambda: RMSNorm(3), "last", "a norm (RMS, eps 0.001)"),
    "dense A and D": (lambda: spaces.DenseSSM(4, 4), "last", "a dense state space (A of one step)"),
    "LMU": (lambda: spaces.ParallelLMU(4, 4, 6, 97, 30.0), "last and state", "a Legendre memory unit (A of one step"),
}


def around(case: str) -> Around:
    make, layout, _ = CASES[case]
    torch.manual_seed(0)
    width = 4 if any(word in case for word in ("block", "batch", "heads", "dense A", "LMU")) else 3
    return Around(make(), layout, width, 5 if case == "LRU of other width" else width).eval()


@pytest.mark.parametrize("case", CASES)
def test_every_layer_is_read_as_what_it_is(case: str) -> None:
    module, said = around(case), list[str]()
    graph = trace(module, 1, run=outputs, say=said.append)
    (sentence,) = said
    assert CASES[case][2] in sentence
    assert "relative, in float" in sentence
    samples = to_real(sensor_samples(1, length=97 if case == "LMU" else 40))
    assert compare_with_module(graph, module, samples, outputs) < 1e-6


@pytest.mark.parametrize("case", ["S4D", "LRU", "S5", "damped EMA", "EMA"])
def test_every_layer_compiles_and_c_is_the_golden_model(case: str, tmp_path: Any) -> None:
    module = around(case)
    samples = np.random.default_rng(0).random((8, 30, 1))
    design = qssmc.compile(module, calibration=samples, output_dir=tmp_path / "out")
    assert qssmc.verify(tmp_path / "out", sequences=3).sequences == 3
    integers = np.round(samples * 4096).clip(0, 4095).astype(np.int64)
    loaded = qssmc.load(tmp_path / "out")
    found = loaded.to_real(loaded.run(integers), steps=30)
    with torch.no_grad():
        wanted = module.double()(torch.from_numpy(integers / 4096.0)).numpy()
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 0.02 * np.abs(wanted).max()  # activations of 8 bits
    assert design.model is not None


def test_a_layer_with_other_numbers_is_refused_with_both() -> None:
    class LeakyS4D(other.S4D):
        def forward(self, u: Tensor, state: Any = None, rate: float = 1.0) -> tuple[Tensor, None]:
            return super().forward(u)[0] * 1.01, None

    module = Around(LeakyS4D(3), "first", 3, 3)
    with pytest.raises(UnsupportedModelError) as caught:
        trace(module, 1, run=outputs)
    for part in (
        "layer (test_registry.py, line ",
        "LeakyS4D looks like S4D, but at step ",
        " gives ",
        "(allowed: 1e-05",
    ):
        assert part in str(caught.value)


def test_a_layer_that_sees_both_ways_is_refused() -> None:
    class TwoWayLRU(other.LRU):
        def forward(self, u: Tensor) -> Tensor:
            return super().forward(u) + super().forward(u.flip(1)).flip(1)

    with pytest.raises(UnsupportedModelError, match="looks like LRU, but at step"):
        trace(Around(TwoWayLRU(3, 3), "last", 3, 3), 1, run=outputs)


def test_a_layer_that_fails_and_one_without_an_interpreter() -> None:
    with pytest.raises(UnsupportedModelError, match=r"S4D fails on an operand of shape \(6, 97, 3\)"):
        trace(nn.Sequential(nn.Linear(1, 3), other.S4D(3)), 1, run=outputs)
    with pytest.raises(UnsupportedModelError, match="is a layer of the registry, which is checked by running it"):
        trace(around("LRU"), 1)


def test_computing_with_the_state_of_a_layer() -> None:
    class Keeps(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = other.S4D(1, transposed=False)

        def forward(self, u: Tensor) -> Tensor:
            y, state = self.layer(u)
            return y + state

    with pytest.raises(UnsupportedModelError, match="add of the state of layer, which a design keeps to itself"):
        trace(Keeps(), 1, run=outputs)


class Halving(nn.Module):
    """A layer that no handler knows: half the sample and half the one before."""

    def __init__(self) -> None:
        super().__init__()
        self.share = nn.Parameter(torch.tensor([0.5]))

    def forward(self, u: Tensor) -> Tensor:
        before = torch.roll(u, 1, 1).index_fill(1, torch.tensor([0]), 0.0)
        return self.share * u + (1 - self.share) * before


def build_halving(b: Any, stem: str, u: str, origin: str) -> str:
    from qssmc.ir.ops import Add, Scale
    from qssmc.ir.table import Table

    kept = b.state(b.fresh(f"{stem}_before"), b.type(u), origin)
    b.updates[kept] = u
    half = Scale(factor=Table.real(0.5))
    old, new = (b.add(half, b.fresh(f"{stem}_half"), x, origin=origin) for x in (kept, u))
    return str(b.add(Add(), b.fresh(f"{stem}_y"), old, new, origin=origin))


def test_a_handler_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_registered", [])
    module = nn.Sequential(nn.Linear(1, 3), Halving())
    with pytest.raises(UnsupportedModelError):
        trace(module, 1, run=outputs)
    handler = LayerHandler("halving", "^halving$", lambda m: hasattr(m, "share"), lambda m: [("half", build_halving)])
    assert qssmc.register(handler) is handler
    graph = trace(module, 1, run=outputs)
    assert compare_with_module(graph, module, to_real(sensor_samples(1)), outputs) < 1e-9


def test_handlers_that_are_none() -> None:
    with pytest.raises(UsageError, match="registered by a LayerHandler, not by int"):
        register(3)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is no regular expression"):
        register(LayerHandler("bad", "(", lambda m: True, lambda m: []))


def test_entry_points(monkeypatch: pytest.MonkeyPatch) -> None:
    class Point:
        name, value = "broken", "package:handler"

        def load(self) -> Any:
            raise ImportError("no such package")

    registry._of_packages.cache_clear()
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point()])
    with pytest.raises(UsageError, match=r"the layer broken of package:handler cannot be imported \(no such package\)"):
        registry.handler_of(nn.Linear(1, 1))
    monkeypatch.setattr(Point, "load", lambda self: 3)
    with pytest.raises(UsageError, match="package:handler must be a LayerHandler, not int"):
        registry.handler_of(nn.Linear(1, 1))
    registry._of_packages.cache_clear()


@pytest.mark.parametrize(
    ("layer", "layout", "sentence"),
    [
        (
            lambda: spaces.S4Block(4, bidirectional=True),
            "block",
            "it is bidirectional: it reads samples that are still",
        ),
        (lambda: spaces.S4Block(4, disc="dss"), "block", "its discretisation 'dss' depends on the length"),
        (lambda: spaces.S5(4, both=True), "last", "it is bidirectional: it reads samples that are still to come"),
        (lambda: spaces.S5(4, liquid=True), "last", "its poles depend on the input (liquid)"),
        (lambda: spaces.DenseSSM(4, 4, 8, defective=True), "last", "(allowed: 1e-03, float64)"),
    ],
)
def test_layers_that_no_diagonal_recurrence_is(layer: Any, layout: str, sentence: str) -> None:
    torch.manual_seed(0)
    with pytest.raises(UnsupportedModelError) as caught:
        trace(Around(layer(), layout, 4, 4), 1, run=outputs)
    assert sentence in str(caught.value)


def test_parameters_stay_and_computing_in_double_changes_a_copy_alone() -> None:
    module = around("S5 over the batch").half()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    trace(module, 1, run=outputs)
    after = module.state_dict()
    assert all(after[name].dtype == value.dtype and torch.equal(after[name], value) for name, value in before.items())
