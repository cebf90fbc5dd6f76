"""Deliberate faults in the library: each must be caught by the test of its module or of a whole core."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import module_bench
import test_array
import test_dot
import test_elements
import test_product
import test_queues
import test_requant
import test_ssm
from cores import replay, write
from module_bench import SEED, run_module
from qssmc.errors import VerificationError
from qssmc_sim.emitted_verilog import EmittedVerilog
from support.graphs import random_s4d
from support.one_op import extreme_samples

Test = Callable[..., None]

LAYER = ([3, 1, 4], 1, 1, True, False, False)
SHARED = ([5, 6, 1, 3], 4, 2, False, True, True)  # two heads in a beat, and two ends
MODULE_FAULTS: list[tuple[str, str, str, Test, tuple[Any, ...]]] = [
    ("qssm_round", "part_wide + {{(W - 1){1'b0}}, 1'b1}", "part_wide", test_requant.test_a_word_an_element, (0, 3, 0)),
    ("qssm_round", "wide + $signed(d_wide)", "wide", test_requant.test_a_word_an_element, (1, 3, 0)),
    ("qssm_round", "below ? bottom : above ? top :", "", test_requant.test_a_word_an_element, (0, 3, 0)),
    (
        "qssm_requant",
        "p_ready = take && index == TOP",
        "p_ready = take",
        test_requant.test_a_word_an_element,
        (1, 3, 0),
    ),
    ("qssm_lane", " & {(2 * XW){!first}}", "", test_ssm.test_layer, LAYER),
    ("qssm_lane", "l - r", "l + r", test_ssm.test_layer, LAYER),
    ("qssm_lane", "if (valid9) mem", "mem", test_ssm.test_layer, LAYER),
    ("qssm_lane", "bu4 + d", "bu4", test_ssm.test_layer, LAYER),
    ("qssm_lane", "below8 ? low_then : above8 ? high_then :", "", test_ssm.test_layer, LAYER),
    ("qssm_lane", "shifted + x", "shifted", test_ssm.test_layer, ([5, 3, 1], 3, 2, False, True, True)),
    ("qssm_ssm", "starts[DELAY-1] ? {YW{1'b0}} :", "", test_ssm.test_layer, LAYER),
    ("qssm_ssm", "promised != PLACES &&", "", test_ssm.test_layer, ([1] * 6, 1, 1, False, False, False)),
    ("qssm_ssm", "&& rest == {RW{1'b0}}", "", test_ssm.test_layer, ([1], 1, 1, False, False, False)),
    ("qssm_state", "old & {W{!first}}", "old", test_queues.test_state, (3,)),
    ("qssm_fifo", "(!m_valid || m_ready)", "1'b1", test_queues.test_fifo, (5,)),
    ("qssm_fifo", "s_ready = !full", "s_ready = 1'b1", test_queues.test_fifo, (2,)),
    ("qssm_skid", "s_ready = !held", "s_ready = 1'b1", test_queues.test_skid, ()),
    ("qssm_add", "!m_valid || m_ready", "1'b1", test_elements.test_add, (0, 9)),
    ("qssm_ssm", "waits ? spare : sum", "sum", test_ssm.test_layer, SHARED),
    ("qssm_ssm", "mid && !mine[i] ? u_before : u", "u", test_ssm.test_layer, SHARED),
    ("qssm_ssm", "if (runs[DELAY-1]) total", "total", test_ssm.test_layer, SHARED),
    ("qssm_ssm", "head_first && !mid", "head_first", test_ssm.test_layer, SHARED),
    ("qssm_ssm", "mines[DELAY*P-1] ? new_sum : sum", "sum", test_ssm.test_layer, SHARED),
    ("qssm_tree", " & {W{!off[i]}}", "", test_ssm.test_layer, SHARED),
    ("qssm_argmax", "> largest", ">= largest", test_elements.test_argmax, (5,)),
    ("qssm_product", "minus ? base - size : base + size", "base + size", test_product.test_product, (1, 0, 9, 7, 16)),
    ("qssm_product", "digit[2] ? digit[1:0] == 2'b00 :", "", test_product.test_product, (2, 0, 9, 7, 16)),
    ("qssm_dot", "finish && move", "finish", test_dot.test_dot, (0, 0, 4, 5, 2)),
    ("qssm_banks", "fill_bank ? !full1 : !full0", "1'b1", test_dot.test_dot, (0, 0, 4, 5, 2)),
    ("qssm_dot", "again[T-1] ? {sum[OW-SERIAL-1:0], {SERIAL{1'b0}}} : sum", "sum", test_dot.test_dot, (1, 0, 4, 5, 2)),
    ("qssm_dot", "moved[1] != moved[0]", "moved[0]", test_dot.test_dot, (2, 0, 4, 5, 2)),
    ("qssm_dot", "g_add[n-1].sum +", "", test_dot.test_several_elements_a_clock, (0, 6, 3, 2, 3)),
    ("qssm_array", "at : HALF", "at : {PW{1'b0}}", test_array.test_two_reads, (1,)),
    ("qssm_array", "adc[2*COLUMN] ? at : HALF", "HALF", test_array.test_two_reads, (1,)),
    ("qssm_array", "cell_plus - cell_minus", "cell_minus - cell_plus", test_array.test_two_reads, (1,)),
    ("qssm_array", "{1'b1, low[CW-1:0]}", "{1'b1, code[CW-1:0]}", test_array.test_two_reads, (1,)),
    ("qssm_array", "{1'b1, high[CW-1:0]}", "{1'b1, code[CW-1:0]}", test_array.test_two_reads, (1,)),
    (
        "qssm_array",
        "default: driven = code[ZW-1] ? -code :",
        "default: driven = code[ZW-1] ? code :",
        test_array.test_two_reads,
        (1,),
    ),
    ("qssm_array", "if (wired[DRIVE-1])", "", test_array.test_two_reads, (1,)),
    ("qssm_array_control", "full && left == {KW{1'b0}}", "full", test_array.test_two_reads, (1,)),
    ("qssm_array_control", "s_ready = !full", "s_ready = 1'b1", test_array.test_two_reads, (5,)),
    ("qssm_array_control", "DITHER != 0 && a_done", "DITHER != 0 && a_request", test_array.test_two_reads, (5,)),
    ("qssm_array_share", "a_select = turn", "a_select = next", test_array.test_two_reads, (1,)),
    ("qssm_array_share", "asked && !busy", "asked", test_array.test_two_reads, (5,)),
]


def mutate(folder: Path, file: str, old: str, new: str) -> None:
    path = folder / f"{file}.v"
    text = path.read_text()
    assert text.count(old) >= 1, f"{file} has no {old!r}"
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(("file", "old", "new", "test", "arguments"), MODULE_FAULTS)
def test_a_fault_in_a_module_is_caught(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    old: str,
    new: str,
    test: Test,
    arguments: tuple[Any, ...],
) -> None:
    rtl = tmp_path / "rtl"
    shutil.copytree(module_bench.RTL, rtl)
    mutate(rtl, file, old, new)
    monkeypatch.setattr(module_bench, "RTL", rtl)
    with pytest.raises(AssertionError, match=r"(?s)."):
        test(tmp_path, *arguments)


CORE_FAULTS = [
    ("qssm_fork", "& ~done", ""),
    ("qssm_source", "t_data = s_last", "t_data = 1'b0"),
    ("qssm_frame", "whole && (t_data || AT_END != 0)", "whole"),
    ("qssm_frame", "m_ready && open", "open"),
    ("qssm_lane", " & {(2 * XW){!first}}", ""),
    ("qssm_round", "part_wide + {{(W - 1){1'b0}}, 1'b1}", "part_wide"),
]


@pytest.mark.parametrize(("file", "old", "new"), CORE_FAULTS)
def test_a_fault_in_a_core_is_caught(tmp_path: Path, file: str, old: str, new: str) -> None:
    graph = random_s4d([3, 2, 4], seed=3, output="step" if file == "qssm_frame" else "last")
    folder = write(graph, tmp_path, 2)
    mutate(folder / "rtl", file, old, new)
    samples = extreme_samples(graph, SEED, 3, 8)

    def all_pauses() -> None:
        with EmittedVerilog(folder) as emitted:
            for pauses in ({}, {"idle": 90, "stall": 120}):
                replay(graph, emitted, samples, **pauses)

    with pytest.raises(VerificationError, match="does not give the recorded outputs"):
        all_pauses()


def test_a_bench_that_waits_for_ever_fails(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="is nothing, not 7"):
        run_module(tmp_path, "qssm_fifo", {"W": 9, "DEPTH": 4}, {"s": (9, [5])}, {"m": (9, [5, 7])}, patience=50)
