"""Which modules of the RTL library a core is emitted with: those that its texts instantiate, and no others."""

from __future__ import annotations

import re

from qssmc.backends.verilog import emit
from qssmc.backends.verilog.library import library, modules_of
from support.graphs import random_s4d

DEPENDENT = "module top;\n    qssm_scale #(.N(2)) product (.clk(clk));\n    // qssm_norm is not here\nendmodule\n"


def test_instances_of_instances_are_found() -> None:
    wanted = ["multiplier", "product", "resize", "rom", "scale", "table", "times"]
    assert modules_of([DEPENDENT]) == [f"qssm_{name}" for name in wanted]


def test_an_instance_without_parameters_is_one() -> None:
    assert modules_of(["    qssm_banks\n        banks (.clk(clk));"]) == ["qssm_banks"]


def test_the_refusals_of_a_module_are_no_modules() -> None:
    assert "qssm_banks_must" not in modules_of(library().values())
    assert modules_of(["    qssm_fifo_W_must_be_1_or_more error ();"]) == []
    assert modules_of(library().values()) == [m for m in library() if any(_uses(t, m) for t in library().values())]


def _uses(text: str, module: str) -> bool:
    """Whether a line of a text begins an instance of a module, which no comment does."""
    return any(re.match(rf"\s*{module} (#\(|\w+ \()", line) for line in text.splitlines())


def test_a_core_comes_with_what_it_instantiates() -> None:
    texts = emit(random_s4d([3, 1], seed=1))
    emitted = {path.split("/")[-1].removesuffix(".v") for path in texts if "/rtl/" in path}
    tops = [text for path, text in texts.items() if path.endswith(".v") and "/rtl/" not in path]
    assert emitted == {module for module in library() if any(_uses(text, module) for text in tops)} | {
        module for module in library() if any(_uses(library()[user], module) for user in emitted)
    }
    assert {"qssm_ssm", "qssm_lane", "qssm_status", "qssm_uart_rx"} <= emitted
    assert not {"qssm_norm", "qssm_array", "qssm_argmax"} & emitted
