"""The emitted HLS C++ as its reader sees it: shipped without trace, lines short, no loop that runs once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qssmc.backends.hls import HlsOptions, emit
from qssmc.backends.wrapping import COLUMNS
from qssmc.ir import Graph
from qssmc.passes.prove import prove
from qssmc_sim.emitted_hls import EmittedHls
from qssmc_sim.trace_lines import without_trace
from support import hand
from support.emitted import by_hand
from support.emitted_hls import write
from support.graphs import random_s4d
from support.one_op import MNEMONICS, one_op

GRAPHS = [
    random_s4d([12, 5, 7, 2, 0, 3], layers=2, norm=True, dither=True),
    random_s4d([1]),
    random_s4d([3, 1, 2], output="step", d_input=3, multiplier=True, increment=False),
    *by_hand(),
    hand.mimo(),
    *(prove(one_op(mnemonic, 1)) for mnemonic in MNEMONICS),
]


@pytest.fixture(scope="module", params=[1, 4])
def emitted(request: pytest.FixtureRequest) -> list[tuple[Graph, dict[str, str]]]:
    found = []
    for graph in GRAPHS:
        files = emit(graph, HlsOptions(lanes=request.param))
        found.append((graph, {path: text for path, text in files.items() if path.endswith((".cpp", ".h"))}))
    return found


def test_synthesised_sources_know_nothing_of_tracing(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            if "/trace/" not in path and not path.endswith(("_test.cpp", "harness.cpp")):
                code = re.sub(r"//.*", "", text)
                assert "trace" not in code.lower(), (graph.name, path)


def test_traced_source_without_trace_is_the_shipped_source(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for _, files in emitted:
        (traced,) = (path for path in files if path.endswith("_trace.cpp"))
        name = Path(traced).name.removesuffix("_trace.cpp")
        assert "QSSM_TRACE_" in files[traced]
        assert without_trace(files[traced]) == files[f"hls/{name}.cpp"]


def test_a_difference_between_both_sources_is_told(tmp_path: Path) -> None:
    folder = write(random_s4d([1]), tmp_path)
    path = folder / "random.cpp"
    text = path.read_text()
    with EmittedHls(folder, flags=("-std=c++14", "-O0", "-Wno-unknown-pragmas")) as emitted:
        assert emitted.trace_differs() is None
        path.write_text(text.replace("pipeline II=1", "pipeline II=2", 1))
        line = text[: text.index("pipeline II=1")].count("\n") + 1
        assert emitted.trace_differs() == (
            f"line {line} of random.cpp is not what trace/random_trace.cpp has there without its trace statements"
        )


def test_lines_are_short(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            for number, line in enumerate(text.splitlines(), 1):
                assert len(line) <= COLUMNS or line.startswith("#pragma"), (graph.name, path, number, line)


def test_no_loop_runs_once_and_no_conversion_follows_itself(emitted: list[tuple[Graph, dict[str, str]]]) -> None:
    for graph, files in emitted:
        for path, text in files.items():
            if not path.endswith(("_test.cpp", "harness.cpp")):
                assert not re.search(r"= 0; \w+ < 1;", text), (graph.name, path)
                assert not re.search(r"const (\w+_t) \w+ =\s+\1\([^()]*\);", text), (graph.name, path)
