"""Processes of the HLS dataflow region: an SSM layer is one of them whatever its ops are called."""

from __future__ import annotations

import dataclasses

import pytest

from qssmc.analysis.ssm_layers import ssm_layers
from qssmc.backends.hls.processes import processes
from support.graphs import random_s4d


@pytest.mark.parametrize("options", [{"layers": 2, "norm": True, "dither": True}, {"increment": False}])
def test_a_layer_without_origins_is_one_process(options: dict[str, bool]) -> None:
    graph = random_s4d([3, 1, 2], **options)
    bare = graph.with_ops(dataclasses.replace(op, origin="") for op in graph.ops)
    found = [{op.name for op in (*process.ops, *process.states)} for process in processes(bare)]
    for layer in ssm_layers(bare):
        parts = {*layer.inside, layer.readout, layer.result, *(term.op for term in layer.answer)}
        assert [parts <= names for names in found].count(True) == 1
