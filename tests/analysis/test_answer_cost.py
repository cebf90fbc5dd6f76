"""Answer cost: what an output says decides what an error of a running sum costs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from qssmc.analysis.answer_cost import sum_cost
from qssmc.analysis.calibration import Calibration
from qssmc.errors import UsageError
from qssmc.frontend import trace
from qssmc.ir import Graph, parse, print_graph
from qssmc.ir.answers import answering, decisions, predictions
from qssmc.ir.graph import Kind
from qssmc.ir.ops import Matvec
from qssmc.models import ModelConfig, SequenceModel
from qssmc.passes.canonicalise import canonicalise
from qssmc.passes.discretize import discretize
from qssmc_sim import run

CALIBRATION = Calibration(np.random.default_rng(3).random((24, 12, 1)), run)


def pooled(outputs: int, kind: Kind) -> Graph:
    import torch

    torch.manual_seed(0)
    model = SequenceModel(ModelConfig(d_model=4, d_state=2, d_output=outputs, answer=kind)).eval()
    return answering(discretize(canonicalise(trace(model, 1))), kind)


def decoder(graph: Graph) -> tuple[str, NDArray[Any]]:
    """The running sum that the decoder reads, and the decoder's rows."""
    ops = [op for op in graph.last_ops if isinstance(op, Matvec) and graph[op.inputs[0]].type.shape[0] == 4]
    return ops[0].inputs[0], ops[0].weight.data


def cost(graph: Graph, state: str) -> NDArray[np.float64]:
    found = sum_cost(graph, state, CALIBRATION)
    assert found is not None
    return found


def test_what_classes_share_is_free() -> None:
    graph = pooled(3, "class")
    state, rows = decoder(graph)
    np.testing.assert_allclose(cost(graph, state), ((rows - rows.mean(axis=0)) ** 2).sum(axis=0), rtol=1e-12)


@pytest.mark.parametrize("kind", ["flags", "values"])
@pytest.mark.parametrize("outputs", [1, 3])
def test_flags_and_values_count_each_by_itself_in_its_deviation(kind: Kind, outputs: int) -> None:
    graph = pooled(outputs, kind)
    state, rows = decoder(graph)
    answers: list[NDArray[Any]] = []

    def see(t: int, values: Any) -> None:
        if t == CALIBRATION.steps:
            answers.append(values[graph.outputs[0].value] / t)

    CALIBRATION.observe(graph, see)
    deviation = np.concatenate(answers).std(axis=0)
    np.testing.assert_allclose(cost(graph, state), ((rows / deviation[:, None]) ** 2).sum(axis=0), rtol=1e-4)


def test_the_unit_of_an_output_does_not_matter() -> None:
    graph = pooled(3, "values")
    state, _ = decoder(graph)
    factor = np.array([1000.0, 1.0, 1e-3])[:, None]

    def scaled(op: Any) -> Any:
        if not isinstance(op, Matvec) or op not in graph.last_ops:
            return op
        bias = op.bias if not np.any(op.bias.data) else replace(op.bias, data=op.bias.data * factor[:, 0])
        return replace(op, weight=replace(op.weight, data=op.weight.data * factor), bias=bias)

    other = replace(graph, ops=tuple(scaled(op) for op in graph.ops))
    np.testing.assert_allclose(cost(other, state), cost(graph, state), rtol=1e-4)


def test_the_text_keeps_what_an_output_says() -> None:
    graph = pooled(2, "class")
    (output,) = graph.outputs
    named = replace(graph, outputs=(replace(output, names=("no", 'a "yes" = %1'), units=("mV", "")),))
    for one in (graph, named, answering(graph, "flags"), answering(graph, "values")):
        assert parse(print_graph(one)).outputs == one.outputs
    assert "mean class = %" in print_graph(graph)


def test_a_class_of_one_element_is_refused() -> None:
    with pytest.raises(UsageError, match="two elements or more"):
        answering(pooled(1, "flags"), "class")
    with pytest.raises(UsageError, match="answer must be flags or values"):
        ModelConfig(d_output=1, answer="class")
    assert (ModelConfig(d_output=1).kind, ModelConfig(d_output=2).kind) == ("flags", "class")
    assert "answer" not in ModelConfig().to_dict()


def test_one_flag_predicts_by_its_sign_and_values_predict_nothing() -> None:
    values = np.array([[-3], [5], [0]])
    assert predictions("flags", values, 2).tolist() == [0, 1, 0]
    assert decisions("values", values) is None
    with pytest.raises(UsageError, match="no classes"):
        predictions("values", values, 2)
    with pytest.raises(UsageError, match="independent flags"):
        predictions("flags", np.ones((2, 3)), 2)
