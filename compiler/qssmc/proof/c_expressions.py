"""C expressions: each turned once into a Python closure that gives its term, or the place in memory that it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from qssmc.proof.c_arithmetic import OPERATORS, convert, decides, fit, is_true
from qssmc.proof.c_memory import Place, Pointer, PointerVariable, Region, Struct, region_of
from qssmc.proof.c_source import CSource, Node
from qssmc.proof.c_types import (
    ArrayType,
    CType,
    Integer,
    PointerType,
    Unsupported,
    integer_of,
    size_of,
    type_named,
    type_of,
)
from qssmc.proof.terms import Term, Terms

Variable = Region | PointerVariable
Frame = dict[str, Variable]  # by clang's id of the declaration
Run = Callable[[Frame], Any]


class Expressions:
    """The expressions of a file; a call is left to what runs its functions."""

    def __init__(self, source: CSource, terms: Terms) -> None:
        self.source, self.terms = source, terms
        self.globals: Frame = {}

    def call(self, name: str, arguments: Sequence[Any]) -> Any:
        """Run a function."""
        raise NotImplementedError

    def truth(self, node: Node) -> Run:
        """An expression as a condition: 0, 1, or a term that is one of them."""
        run = self.expression(node)

        def value(frame: Frame) -> Term:
            result = run(frame)
            return int(result.region is not None) if isinstance(result, Pointer) else is_true(self.terms, result)

        return value

    def expression(self, node: Node) -> Run:
        """An expression, ready to be evaluated to a term or a pointer."""
        build = _EXPRESSIONS.get(node["kind"])
        if build is None:
            raise Unsupported(f"the C construct {node['kind']}")
        return build(self, node)

    def place(self, node: Node) -> Callable[[Frame], Place]:
        """An expression that names a place in memory."""
        kind = node["kind"]
        if kind == "ParenExpr":
            return self.place(node["inner"][0])
        if kind == "DeclRefExpr":
            return self._variable(node)
        if kind == "MemberExpr":
            return self._member(node)
        if kind == "ArraySubscriptExpr":
            base, index = (self.expression(part) for part in node["inner"])
            return lambda frame: base(frame).moved(self.terms, index(frame)).place()
        if kind == "UnaryOperator" and node["opcode"] == "*":
            pointer = self.expression(node["inner"][0])

            def target(frame: Frame) -> Place:
                found: Pointer = pointer(frame)
                return found.place()

            return target
        raise Unsupported(f"the C construct {node['kind']} as a place in memory")

    def _variable(self, node: Node) -> Callable[[Frame], Place]:
        declared = node["referencedDecl"]
        key = declared["id"]

        def place(frame: Frame) -> Place:
            variable = frame.get(key) or self._global(key, declared.get("name", ""))
            return variable if isinstance(variable, PointerVariable) else (variable, 0)

        return place

    def _global(self, key: str, name: str) -> Variable:
        if key not in self.globals:
            node = self.source.declarations.get(key)
            if node is None or "const" not in node["type"]["qualType"] or "init" not in node:
                raise Unsupported(f"{name}, which is no constant table")
            ctype = type_of(self.source, node)
            region = region_of(name, ctype, constant=True)
            region.cells = [value({}) for value in self.initial(node["inner"][0], ctype)]
            self.globals[key] = region
        return self.globals[key]

    def _member(self, node: Node) -> Callable[[Frame], Place]:
        if not node["isArrow"]:
            raise Unsupported("a struct that is no pointer's")
        base, name = self.expression(node["inner"][0]), node["name"]

        def place(frame: Frame) -> Place:
            struct = base(frame).region
            if not isinstance(struct, Struct):
                raise Unsupported(f"the member {name} of what is no struct of the model")
            return struct.members[name], 0

        return place

    def _read(self, node: Node) -> Run:
        place = self.place(node)
        wanted = type_of(self.source, node)

        def value(frame: Frame) -> Any:
            found = place(frame)
            if isinstance(found, PointerVariable):
                return found.pointer
            region, at = found
            if region.element != wanted:
                raise Unsupported(f"{region.name} read as another type")
            return region.read(self.terms, at)

        return value

    def _cast(self, node: Node) -> Run:
        how, inner = node["castKind"], node["inner"][-1]
        if how == "LValueToRValue":
            return self._read(inner)
        if how == "ArrayToPointerDecay":
            place = self.place(inner)
            return lambda frame: Pointer(*place(frame))  # type: ignore[misc]
        if how == "NullToPointer":
            return lambda frame: Pointer(None)
        if how in ("NoOp", "BitCast", "ToVoid", "FunctionToPointerDecay"):
            return self.expression(inner)
        if how in ("IntegralCast", "IntegralToBoolean"):
            run, ctype = self.expression(inner), integer_of(self.source, node)
            return lambda frame: convert(self.terms, run(frame), ctype)
        if how == "PointerToBoolean":
            return self.truth(inner)
        raise Unsupported(f"a conversion of kind {how}")

    def _binary(self, node: Node) -> Run:
        opcode = node["opcode"]
        if opcode == "=":
            return self._assignment(node)
        left, right = (self.expression(part) for part in node["inner"])
        if opcode == ",":
            return lambda frame: (left(frame), right(frame))[1]
        if opcode in ("&&", "||"):
            return self._logical(node, opcode)
        ctype = type_of(self.source, node)
        if isinstance(ctype, PointerType):
            return self._moved(left, right, opcode)
        if not isinstance(ctype, Integer) or opcode not in OPERATORS:
            raise Unsupported(f"the operator {opcode} of type {node['type']['qualType']}")
        operate = OPERATORS[opcode]

        def value(frame: Frame) -> Term:
            a, b = left(frame), right(frame)
            if isinstance(a, Pointer) or isinstance(b, Pointer):
                raise Unsupported("a comparison of pointers")
            return operate(self.terms, a, b, ctype)

        return value

    def _moved(self, left: Run, right: Run, opcode: str) -> Run:
        def value(frame: Frame) -> Pointer:
            a, b = left(frame), right(frame)
            pointer, by = (a, b) if isinstance(a, Pointer) else (b, a)
            return pointer.moved(self.terms, self.terms.scale(by, -1) if opcode == "-" else by)

        return value

    def _logical(self, node: Node, opcode: str) -> Run:
        left, right = (self.truth(part) for part in node["inner"])

        def value(frame: Frame) -> Term:
            first = left(frame)
            if not isinstance(first, int):
                raise Unsupported(f"{opcode} of data")
            if bool(first) is (opcode == "||"):
                return first
            return right(frame)  # type: ignore[no-any-return]

        return value

    def _assignment(self, node: Node) -> Run:
        place, run = self.place(node["inner"][0]), self.expression(node["inner"][1])
        wanted = type_of(self.source, node["inner"][0])

        def value(frame: Frame) -> Any:
            result = run(frame)
            self._store(place(frame), result, wanted)
            return result

        return value

    def _store(self, place: Place, value: Any, wanted: CType) -> None:
        """Write a value of the type that the place is used with."""
        if isinstance(place, PointerVariable):
            place.pointer = value
            return
        region, at = place
        if region.element != wanted:
            raise Unsupported(f"{region.name} written as another type")
        region.write(at, value)

    def _compound(self, node: Node) -> Run:
        target, operand = node["inner"]
        place, read, run = self.place(target), self._read(target), self.expression(operand)
        opcode = node["opcode"].removesuffix("=")
        if isinstance(type_of(self.source, target), PointerType):
            moved = self._moved(read, run, opcode)

            def move(frame: Frame) -> Any:
                result = moved(frame)
                self._store(place(frame), result, PointerType())
                return result

            return move
        wide = type_named(self.source, node["computeResultType"]["qualType"])
        narrow = integer_of(self.source, target)
        operate = OPERATORS.get(opcode)
        if not isinstance(wide, Integer) or operate is None:
            raise Unsupported(f"the operator {node['opcode']}")

        def value(frame: Frame) -> Term:
            old = convert(self.terms, read(frame), wide)
            result = convert(self.terms, operate(self.terms, old, run(frame), wide), narrow)
            self._store(place(frame), result, narrow)
            return result

        return value

    def _unary(self, node: Node) -> Run:
        opcode, inner = node["opcode"], node["inner"][0]
        if opcode in ("++", "--"):
            return self._step(node, 1 if opcode == "++" else -1)
        if opcode == "&":
            place = self.place(inner)
            return lambda frame: Pointer(*place(frame))  # type: ignore[misc]
        if opcode == "!":
            truth = self.truth(inner)
            return lambda frame: self.terms.subtract(1, truth(frame))
        run, ctype = self.expression(inner), integer_of(self.source, node)
        if opcode == "-":
            return lambda frame: fit(self.terms, self.terms.scale(run(frame), -1), ctype, "a negation")
        if opcode == "+":
            return run
        if opcode == "~":
            return lambda frame: convert(self.terms, self.terms.subtract(-1, run(frame)), ctype)
        raise Unsupported(f"the operator {opcode}")

    def _step(self, node: Node, by: int) -> Run:
        target = node["inner"][0]
        place, read, after = self.place(target), self._read(target), node["isPostfix"]
        ctype = type_of(self.source, target)

        def value(frame: Frame) -> Any:
            old = read(frame)
            if isinstance(old, Pointer):
                new: Any = old.moved(self.terms, by)
            elif isinstance(ctype, Integer):
                new = convert(self.terms, fit(self.terms, self.terms.add(old, by), ctype, "a count"), ctype)
            else:
                raise Unsupported("++ of what is no number")
            self._store(place(frame), new, ctype)
            return old if after else new

        return value

    def _conditional(self, node: Node) -> Run:
        condition = self.truth(node["inner"][0])
        first, second = (self.expression(part) for part in node["inner"][1:])
        pure = not any(_has_effects(part) for part in node["inner"][1:])

        def value(frame: Frame) -> Any:
            holds = condition(frame)
            if isinstance(holds, int):
                return first(frame) if holds else second(frame)
            if not pure:
                raise Unsupported("a choice that depends on data between expressions that do something")
            below_zero = decides(self.terms, holds)
            a, b = first(frame), second(frame)
            if below_zero is None or isinstance(a, Pointer) or isinstance(b, Pointer):
                raise Unsupported("a choice that depends on data and is no comparison of numbers")
            return self.terms.select(below_zero, a, b)

        return value

    def _sizeof(self, node: Node) -> Run:
        if node["name"] != "sizeof":
            raise Unsupported(node["name"])
        name = node["argType"]["qualType"] if "argType" in node else node["inner"][0]["type"]["qualType"]
        bytes_ = size_of(type_named(self.source, name))
        return lambda frame: bytes_

    def _call(self, node: Node) -> Run:
        callee, *given = node["inner"]
        while callee["kind"] != "DeclRefExpr":
            callee = callee["inner"][0]
        name = callee["referencedDecl"]["name"]
        arguments = [self.expression(part) for part in given]
        if name in ("memset", "memcpy"):
            copy = self._memset if name == "memset" else self._memcpy
            return lambda frame: copy(*(argument(frame) for argument in arguments))
        return lambda frame: self.call(name, [argument(frame) for argument in arguments])

    def _memset(self, target: Pointer, value: Term, count: Term) -> Pointer:
        whole = target.region
        if value != 0 or whole is None or target.at != 0:
            raise Unsupported("memset with anything but 0, or not from the start of an object")
        if count != (size_of(whole.record) if isinstance(whole, Struct) else whole.bytes):
            raise Unsupported(f"memset of a part of {whole.name}")
        for region in whole.members.values() if isinstance(whole, Struct) else [whole]:
            for index in range(len(region.cells)):
                region.write(index, 0)
        return target

    def _memcpy(self, target: Pointer, origin: Pointer, count: Term) -> Pointer:
        to, start = target.place()
        source, first = origin.place()
        if to.element != source.element or not isinstance(count, int) or to is source:
            raise Unsupported("memcpy between different types, or within an object")
        number, rest = divmod(count, size_of(to.element))
        if rest:
            raise Unsupported("memcpy of a part of an element")
        for index in range(number):
            to.write(self.terms.add(start, index), source.read(self.terms, self.terms.add(first, index)))
        return target

    def _literal(self, node: Node) -> Run:
        number = int(node["value"])
        return lambda frame: number

    def _inside(self, node: Node) -> Run:
        return self.expression(node["inner"][0])

    def _function(self, node: Node) -> Run:
        raise Unsupported(f"{node['kind']} used as a value")

    def initial(self, node: Node, ctype: Any) -> list[Run]:
        """The elements that an initialiser gives; those it leaves out are 0."""
        if not isinstance(ctype, ArrayType):
            return [self.expression(node)]
        if node["kind"] != "InitListExpr":
            raise Unsupported("an array that starts with anything but a list")
        parts: list[Node] = node["inner"] if "inner" in node else node["array_filler"]
        given = [part for part in parts if part["kind"] != "ImplicitValueInitExpr"]
        values = [self.expression(part) for part in given]
        return values + [lambda frame: 0] * (ctype.count - len(values))


def _has_effects(node: Node) -> bool:
    """Whether evaluating an expression could change memory."""
    if node["kind"] in ("CallExpr", "CompoundAssignOperator"):
        return True
    if node["kind"] in ("BinaryOperator", "UnaryOperator") and node["opcode"] in ("=", "++", "--"):
        return True
    return any(_has_effects(part) for part in node.get("inner", []))


_EXPRESSIONS: dict[str, Callable[[Expressions, Node], Run]] = {
    "IntegerLiteral": Expressions._literal,
    "CharacterLiteral": Expressions._literal,
    "ParenExpr": Expressions._inside,
    "ConstantExpr": Expressions._inside,
    "ImplicitCastExpr": Expressions._cast,
    "CStyleCastExpr": Expressions._cast,
    "BinaryOperator": Expressions._binary,
    "CompoundAssignOperator": Expressions._compound,
    "UnaryOperator": Expressions._unary,
    "ConditionalOperator": Expressions._conditional,
    "UnaryExprOrTypeTraitExpr": Expressions._sizeof,
    "CallExpr": Expressions._call,
}
