"""Runs a library module under Icarus with the cocotb bench of streams."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

HERE = Path(__file__).parent
RTL = HERE.parent / "templates" / "qssmc_templates" / "verilog" / "rtl"
SEED = int(os.environ.get("QSSMC_SEED", "1"))

Stream = tuple[int, Sequence[int]]  # width, numbers


def hexes(words: Sequence[int], width: int) -> str:
    """The text of a .mem file."""
    return "".join(f"{word & ((1 << width) - 1):x}\n" for word in words)


def run_module(
    folder: Path,
    module: str,
    parameters: Mapping[str, int | str],
    inputs: Mapping[str, Stream],
    outputs: Mapping[str, Stream],
    *,
    files: Mapping[str, str] | None = None,
    rtl: Path | None = None,
    signed: bool = True,
    patience: int = 2000,
) -> None:
    """Build and run; raises AssertionError with the failures. A string parameter names one of the files.

    The sources are the library and the modules beside this file, which join several of it.
    """
    for name, text in (files or {}).items():
        (folder / name).write_text(text)
    plan = {
        "inputs": {
            port: {"width": width, "values": list(map(int, values))} for port, (width, values) in inputs.items()
        },
        "outputs": {
            port: {"width": width, "values": list(map(int, values))} for port, (width, values) in outputs.items()
        },
        "signed": signed,
        "patience": patience,
    }
    (folder / "plan.json").write_text(json.dumps(plan))
    given: dict[str, Any] = {
        key: f'"{folder / value}"' if isinstance(value, str) and value.endswith(".mem") else value
        for key, value in parameters.items()
    }
    runner = get_runner("icarus")
    runner.build(
        sources=[*sorted((rtl or RTL).glob("*.v")), *sorted(HERE.glob("*.v"))],
        hdl_toplevel=module,
        parameters=given,
        build_dir=folder / "build",
        build_args=["-g2005"],
        timescale=("1ns", "1ps"),
        log_file=folder / "build.log",
    )
    try:
        results = runner.test(
            test_module="bench_stream",
            hdl_toplevel=module,
            build_dir=folder / "build",
            test_dir=folder,
            extra_env={
                "PLAN": str(folder / "plan.json"),
                "SEED": str(SEED),
                "PYTHONPATH": _python_path(),
                # The bench says itself what differs; to rewrite its assertions takes a third of the time.
                "COCOTB_REWRITE_ASSERTION_FILES": "",
            },
            log_file=folder / "test.log",
            timescale=("1ns", "1ps"),
        )
    except SystemExit:  # what the runner makes of a failed test under pytest
        raise AssertionError((folder / "test.log").read_text()[-6000:]) from None
    tests, failed = get_results(results)
    assert (tests, failed) == (4, 0), (folder / "test.log").read_text()[-6000:]


def _python_path() -> str:
    return os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH", "")])])
