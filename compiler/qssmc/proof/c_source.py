"""C source: the syntax tree of an emitted file, as clang gives it with every conversion that C makes written out."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qssmc.errors import MalformedInputError, ToolError

Node = dict[str, Any]
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_MENTION = re.compile(r"^\W*(?:%(\w+) :|next %(\w+) =|output (\w+) =)", re.MULTILINE)
_LONGEST = 120.0  # seconds that clang may take to read a file


@dataclass(frozen=True)
class Mention:
    """A comment that opens a block: where it ends in the file, and the values, states and outputs that it names."""

    end: int
    values: tuple[str, ...]
    states: tuple[str, ...]
    outputs: tuple[str, ...]

    @property
    def title(self) -> str:
        """The block in a few words."""
        names = [f"%{name}" for name in self.values]
        return " ".join([*names, *(f"next %{name}" for name in self.states), *(f"output {n}" for n in self.outputs)])


@dataclass(frozen=True)
class CSource:
    """A file of C: its functions by name, its other declarations by id, and the comments that open blocks."""

    functions: dict[str, Node]
    declarations: dict[str, Node]
    typedefs: dict[str, Node]
    text: bytes
    mentions: tuple[Mention, ...]

    def blocks(self, name: str) -> list[tuple[Mention | None, list[Node]]]:
        """The statements of a function, by the comment that they stand under; None before the first."""
        body = next(part for part in self.functions[name]["inner"] if part.get("kind") == "CompoundStmt")
        first, last = offset(body), body["range"]["end"]["offset"]
        inside = [mention for mention in self.mentions if first < mention.end <= last]
        groups: list[tuple[Mention | None, list[Node]]] = [(None, []), *((mention, []) for mention in inside)]
        for statement in body.get("inner", []):
            at = sum(1 for mention in inside if mention.end <= offset(statement))
            groups[at][1].append(statement)
        return groups if groups[0][1] else groups[1:]


def read_source(path: Path, macros: tuple[str, ...] = ()) -> CSource:
    """Read a C file with clang.

    Raises ToolError if there is no clang or it takes too long, MalformedInputError for what is not C.
    """
    clang = shutil.which("clang")
    if clang is None:
        raise ToolError("prove reads the C with clang, which is not installed; apt-get install clang")
    command = [clang, "-std=c99", "-fsyntax-only", "-target", "x86_64-unknown-linux-gnu"]
    command += [*(f"-D{macro}" for macro in macros), "-Xclang", "-ast-dump=json", path.name]
    try:
        run = subprocess.run(command, cwd=path.parent, capture_output=True, timeout=_LONGEST, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"clang did not read {path} within {_LONGEST:.0f} s") from error
    if run.returncode != 0:
        first = run.stderr.decode(errors="replace").strip().splitlines()[:1]
        raise MalformedInputError(f"{path} is no C that clang reads: {' '.join(first)}")
    unit = json.loads(run.stdout)["inner"]
    functions = {
        node["name"]: node
        for node in unit
        if node["kind"] == "FunctionDecl" and any(part.get("kind") == "CompoundStmt" for part in _inner(node))
    }
    declarations = {node["id"]: node for node in unit if node["kind"] in ("VarDecl", "RecordDecl")}
    typedefs = {node["name"]: node for node in unit if node["kind"] == "TypedefDecl"}
    text = path.read_bytes()
    return CSource(functions, declarations, typedefs, text, tuple(_mentions(text)))


def offset(node: Node) -> int:
    """Where in its file a node begins; of a macro, where it is used."""
    begin = node["range"]["begin"]
    return int(begin.get("expansionLoc", begin)["offset"])


def _inner(node: Node) -> list[Node]:
    return list(node.get("inner", []))


def _mentions(text: bytes) -> Iterator[Mention]:
    for comment in _COMMENT.finditer(text):
        found = _MENTION.findall(comment.group()[2:].decode(errors="replace"))
        if found:
            values, states, outputs = (tuple(name for name in names if name) for names in zip(*found, strict=True))
            yield Mention(comment.end(), values, states, outputs)
