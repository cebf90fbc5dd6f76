"""C functions: runs the functions of an emitted file on terms, one statement after another.

Loops must have bounds that are numbers, as all that qssmc emits have. Each function is turned into Python closures
once and then run as often as it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qssmc.proof.c_expressions import Expressions, Frame, Run, Variable
from qssmc.proof.c_memory import Pointer, PointerVariable, region_of
from qssmc.proof.c_source import CSource, Node
from qssmc.proof.c_types import PointerType, Unsupported, integer_of, type_of
from qssmc.proof.terms import Terms

Statement = Callable[[Frame], "Returned | None"]
_MOST_TURNS = 10_000_000


class Returned:
    """What a return statement leaves the function with."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Functions(Expressions):
    """The functions and tables of a file, ready to run."""

    def __init__(self, source: CSource, terms: Terms) -> None:
        super().__init__(source, terms)
        self._functions: dict[str, tuple[list[str], Statement]] = {}

    def parameters(self, name: str) -> list[Node]:
        """The parameters of a function."""
        return [part for part in self.source.functions[name]["inner"] if part["kind"] == "ParmVarDecl"]

    def bind(self, name: str, arguments: Sequence[Any]) -> Frame:
        """A frame with the arguments of a function."""
        frame: Frame = {}
        for node, argument in zip(self.parameters(name), arguments, strict=True):
            frame[node["id"]] = self._holding(node, argument)
        return frame

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        """Run a function with its arguments: terms and pointers."""
        if name not in self.source.functions:
            raise Unsupported(f"a call of {name}, which is not in this file")
        if name not in self._functions:
            node = self.source.functions[name]
            body = next(part for part in node["inner"] if part["kind"] == "CompoundStmt")
            self._functions[name] = [part["id"] for part in self.parameters(name)], self.statement(body)
        _, run = self._functions[name]
        returned = run(self.bind(name, arguments))
        return returned.value if returned else None

    def _holding(self, node: Node, argument: Any) -> Variable:
        """A variable that starts with a value."""
        if isinstance(argument, Pointer):
            return PointerVariable(node["name"], argument)
        region = region_of(node["name"], integer_of(self.source, node))
        region.cells[0] = argument
        return region

    # --- statements --------------------------------------------------------------------------------------------------

    def statement(self, node: Node) -> Statement:
        """A statement, ready to run."""
        kind = node["kind"]
        if kind == "CompoundStmt":
            return self._sequence([self.statement(part) for part in node.get("inner", [])])
        if kind == "DeclStmt":
            return self._sequence([self._declaration(part) for part in node["inner"]])
        if kind == "ForStmt":
            return self._for(node)
        if kind == "WhileStmt":
            return self._loop(self.truth(node["inner"][0]), None, self.statement(node["inner"][1]))
        if kind == "IfStmt":
            return self._if(node)
        if kind == "ReturnStmt":
            value = self.expression(node["inner"][0]) if node.get("inner") else None
            return lambda frame: Returned(value(frame) if value else None)
        if kind == "NullStmt":
            return lambda frame: None
        return self._effect(self.expression(node))

    @staticmethod
    def _effect(run: Run) -> Statement:
        def statement(frame: Frame) -> None:
            run(frame)

        return statement

    @staticmethod
    def _sequence(parts: list[Statement]) -> Statement:
        def statement(frame: Frame) -> Returned | None:
            for part in parts:
                returned = part(frame)
                if returned:
                    return returned
            return None

        return statement

    def _declaration(self, node: Node) -> Statement:
        if node["kind"] != "VarDecl" or node.get("storageClass"):
            raise Unsupported(f"the declaration of {node.get('name', node['kind'])}")
        name, key, ctype = node["name"], node["id"], type_of(self.source, node)
        initial = node["inner"][0] if "init" in node else None
        if isinstance(ctype, PointerType):
            pointer = self.expression(initial) if initial else None

            def set_pointer(frame: Frame) -> None:
                frame[key] = PointerVariable(name, pointer(frame) if pointer else Pointer(None))

            return set_pointer
        values = self.initial(initial, ctype) if initial else []

        def declare(frame: Frame) -> None:
            region = region_of(name, ctype)
            for index, value in enumerate(values):
                region.cells[index] = value(frame)
            frame[key] = region

        return declare

    def _for(self, node: Node) -> Statement:
        first, _, condition, after, body = node["inner"]
        start = self.statement(first) if first else None
        loop = self._loop(
            self.truth(condition) if condition else (lambda frame: 1),
            self.expression(after) if after else None,
            self.statement(body),
        )

        def statement(frame: Frame) -> Returned | None:
            if start:
                start(frame)
            return loop(frame)

        return statement

    @staticmethod
    def _loop(condition: Run, after: Run | None, body: Statement) -> Statement:
        def statement(frame: Frame) -> Returned | None:
            for _ in range(_MOST_TURNS):
                go_on = condition(frame)
                if not isinstance(go_on, int):
                    raise Unsupported("a loop whose end depends on data")
                if not go_on:
                    return None
                returned = body(frame)
                if returned:
                    return returned
                if after:
                    after(frame)
            raise Unsupported(f"a loop of more than {_MOST_TURNS} turns")

        return statement

    def _if(self, node: Node) -> Statement:
        condition = self.truth(node["inner"][0])
        branches = [self.statement(part) for part in node["inner"][1:]]

        def statement(frame: Frame) -> Returned | None:
            holds = condition(frame)
            if not isinstance(holds, int):
                raise Unsupported("a branch that depends on data")
            if holds:
                return branches[0](frame)
            return branches[1](frame) if len(branches) > 1 else None

        return statement
