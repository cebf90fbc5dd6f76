"""Machine: what the numbers were measured on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("numpy", "scipy", "numba", "onnx", "onnxruntime", "torch")


def machine(core: int | None) -> dict[str, str]:
    """CPU, system, core, C compiler and library versions, by name."""
    return {
        "cpu": _cpu(),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "core": "not pinned (this system cannot)" if core is None else f"{core}, one thread",
        "compiler": _compiler(),
        **{name: _version(name) for name in LIBRARIES},
    }


def _cpu() -> str:
    """The model name that Linux gives, with the widest vector unit that it lists; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    vectors = next((name for name in ("avx512_vnni", "avx512f", "avx2", "sse2") if name in flags), "")
    return " ".join(filter(None, (fields.get("model name", platform.machine()), vectors)))


def _compiler() -> str:
    """The compiler that EmittedC builds with, and its flags."""
    from qssmc_sim.emitted_c import FLAGS

    command = os.environ.get("CC") or "gcc"
    try:
        told = subprocess.run([*command.split(), "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return f"{command}: not found"
    return f"{told.splitlines()[0]} {' '.join(FLAGS)}"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
