"""From compile to eval: the check against torch stops, a mean holds as many steps as asked for, answers are judged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from qssmc.analysis.bounds import bounds
from qssmc.cli import main
from qssmc.data import InputFormat, Sequences
from qssmc.evaluation.accuracy import evaluate
from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.models import save_checkpoint
from support.tiny import LENGTH, tiny_checkpoint, tiny_model


@pytest.mark.parametrize("steps", [24, 100, 4096])
@pytest.mark.parametrize("scheme", ["qssm", "zhao"])
def test_sum_of_a_mean_holds_as_many_steps_as_asked_for(scheme: str, steps: int, tmp_path: Path) -> None:
    flags = ["-o", str(tmp_path / "out"), "--max-steps", str(steps), "--scheme", scheme]
    assert main(["-q", "compile", str(tiny_model(tmp_path)), *flags]) == 0
    graph = parse(next((tmp_path / "out" / "ir").glob("*_prove.ir")).read_text())
    total = graph[graph.updates["pool_total"]]
    (term,) = (name for name in graph[total.inputs[0]].inputs if name != "pool_total")
    low, high = bounds(graph)[term].value.span
    assert int(total.tables()["high"].data.min()) >= steps * high > 0
    assert int(total.tables()["low"].data.max()) <= steps * low < 0
    count = graph[graph.updates["pool_steps"]]
    assert int(count.tables()["high"].data.min()) >= steps


def test_float_ir_that_differs_from_torch_stops_the_compilation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(module: torch.nn.Module, d_input: int, name: str) -> Graph:
        other = tiny_checkpoint()
        other.state["blocks.0.ssm.d"] *= 1.01
        return trace(other.build(), d_input, name)

    monkeypatch.setattr("qssmc.frontend.tracing.trace", wrong)
    assert main(["-q", "compile", str(tiny_model(tmp_path)), "-o", str(tmp_path / "out")]) == 1
    assert "the float IR differs from the torch module" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("output", ["step", "pooled"])
def test_a_model_is_judged_by_its_last_answer(output: str, tmp_path: Path) -> None:
    samples = np.random.default_rng(3).integers(0, 256, (60, LENGTH, 1), dtype=np.uint8)
    data = Sequences(samples, np.zeros(60, np.int64), InputFormat(8, 8, False))
    checkpoint = tiny_checkpoint(output=output)

    def answers() -> torch.Tensor:
        with torch.no_grad():
            found = checkpoint.build()(torch.from_numpy(data.format.to_real(samples)))
        return found[:, -1] if output == "step" else found

    checkpoint.state["decoder.bias"] -= answers().mean(dim=0)  # so that no class always wins
    wanted = answers().argmax(-1).numpy()
    assert np.bincount(wanted, minlength=5).max() < 40
    save_checkpoint(checkpoint, tmp_path / "m.pt")
    assert main(["-q", "compile", str(tmp_path / "m.pt"), "-o", str(tmp_path / "out"), "--bits", "W12A12"]) == 0
    assert np.array_equal(evaluate(tmp_path / "m.pt", "torch", data).predictions, wanted)
    golden, emitted = (evaluate(tmp_path / "out", engine, data).predictions for engine in ("golden", "c"))
    assert np.array_equal(golden, emitted)
    assert (golden == wanted).mean() > 0.9
