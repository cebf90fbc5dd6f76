"""The sweep: the same whoever does it, resumed where it was ended, and pictures that hold every design."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from pathlib import Path

import distributed
import pytest

from qssmc.errors import UsageError
from qssmc.search import Cached, DaskCluster, Executor, Explorer, InProcess, Measured, Objective, ProcessPool
from qssmc.search.curve import curve, front
from qssmc.search.executors import Trial
from qssmc.search.pareto import Point, sweep, to_csv
from support.objectives import Counting, tiny_objective

BENCH = tiny_objective(labels=True)


def swept(executor: Executor, folder: Path | None = None, objective: Objective = BENCH) -> tuple[Point, ...]:
    return sweep(Explorer(objective, Cached(executor, folder)), 4)


@pytest.fixture(scope="module")
def alone() -> tuple[Point, ...]:
    return swept(InProcess())


def test_points_differ_and_more_memory_loses_less(alone: tuple[Point, ...]) -> None:
    sizes = [point.measured.bits for point in alone]
    assert len(set(sizes)) == len(sizes) >= 3
    assert sizes == sorted(sizes)
    assert alone[0].measured.loss > 3 * min(point.measured.loss for point in alone)


def test_processes_find_the_same(alone: tuple[Point, ...]) -> None:
    with ProcessPool(2) as executor:
        assert swept(executor) == alone


def test_a_dask_cluster_finds_the_same(alone: tuple[Point, ...]) -> None:
    # The worker is a thread here, but what it is sent and gives back goes through a socket as elsewhere.
    options = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": None, "processes": False}
    options["protocol"] = "tcp"
    with distributed.LocalCluster(**options) as local, DaskCluster(local.scheduler_address) as executor:
        assert swept(executor) == alone


def test_an_address_without_a_scheduler_is_refused() -> None:
    with pytest.raises(UsageError, match="no Dask scheduler answers at tcp"):
        DaskCluster("tcp://127.0.0.1:1", timeout=1)


class Ended(Exception):
    """Somebody ended the sweep."""


class Ending(Counting):
    """Is ended after so many trials."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def results(self, objective: Objective, trials: Sequence[Trial]) -> Iterator[Measured]:
        for trial in trials:
            if len(self.asked) == self.after:
                raise Ended
            yield from super().results(objective, [trial])


def test_an_ended_sweep_goes_on_where_it_was(alone: tuple[Point, ...], tmp_path: Path) -> None:
    first, second, third = Ending(9), Counting(), Counting()
    with pytest.raises(Ended):
        swept(first, tmp_path)
    assert swept(second, tmp_path) == alone
    assert len(first.asked) == 9
    assert not set(first.asked) & set(second.asked)
    assert swept(third, tmp_path) == alone
    assert third.asked == []


def test_what_was_half_written_is_measured_again_and_other_benches_are_not_mixed_up(tmp_path: Path) -> None:
    trial: Trial = (Explorer(BENCH, InProcess()).base(Explorer(BENCH, InProcess()).first), "count")
    (measured,) = Cached(InProcess(), tmp_path).results(BENCH, [trial])
    (path,) = tmp_path.iterdir()
    path.write_text(path.read_text()[:40])
    again = Counting()
    assert next(iter(Cached(again, tmp_path).results(BENCH, [trial]))).bits == measured.bits
    assert again.asked == [trial]
    other = Counting()
    list(Cached(other, tmp_path).results(tiny_objective(count=13), [trial]))
    assert other.asked == [trial]


def test_csv_has_a_line_a_design(alone: tuple[Point, ...]) -> None:
    lines = list(csv.DictReader(io.StringIO(to_csv(alone))))
    assert [int(line["bytes"]) for line in lines] == [point.measured.bytes for point in alone]
    assert [float(line["accuracy"]) for line in lines] == [point.measured.accuracy for point in alone]
    assert {line["bits"].split()[0].split("=")[0] for line in lines} == {"blocks_0_activation"}


def test_the_front_leaves_out_what_is_dearer_and_no_better() -> None:
    assert front([(4, 90.0), (2, 80.0), (3, 79.0), (2, 70.0), (8, 90.0)]) == [(2, 80.0), (4, 90.0)]


@pytest.mark.parametrize("pairs", [[(100.0, 50.0)], [(1000.0, 97.1), (1300.0, 97.3), (9000.0, 12.0)]])
def test_the_curve_is_an_svg_with_every_design_inside_and_the_same_twice(pairs: list[tuple[float, float]]) -> None:
    text = curve(pairs, "a < b", "bytes")
    assert text == curve(pairs[::-1], "a < b", "bytes")
    root = ET.fromstring(text)
    circles = [item for item in root.iter() if item.tag.endswith("circle")]
    assert len(circles) == len(pairs)
    for circle in circles:
        assert 0 < float(circle.get("cx", "-1")) < float(root.get("width", "0"))
        assert 50 <= float(circle.get("cy", "-1")) <= 370
    lower = [circle.get("cy") for circle in sorted(circles, key=lambda item: float(item.get("cx", "0")))]
    if len(pairs) == 3:
        assert float(lower[2] or 0) > float(lower[0] or 0) > float(lower[1] or 0)


def test_a_sweep_needs_labels() -> None:
    with pytest.raises(UsageError, match="--pareto needs labelled sequences"):
        swept(InProcess(), objective=tiny_objective())
