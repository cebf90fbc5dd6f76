"""Whole emitted cores against the golden model: every op, odd graphs, random models, with and without pauses."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from cores import core, replay
from dice import Dice
from module_bench import SEED
from qssmc.backends.verilog import Pace, VerilogOptions, design, emit
from qssmc.backends.verilog.lower import clocks_of_layers, lower
from qssmc.backends.verilog.schedule import schedule
from qssmc.errors import UnsupportedModelError, UsageError
from qssmc.ir import Builder, Graph, Table, Type
from qssmc.ir.ops import Add, Diag, Inject, Matvec, Readout, Requant, ShiftLeft
from qssmc.passes.prove import prove
from support import emitted as graphs_of_c
from support import hand
from support.graphs import random_s4d
from support.one_op import MNEMONICS, extreme_samples, one_op

PAUSES = ({}, {"idle": 120, "stall": 0}, {"idle": 0, "stall": 180}, {"idle": 90, "stall": 90})


def compare(graph: Graph, folder: Path, lanes: int = 1, steps: int = 6) -> None:
    samples = extreme_samples(graph, SEED, 3, steps)
    with core(graph, folder, lanes) as emitted:
        for at, pauses in enumerate(PAUSES):
            replay(graph, emitted, samples, seed=SEED + at, **pauses)


def usable(graph: Graph) -> bool:
    return all(0 not in op.type.shape for op in graph.ops)


@pytest.mark.parametrize("mnemonic", MNEMONICS)
def test_every_op(tmp_path: Path, mnemonic: str) -> None:
    found = (prove(one_op(mnemonic, seed)) for seed in range(SEED, SEED + 100))
    for at, graph in zip(range(2), filter(usable, found), strict=False):
        compare(graph, tmp_path / str(at))


ODD = [
    graphs_of_c.old_value_read_late, graphs_of_c.register_of_states, graphs_of_c.quarrelling_heads,
    graphs_of_c.complex_pieces, graphs_of_c.awkward_names, graphs_of_c.wide_numbers, graphs_of_c.no_input,
    graphs_of_c.aligned_state, hand.crossbar, hand.delay_line, hand.dithered, hand.mimo,
]  # fmt: skip


@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_odd_graphs(tmp_path: Path, make: object) -> None:
    assert callable(make)
    compare(make(), tmp_path)


def spread_poles() -> Graph:
    """A layer whose A x is shifted, by another amount for each state."""
    random = np.random.default_rng(SEED)
    heads, amounts = Table.integer([0, 0, 1, 1, 1]), Table.integer([0, 2, 1, 0, 2])

    def any_of(low: int, high: int) -> Table:
        return Table.integer(random.integers(low, high, (5, 2)))

    b = Builder("spread", "integer")
    u = b.input("u", Type((2,), 5))
    x = b.state("x", Type((5,), 9, complex=True))
    moved = b.add(ShiftLeft(amount=amounts), "ax1", b.add(Diag(lambda_bar=any_of(-60, 60)), "ax", x))
    kept = b.add(ShiftLeft(amount=Table.integer(8)), "x1", x)
    driven = b.add(Inject(b_bar=any_of(-7, 8), heads=heads), "bu", u)
    total = b.add(Add(), "xs", kept, moved, b.add(ShiftLeft(amount=Table.integer(3)), "bu1", driven))
    b.updates[x] = b.add(
        Requant(multiplier=Table.integer(1), shift=Table.integer(8), low=Table.integer(-255), high=Table.integer(255)),
        "xn",
        total,
    )
    b.output("y", b.add(Readout(c=any_of(-8, 8), heads=heads, channels=2), "y", "xn"), "step")
    return prove(b.graph())


@pytest.mark.parametrize("lanes", [1, 2])
def test_a_shift_of_a_x_stays_in_the_engine(tmp_path: Path, lanes: int) -> None:
    graph = spread_poles()
    cells = design(graph, VerilogOptions(lanes)).circuit.cells
    assert "qssm_ssm" in {cell.module for cell in cells}
    compare(graph, tmp_path, lanes)


def test_the_fewest_lanes_that_keep_a_pace() -> None:
    graph = random_s4d([9, 9, 9], seed=1)
    clocks = {lanes: design(graph, VerilogOptions(lanes)).schedule.interval for lanes in (1, 2)}
    assert clocks[2] < clocks[1]
    assert design(graph, VerilogOptions(pace=Pace(1e9 / 10 / clocks[1], 10))).lanes == 1
    assert design(graph, VerilogOptions(pace=Pace(1e9 / 10 / clocks[2], 10))).lanes == 2
    with pytest.raises(UsageError, match="leave 1 clocks a step, but the fastest core"):
        design(graph, VerilogOptions(pace=Pace(1e8, 10)))


def test_multipliers_that_are_too_few() -> None:
    graph = random_s4d([3, 2], seed=1)
    with pytest.raises(UsageError, match="more than --multipliers 1; give fewer lanes"):
        design(graph, VerilogOptions(1, 1))


def any_model(seed: int) -> tuple[Graph, int]:
    dice = random.Random(seed)
    states = [dice.choice([0, 1, 2, 3, 5, 8, 9]) for _ in range(dice.randint(1, 6))]
    graph = random_s4d(
        states if sum(states) else [3], seed=seed, layers=dice.randint(1, 2), d_input=dice.randint(1, 3),
        d_output=dice.randint(1, 5), output=dice.choice(["last", "step"]), state_bits=dice.choice([6, 8, 12]),
        increment=dice.random() < 0.6, norm=dice.random() < 0.3, multiplier=dice.random() < 0.3,
    )  # fmt: skip
    return graph, dice.choice([1, 2, 3, 4, 8])


def test_many_lanes_for_short_heads(tmp_path: Path) -> None:
    """Heads share beats, several elements of a product are worked on in a clock, and its pieces are apart, but for the
    last row of each, which one engine does for both."""
    graph = random_s4d([7, 8, 5, 4, 5, 4, 7, 5, 13, 13, 10, 1, 2, 4, 4, 4], seed=1)
    cells = {cell.name: cell for cell in design(graph, VerilogOptions(4)).circuit.cells}
    assert cells["l0_cx"].parameters["SPLIT"] == 1
    assert [cells[name].parameters["K"] for name in ("l0_a_own", "l0_b_own", "l0_mix_left")] == [2, 2, 1]
    assert [cells[name].multipliers for name in ("l0_a_own", "l0_b_own", "l0_mix_left")] == [10, 10, 2]
    assert "l0_mix" not in cells
    compare(graph, tmp_path, 4)
    counts_as_scheduled(graph, tmp_path, 4)


def test_products_need_not_be_faster_than_the_rest(tmp_path: Path) -> None:
    """A norm takes longer than the layer, and so may the matrices: with fewer multipliers, in as many clocks."""
    graph = random_s4d([3, 2, 1, 2], seed=3, norm=True)
    fast, made = lower(graph, 2), design(graph, VerilogOptions(2))
    assert schedule(fast).interval == made.schedule.interval
    assert sum(cell.multipliers for cell in made.circuit.cells) < sum(cell.multipliers for cell in fast.cells)
    compare(graph, tmp_path, 2)
    counts_as_scheduled(graph, tmp_path, 2)


@pytest.mark.parametrize("seed", range(10))
def test_random_models(tmp_path: Path, seed: int) -> None:
    graph, lanes = any_model(SEED + seed)
    compare(graph, tmp_path, lanes)


def counts_as_scheduled(graph: Graph, folder: Path, lanes: int) -> None:
    wanted = design(graph, VerilogOptions(lanes)).schedule
    with core(graph, folder, lanes) as emitted:
        one = replay(graph, emitted, extreme_samples(graph, SEED, 1, 1))
        assert one.span == max(wanted.latency.values())
        many = replay(graph, emitted, extreme_samples(graph, SEED, 1, 60))
        assert many.interval == wanted.interval


# The first four have serial products, a norm or a fork that wait for readers which look before they take.
@pytest.mark.parametrize("seed", [13, 18, 19, 35, *range(SEED, SEED + 10)])
def test_the_schedule_is_what_the_simulation_counts(tmp_path: Path, seed: int) -> None:
    graph, lanes = any_model(seed)
    counts_as_scheduled(graph, tmp_path, lanes)


@pytest.mark.parametrize("seed", range(SEED, SEED + 5))
def test_layers_that_share_a_phase_overlap(tmp_path: Path, seed: int) -> None:
    """A later layer wants the phase of a sample when the first is at work on the next: it does not wait for that."""
    dice = random.Random(seed)
    states = [dice.randint(1, 9) for _ in range(dice.randint(2, 6))]
    graph, lanes = random_s4d(states, seed=seed, layers=dice.randint(2, 3), dither=True), dice.choice([1, 2, 4])
    assert design(graph, VerilogOptions(lanes)).schedule.interval <= clocks_of_layers(graph, lanes) + 5
    counts_as_scheduled(graph, tmp_path, lanes)


def test_short_sequences_back_to_back(tmp_path: Path) -> None:
    graph = random_s4d([3, 1, 2], seed=4)
    samples = np.asarray(Dice(SEED).between(0, 255, 24)).reshape(24, 1, 1)
    with core(graph, tmp_path) as emitted:
        for pauses in PAUSES:
            replay(graph, emitted, samples, **pauses)


@pytest.mark.parametrize("output", ["last", "step"])
def test_the_index_of_the_largest_output(tmp_path: Path, output: str) -> None:
    graph = random_s4d([3, 0, 2], seed=6, d_output=5, output=output)
    samples = extreme_samples(graph, SEED, 4, 9)
    wanted = design(graph, VerilogOptions(2, argmax=True)).schedule
    with core(graph, tmp_path, 2, argmax=True) as emitted:
        for at, pauses in enumerate(PAUSES):
            replay(graph, emitted, samples, seed=SEED + at, **pauses)
        assert replay(graph, emitted, extreme_samples(graph, SEED, 1, 1)).span == max(wanted.latency.values())


def test_a_complex_output_has_no_largest_element() -> None:
    with pytest.raises(UnsupportedModelError, match=r"--argmax: an output of .* is complex"):
        emit(graphs_of_c.complex_pieces(), VerilogOptions(argmax=True))


def test_emission_is_pure() -> None:
    graph = random_s4d([3, 0, 2], seed=5)
    assert emit(graph, VerilogOptions(2)) == emit(graph, VerilogOptions(2))


def test_lanes_and_graphs_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="--lanes must be 1 to 64, not 0"):
        VerilogOptions(0)
    b = Builder("empty", "integer")
    u = b.input("u", Type((2,), 4))
    b.output(
        "y",
        b.add(
            Matvec(weight=Table.integer(np.zeros((0, 2), np.int64)), bias=Table.integer(np.zeros(0, np.int64))),
            "y",
            u,
            origin="head",
        ),
        "step",
    )
    with pytest.raises(UnsupportedModelError, match=r"%y \(matvec, from head\) has no elements"):
        emit(prove(b.graph()))
