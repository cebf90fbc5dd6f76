"""HlsLint: whether an emitted HLS project keeps to what HLS tools can build, over libclang, without the vendor's tool.

Allowed pragmas; loops with constant bounds; no heap, recursion, virtual function, function pointer, goto or float; each
stream of the top function written by one process and read by one.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import networkx as nx

from qssmc.errors import MalformedInputError, ToolError, UsageError

PRAGMAS = frozenset({
    "pipeline", "unroll", "inline", "dataflow", "interface", "array_partition", "bind_storage", "resource",
    "dependence", "stream",
})  # fmt: skip
_HEAP = frozenset({"malloc", "calloc", "realloc", "free"})
_NOT_BUILT = re.compile(r"harness\.cpp|.*_test\.cpp")


@dataclass(frozen=True, order=True)
class Finding:
    """A fault and its place."""

    file: str
    line: int
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.what}"


def lint_hls(folder: Path) -> list[Finding]:
    """Every fault of the project in a folder (hls/ itself, or the design that holds it)."""
    project = folder / "hls" if (folder / "hls").is_dir() else folder
    sources = [path for path in sorted(project.glob("*.cpp")) if not _NOT_BUILT.fullmatch(path.name)]
    if not sources:
        raise UsageError(f"{folder} holds no HLS project; make one with: qssmc compile --target hls")
    found = {fault for path in (*sources, *sorted(project.glob("*.h"))) for fault in _pragmas(path)}
    for path in sources:
        found |= set(_Unit(path, project).findings())
    return sorted(found)


def _pragmas(path: Path) -> Iterator[Finding]:
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r"\s*#\s*pragma\s+(\w+)\s*(\w*)", line)
        if match and (match[1] != "HLS" or match[2].lower() not in PRAGMAS):
            yield Finding(
                path.name, number, "pragma", f"{match[1]} {match[2]} is not one of {', '.join(sorted(PRAGMAS))}"
            )


class _Unit:
    """One translation unit; only what is written in the project itself is looked at, not the types it includes."""

    def __init__(self, path: Path, project: Path) -> None:
        self.cindex = _libclang()
        self.project = project.resolve()
        args = ["-x", "c++", "-std=c++14", "-isystem", str(project / "standin"), *_builtin_headers()]
        try:
            self.unit = self.cindex.Index.create().parse(str(path), args=args)
        except self.cindex.TranslationUnitLoadError as error:
            raise MalformedInputError(f"{path} cannot be parsed ({error})") from error
        severe = [d for d in self.unit.diagnostics if d.severity >= self.cindex.Diagnostic.Error]
        if severe:
            raise MalformedInputError(f"{path} is not C++: line {severe[0].location.line}: {severe[0].spelling}")
        self.calls: nx.DiGraph[str] = nx.DiGraph()

    def findings(self) -> Iterator[Finding]:
        """All faults, in no order."""
        for node in self.unit.cursor.get_children():
            if self._is_ours(node):
                yield from self._walk(node, None)
        for cycle in nx.simple_cycles(self.calls):
            where = self.calls.nodes[cycle[0]].get("at")
            if where:
                yield Finding(where[0], where[1], "recursion", " calls ".join([*cycle, cycle[0]]))

    def _is_ours(self, node: Any) -> bool:
        file = node.location.file
        return file is not None and Path(str(file)).resolve().parent == self.project

    def _at(self, node: Any) -> tuple[str, int]:
        return Path(str(node.location.file)).name, int(node.location.line)

    def _walk(self, node: Any, function: str | None) -> Iterator[Finding]:
        kinds, kind = self.cindex.CursorKind, node.kind
        if kind in (kinds.FUNCTION_DECL, kinds.FUNCTION_TEMPLATE, kinds.CXX_METHOD):
            function = node.spelling
            self.calls.add_node(function, at=self._at(node))
            if kind == kinds.CXX_METHOD and node.is_virtual_method():
                yield Finding(*self._at(node), "virtual", node.spelling)
            yield from self._streams(node)
        for rule, what in self._faults(node):
            yield Finding(*self._at(node), rule, what)
        called = self._called(node)
        if called and function:
            self.calls.add_edge(function, called)
        for child in node.get_children():
            yield from self._walk(child, function)

    def _called(self, node: Any) -> str | None:
        if node.kind != self.cindex.CursorKind.CALL_EXPR:
            return None
        target = node.referenced
        kinds = self.cindex.CursorKind
        if target is not None and target.kind in (kinds.FUNCTION_DECL, kinds.FUNCTION_TEMPLATE):
            return str(target.spelling)
        return str(node.spelling) or None if target is None else None

    def _faults(self, node: Any) -> Iterator[tuple[str, str]]:
        kinds, kind = self.cindex.CursorKind, node.kind
        if kind in (kinds.WHILE_STMT, kinds.DO_STMT):
            yield "loop", "while has no constant bound"
        elif kind == kinds.FOR_STMT:
            text = " ".join(token.spelling for token in node.get_tokens()).split("{")[0]
            if not self._is_bounded(node):
                yield "loop", f"no constant bound in: {text[:80]}"
        elif kind in (kinds.CXX_NEW_EXPR, kinds.CXX_DELETE_EXPR):
            yield "heap", "new or delete"
        elif kind == kinds.GOTO_STMT:
            yield "goto", "goto"
        elif kind == kinds.FLOATING_LITERAL:
            yield "float", "a floating-point number"
        elif kind == kinds.CALL_EXPR and node.spelling in _HEAP:
            yield "heap", str(node.spelling)
        if kind in (kinds.VAR_DECL, kinds.PARM_DECL, kinds.FIELD_DECL):
            yield from self._type_faults(node)

    def _type_faults(self, node: Any) -> Iterator[tuple[str, str]]:
        types, kind = self.cindex.TypeKind, node.type.get_canonical()
        while kind.kind in (types.CONSTANTARRAY, types.INCOMPLETEARRAY):
            kind = kind.element_type.get_canonical()
        if kind.kind in (types.FLOAT, types.DOUBLE, types.LONGDOUBLE):
            yield "float", f"{node.spelling} is {kind.spelling}"
        if kind.kind == types.POINTER and kind.get_pointee().get_canonical().kind == types.FUNCTIONPROTO:
            yield "function pointer", str(node.spelling)

    def _is_bounded(self, loop: Any) -> bool:
        """Whether a loop starts, ends and moves on by literals or template parameters."""
        kinds = self.cindex.CursorKind
        head = list(loop.get_children())[:-1]
        names = {node.spelling for part in head for node in part.walk_preorder() if node.kind == kinds.VAR_DECL}
        for part in head:
            for node in part.walk_preorder():
                if node.kind == kinds.DECL_REF_EXPR and node.spelling not in names:
                    target = node.referenced
                    if target is None or target.kind != kinds.TEMPLATE_NON_TYPE_PARAMETER:
                        return False
                elif node.kind in (kinds.CALL_EXPR, kinds.MEMBER_REF_EXPR):
                    return False
        return len(head) == 3 and any(n.kind == kinds.INTEGER_LITERAL for p in head for n in p.walk_preorder())

    def _streams(self, function: Any) -> Iterator[Finding]:
        """Each stream that a function makes is given to two calls: one that writes it and one that reads it."""
        kinds = self.cindex.CursorKind
        nodes = list(function.walk_preorder())
        made = {n.spelling: n for n in nodes if n.kind == kinds.VAR_DECL and n.type.spelling.startswith("hls::stream<")}
        uses: dict[str, list[str]] = {name: [] for name in made}
        for call in (n for n in nodes if n.kind == kinds.CALL_EXPR and n.referenced is not None):
            formal = list(call.referenced.get_arguments())
            for position, argument in enumerate(call.get_arguments()):
                names = [n.spelling for n in argument.walk_preorder() if n.kind == kinds.DECL_REF_EXPR]
                if len(names) == 1 and names[0] in uses and position < len(formal):
                    uses[names[0]].append(self._role(call.referenced, formal[position].spelling))
        for name, roles in uses.items():
            if sorted(roles) != ["read", "write"]:
                yield Finding(*self._at(made[name]), "stream", f"{name} is used as {', '.join(roles) or 'nothing'}")

    def _role(self, function: Any, parameter: str) -> str:
        """What a function does with a stream: read, write, or both."""
        body = function.get_definition() or function
        text = " ".join(token.spelling for token in body.get_tokens())
        called = re.findall(rf"(\w+) < [^;]*? > \( [^;]*?\b{parameter}\b", text)
        does = set(re.findall(rf"\b{parameter} \. (read|write)\b", text))
        does |= {"read" for name in called if name == "qssm_take_in"}
        does |= {"write" for name in called if name == "qssm_give_out"}
        return " and ".join(sorted(does)) or "nothing"


def _libclang() -> Any:
    try:
        from clang import cindex  # type: ignore[import-untyped]
    except ImportError as error:
        raise ToolError("lint-hls needs libclang: pip install libclang") from error
    return cindex


def _builtin_headers() -> list[str]:
    """The folder of stddef.h and its like, which libclang does not bring."""
    try:
        result = subprocess.run(["gcc", "-print-file-name=include"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ToolError("lint-hls needs the headers of gcc; install it with: apt-get install g++") from error
    return ["-isystem", result.stdout.strip()]
