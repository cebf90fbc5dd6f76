"""A target registered at run time goes through compile, verify, eval and supported-ops; nothing else knows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qssmc.cli import main
from qssmc.data import InputFormat, Sequences
from qssmc.errors import VerificationError
from qssmc.evaluation.accuracy import evaluate
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Matvec, Normalize, Op
from qssmc.ir.text import parse, print_graph
from qssmc.targets.backend import Backend, Facts, Files, Lowered
from qssmc.targets.executable import DesignExecutable, golden_executable
from qssmc.targets.registry import BACKENDS, named
from qssmc.verification.comparison import compare_outputs
from qssmc.verification.target_check import Compared, RecordedDesign, TargetCheck
from qssmc.verification.toolchain import Toolchain
from qssmc_sim import run
from support.tiny import LENGTH, tiny_model


@dataclass(frozen=True)
class ToyOptions:
    """loud: whether a note tells of it."""

    loud: bool = field(default=True, metadata={"help": "Tell of it."})


def _supports(op: Op) -> str | None:
    return "is beyond a toy" if isinstance(op, Normalize) else None


def _emit(lowered: Lowered, options: ToyOptions) -> Files:
    """The toy emits its graph as text."""
    return {"toy/model.ir": print_graph(lowered.golden).encode(), "toy/loud": b"1" if options.loud else b"0"}


def _read(folder: Path) -> Graph:
    return parse((folder / "toy/model.ir").read_text())


def _check(design: RecordedDesign, tools: Toolchain) -> Compared:
    found = run(_read(design.folder), design.samples).outputs
    compare_outputs(found, design.expected, "the toy")
    return Compared(sum(values.size for values in found.values()), "hand")


def _load(folder: Path, graph: Graph, tools: Toolchain) -> DesignExecutable:
    return golden_executable(_read(folder))


def _facts(files: Mapping[str, bytes]) -> Facts:
    return Facts({"lines": files["toy/model.ir"].count(b"\n")}, "the toy is ready" if files["toy/loud"] == b"1" else "")


TOY = Backend(
    "toy",
    "toy",
    _supports,
    _emit,
    TargetCheck((), lambda name: name == "toy/model.ir", _check),
    _load,
    _facts,
    ToyOptions,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Backend:
    monkeypatch.setitem(BACKENDS, "toy", TOY)
    return TOY


@pytest.fixture
def design(toy: Backend, tmp_path: Path) -> Path:
    out = tmp_path / "out"
    assert (
        main(["-q", "compile", str(tiny_model(tmp_path)), "--target", "c,toy", "--vectors", "3", "-o", str(out)]) == 0
    )
    return out


def test_compile(design: Path) -> None:
    manifest = json.loads((design / "manifest.json").read_text())
    assert manifest["config"]["targets"] == ["c", "toy"]
    assert manifest["config"]["toy"] == {"loud": True}
    sizes = json.loads((design / "report/targets.json").read_text())
    assert sizes["toy"]["files"] == 2
    assert sizes["toy"]["lines"] == (design / "toy/model.ir").read_text().count("\n")
    assert named("all") == ("c", "hls", "verilog", "onnx", "toy")


def test_its_note_is_told(toy: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", str(tiny_model(tmp_path)), "--target", "toy", "-o", str(tmp_path / "out")]) == 0
    assert "the toy is ready" in capsys.readouterr().err


def test_verify(design: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "verify", str(design)]) == 0
    assert json.loads(capsys.readouterr().out)["targets"] == ["C", "toy"]
    text = (design / "toy/model.ir").read_text()
    (design / "toy/model.ir").write_text(_with_other_bias(text))
    assert main(["verify", str(design), "--target", "toy"]) == 1
    assert "the toy does not give the recorded output" in capsys.readouterr().err


def _with_other_bias(text: str) -> str:
    graph = parse(text)
    bias = next(op for op in reversed(graph.ops) if isinstance(op, Matvec))
    moved = replace(bias, bias=type(bias.bias).integer(bias.bias.data + 1000000))
    return print_graph(graph.with_ops(moved if op is bias else op for op in graph.ops))


def test_eval(design: Path) -> None:
    samples = np.random.default_rng(1).integers(0, 256, (20, LENGTH, 1), dtype=np.uint8)
    data = Sequences(samples, np.zeros(20, np.int64), InputFormat(8, 8, False))
    golden, toy = (evaluate(design, engine, data).predictions for engine in ("golden", "toy"))
    assert np.array_equal(golden, toy)
    (design / "toy/model.ir").write_text("")
    with pytest.raises(VerificationError, match=r"toy/model\.ir is not what was compiled"):
        evaluate(design, "toy", data)


def test_supported_ops_asks_it(toy: Backend, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "supported-ops"]) == 0
    ops: dict[str, dict[str, Any]] = json.loads(capsys.readouterr().out)["ops"]
    assert (ops["normalize"]["toy"], ops["normalize"]["c"], ops["matvec"]["toy"]) == (False, True, True)


def test_what_it_refuses_is_told_before_anything_is_emitted(
    toy: Backend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tiny_model(tmp_path, norm="layer", n_layers=2)
    assert main(["-q", "compile", str(model), "--target", "c,toy", "-o", str(tmp_path / "out")]) == 3
    told = capsys.readouterr().err
    assert told.count("is beyond a toy") == 2
    assert "--target toy: %" in told
    assert "(normalize, from blocks.0.pre_norm)" in told
    assert not (tmp_path / "out").exists()
