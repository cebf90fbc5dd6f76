"""Library: emitted sources, built by the compiler that a user names, and loaded into this Python."""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from numpy.typing import NDArray

from qssmc.errors import MalformedInputError, ToolError, UsageError
from qssmc.ir.json_text import parse_json


@dataclass(frozen=True)
class Language:
    """What the compiler's messages need: the language, the usual command and its Debian package, and how to name one.

    folder: where the files of such a target lie in a design.
    """

    name: str
    usual: str
    option: str
    variable: str
    folder: str

    @property
    def choice(self) -> str:
        """How a user names another compiler."""
        return f"{self.option} or {self.variable}"


C = Language("C", "gcc", "--cc", "CC", "c")
CXX = Language("C++", "g++", "--cxx", "CXX", "hls")


class Library(ABC):
    """The emitted files of a folder (layout.json among them) as a shared library. A context manager, whose temporary
    folder goes with it. Subclasses say the language, the keys that a layout must have, and macros and sources."""

    language: ClassVar[Language]
    keys: ClassVar[frozenset[str]]

    def __init__(self, folder: Path | str, *, trace: bool, compiler: str | None, flags: Sequence[str]) -> None:
        self.folder, self.trace = Path(folder), trace
        self.layout = self._read_layout()
        self.compiler = compiler or os.environ.get(self.language.variable) or self.language.usual
        self._temporary = tempfile.TemporaryDirectory(prefix="qssmc-")
        path = Path(self._temporary.name) / "model.so"
        try:
            self._compile(flags, path)
            self._library = self._load(path)
        except BaseException:
            self._temporary.cleanup()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove the temporary folder."""
        self._temporary.cleanup()

    @abstractmethod
    def arguments(self) -> list[str]:
        """What the compiler is given between its flags and the sources."""

    @abstractmethod
    def sources(self) -> list[str]:
        """The files to compile; the first one stands for all in messages."""

    # --- pieces ---

    def _compile(self, flags: Sequence[str], path: Path) -> None:
        words, sources = self._words(), self.sources()
        command = [*words, *flags, *self.arguments(), "-shared", "-fPIC", "-o", str(path), *sources]
        try:
            result = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        except OSError as error:
            package = "clang" if "clang" in Path(words[0]).name else self.language.usual
            raise ToolError(
                f"the {self.language.name} compiler {words[0]} cannot be started ({error.strerror}); "
                f"install it with: apt-get install {package}, or name another one with {self.language.choice}"
            ) from error
        if result.returncode != 0:
            lines = [line for line in result.stderr.splitlines() if "error" in line] or result.stderr.splitlines()
            raise ToolError(f"{words[0]} cannot compile {sources[0]}: {lines[0] if lines else 'it gives no reason'}")

    def _words(self) -> list[str]:
        """The compiler's command as words."""
        try:
            words = shlex.split(self.compiler)
        except ValueError:
            words = []
        if not words or "\0" in self.compiler:
            raise UsageError(
                f"the {self.language.name} compiler ({self.language.choice}) must be a command such as "
                f"{self.language.usual}, not {self.compiler!r}"
            )
        return words

    def _load(self, path: Path) -> ctypes.CDLL:
        try:
            return ctypes.CDLL(str(path))
        except OSError as error:
            reason = str(error).replace(f"{path}: ", "")
            raise ToolError(
                f"{self.compiler!r} did not build a library that this Python can load ({reason}); "
                f"name a {self.language.name} compiler for this machine with {self.language.choice}"
            ) from error

    def _read_layout(self) -> dict[str, Any]:
        path = self.folder / "layout.json"
        try:
            layout: dict[str, Any] = parse_json(path.read_bytes())
        except OSError as error:
            raise UsageError(
                f"{path} cannot be read ({error.strerror}); give the folder {self.language.folder}/ that the compiler "
                "wrote"
            ) from error
        except ValueError as error:
            raise MalformedInputError(f"{path} is not JSON ({error}); compile the model again") from error
        if not isinstance(layout, dict) or not layout.keys() >= self.keys:
            raise MalformedInputError(f"{path} is not the layout of an emitted model; compile the model again")
        return layout


def pointer(array: NDArray[Any]) -> ctypes.c_void_p:
    """The address of an array's first element."""
    return ctypes.c_void_p(array.ctypes.data)
