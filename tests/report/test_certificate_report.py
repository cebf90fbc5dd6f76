"""The certificate: one claim for every op, and plain data that survives JSON."""

from __future__ import annotations

import json

import pytest

from qssmc.analysis.bounds import bounds
from qssmc.errors import UnsupportedModelError
from qssmc.frontend import trace
from qssmc.ir import Graph, parse
from qssmc.ir.table import Table
from qssmc.models import ModelConfig
from qssmc.passes.quantise import QuantiseOptions
from qssmc.report import certificate
from support.graphs import random_s4d
from support.hand import crossbar, delay_line, mimo
from support.random_models import compile_stages, random_model, sensor_samples

MODEL = random_model(ModelConfig(d_model=3, d_state=2, norm="layer"))
COMPILED = compile_stages(trace(MODEL, 1), QuantiseOptions(), sensor_samples(1))["prove"]
GRAPHS = [COMPILED, random_s4d([3, 0, 1], layers=2, norm=True, multiplier=True), mimo(), crossbar(), delay_line()]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_every_op_has_its_claim(graph: Graph) -> None:
    found = certificate(graph)
    assert (found["format"], found["version"], found["graph"]) == ("qssmc.range-certificate", 1, graph.name)
    assert found["states"] == dict(graph.updates)
    proven = bounds(graph)
    for op, claim in zip(graph.ops, found["ops"], strict=True):
        bound = proven[op.name]
        assert (claim["name"], claim["op"], claim["origin"]) == (op.name, op.mnemonic, op.origin)
        assert claim["inputs"] == list(op.inputs)
        assert (claim["low"], claim["high"]) == bound.value.span
        assert (claim["inner_low"], claim["inner_high"]) == bound.inner
        assert claim["accumulator_width"] == bound.inner_width
        assert (claim["width"], claim["signed"]) == (op.type.width, op.type.signed)
        assert (tuple(claim["shape"]), claim["complex"]) == (op.type.shape, op.type.complex)
        width, extremes = (
            claim["accumulator_width"],
            [claim["low"], claim["high"], claim["inner_low"], claim["inner_high"]],
        )
        assert all(-(1 << (width - 1)) <= value < 1 << (width - 1) for value in extremes)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_attributes_are_there_and_tables_by_shape(graph: Graph) -> None:
    for op, claim in zip(graph.ops, certificate(graph)["ops"], strict=True):
        for name, table in op.tables().items():
            wanted = int(table.data[()]) if table.shape == () else {"shape": list(table.shape)}
            assert claim["attributes"][name] == wanted
        assert not [value for value in claim["attributes"].values() if isinstance(value, Table)]


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda g: g.name)
def test_it_is_plain_json(graph: Graph) -> None:
    found = certificate(graph)
    assert json.loads(json.dumps(found)) == found


def test_what_cannot_be_proven_has_no_certificate() -> None:
    text = "graph t : integer\n%u : i32[1] = input\n%s : i64[1] = shift_left %u amount=40\noutput y : step = %s\n"
    with pytest.raises(UnsupportedModelError, match="needs an accumulator of 72 bits"):
        certificate(parse(text))
