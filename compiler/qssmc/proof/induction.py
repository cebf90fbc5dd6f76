"""Induction: every function of the emitted C against golden, block by block, for all states in range and all samples.

A state of the C stands for a state of golden where each element of a member of the struct holds the number of golden
that the layout puts there, and padding holds 0. `init` and `reset` make the state that stands for golden's first; a
step takes states that stand for each other to such states again, and gives golden's outputs; so does `last`.

Within a function, what a block leaves in memory is compared with golden's values of these names, and then becomes new
variables within golden's ranges: each block is proven for all operands that the certificate allows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from qssmc.backends.c.lanes import assign
from qssmc.backends.c.names import identifiers, parameters
from qssmc.ir.ops import Op, State
from qssmc.proof.c_expressions import Frame
from qssmc.proof.c_functions import Functions
from qssmc.proof.c_memory import Pointer, PointerVariable, Region, Struct, Undefined, region_of, struct_of
from qssmc.proof.c_source import Mention, Node
from qssmc.proof.c_types import Unsupported, type_named
from qssmc.proof.decide import Decider
from qssmc.proof.results import BlockResult, Status
from qssmc.proof.specification import Numbers, specify
from qssmc.proof.task import BlockFinding, ProofTask
from qssmc.proof.terms import Term, Terms, span

Done = Callable[[BlockResult], None]


def prove_functions(design: ProofTask, done: Done) -> list[BlockResult]:
    """All functions of the model. done is told each block."""
    found: list[BlockResult] = []
    for name in ("init", "reset"):
        found.append(_Start(design, name).run())
        done(found[-1])
    phases = ["step", *(["last"] if any(output.when == "last" for output in design.graph.outputs) else [])]
    for name in phases:
        found += _Phase(design, name).run(done)
    return found


class _Run:
    """One function with its memory and golden's values."""

    def __init__(self, design: ProofTask, name: str) -> None:
        self.design, self.name, self.graph = design, name, design.graph
        self.terms = Terms()
        self.machine = Functions(design.source, self.terms)
        self.names = identifiers(design.graph)
        self.layouts = assign(design.graph)
        self.decider = Decider(self.terms, design.solver)

    @property
    def function(self) -> str:
        """The function's name in C."""
        return f"{self.design.prefix}_{self.name}"

    def order(self, op: Op) -> list[int]:
        """For each element of the C array of a value: which of golden's numbers it holds, -1 for padding."""
        if op.type.complex:
            return [int(index) for index in self.layouts[op.name].flat_order]
        return list(range(op.type.shape[0]))

    def state_region(self, struct: Struct, state: State) -> Region:
        """The member that holds a state."""
        region = struct.members.get(self.names[state.name])
        count = len(self.order(state))
        if region is None or len(region.cells) != max(1, count):
            raise Unsupported(f"the state struct, which has no member {self.names[state.name]} of {count} elements")
        return region


class _Start(_Run):
    """init or reset: whatever the memory holds, every state is 0 afterwards."""

    def run(self) -> BlockResult:
        """The function as one block."""
        began, finding = time.perf_counter(), BlockFinding()
        try:
            struct = struct_of("s", self.design.record)
            if self.name == "reset":
                for region in struct.members.values():
                    low, high = region.element.low, region.element.high
                    name = region.name.removeprefix("s.")
                    region.cells = [self.terms.variable(f"{name}[{i}]", low, high) for i in range(len(region.cells))]
            self.machine.call(self.function, [Pointer(struct)])
            for state in self.graph.states:
                for index, cell in enumerate(self.state_region(struct, state).cells[: len(self.order(state))]):
                    finding.elements += 1
                    if cell != 0:
                        what = "never set" if cell is None else "not set to 0 by this function"
                        finding.note("refuted", f"element {index} of state %{state.name} is {what}")
        except Undefined as error:
            finding.note("unproven", str(error))
        except Unsupported as error:
            finding.note("unproven", f"the proof cannot follow {error}")
        seconds = time.perf_counter() - began
        title = f"{self.name} clears every state"
        return BlockResult(self.name, title, finding.status, finding.elements, 0, seconds, finding.reason)


class _Phase(_Run):
    """step or last."""

    def __init__(self, design: ProofTask, name: str) -> None:
        super().__init__(design, name)
        self.golden: dict[str, Numbers] = {}
        self.unspecified: dict[str, str] = {}
        self.renewed: set[str] = set()
        self.struct: Struct | None = None
        self.outputs: dict[str, Region] = {}
        self.locals: dict[str, str] = {}  # C name of each variable of the function's own scope, by clang's id
        self.of_name = {identifier: op for op, identifier in self.names.items()}
        self.frame: Frame = {}

    def run(self, done: Done) -> list[BlockResult]:
        """Every block, then what the function leaves behind as one more."""
        found: list[BlockResult] = []

        def add(title: str, finding: BlockFinding, began: float) -> None:
            seconds = time.perf_counter() - began
            found.append(
                BlockResult(self.name, title, finding.status, finding.elements, finding.solved, seconds, finding.reason)
            )
            done(found[-1])

        began, finding = time.perf_counter(), BlockFinding()
        try:
            self._begin()
            groups = self.design.source.blocks(self.function)
        except (Unsupported, KeyError) as error:
            finding.note("unproven", f"the proof cannot follow {error}")
            add(f"{self.name}, all of it", finding, began)
            return found
        for mention, statements in groups:
            began, finding = time.perf_counter(), BlockFinding()
            self._run_block(statements, finding)
            self._compare_block(mention, finding)
            if mention is not None or finding.status != "proven":
                add(mention.title if mention else "what comes before the first block", finding, began)
        began, finding = time.perf_counter(), BlockFinding()
        self._compare_end(finding)
        add(f"{self.name} leaves the states and outputs of golden", finding, began)
        return found

    # --- before ------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Memory as it is before the call: states are variables over golden's ranges, samples over their C type's."""
        for op in self.graph.states:
            self.golden[op.name] = self._variables(op, self.design.reaches[op.name].numbers)
        struct = self.struct = struct_of("s", self.design.record)
        for state in self.graph.states:
            region, order = self.state_region(struct, state), self.order(state)
            cells = [0 if at < 0 else self.golden[state.name][at] for at in order]
            region.cells = list(cells) if cells else [0]
            self._need_room(region)
        given = {parameter: output for output, parameter in parameters(self.graph, self.name).items()}
        arguments: list[Pointer] = []
        for node in self.machine.parameters(self.function):
            name, pointee = node["name"], node["type"]["qualType"].replace("restrict", "").strip().removesuffix("*")
            if name == "s":
                for region in struct.members.values():
                    region.constant = "const" in pointee
                arguments.append(Pointer(struct))
            elif name == "sample":
                region = self._array(name, pointee, [])
                region.cells = list(self._samples(region.element.low, region.element.high))
                region.constant = True
                self._need_room(region)
                arguments.append(Pointer(region))
            elif name in given:
                value = next(o.value for o in self.graph.outputs if o.name == given[name])
                count = (
                    len(self.order(self.graph[value]))
                    if not self.graph[value].type.complex
                    else (2 * self.graph[value].type.shape[0])
                )
                region = self.outputs[given[name]] = self._array(name, pointee, [None] * count)
                arguments.append(Pointer(region))
            else:
                raise Unsupported(f"the parameter {name}")
        self.frame = self.machine.bind(self.function, arguments)

    def _samples(self, low: int, high: int) -> Numbers:
        """What a sample may hold, which golden's inputs clamp to their formats."""
        count = max((op.type.shape[0] for op in self.graph.inputs), default=0)
        samples: Numbers = [self.terms.variable(f"sample[{index}]", low, high) for index in range(count)]
        for op in self.graph.inputs:
            least, most = op.type.bounds
            self.golden[op.name] = [self.terms.clip(sample, least, most) for sample in samples[: op.type.shape[0]]]
        return samples

    def _array(self, name: str, pointee: str, cells: Sequence[Term | None]) -> Region:
        region = region_of(name, type_named(self.design.source, pointee))
        region.cells = list(cells)
        return region

    @staticmethod
    def _need_room(region: Region) -> None:
        for cell in region.cells:
            low, high = span(cell) if cell is not None else (0, 0)
            if low < region.element.low or high > region.element.high:
                raise Unsupported(f"{region.name}, whose type does not hold {low}..{high}")

    def _variables(self, op: Op, ranges: Sequence[tuple[int, int]]) -> Numbers:
        found: Numbers = []
        for index, (low, high) in enumerate(ranges):
            element = f"[{index // 2}].{'im' if index % 2 else 're'}" if op.type.complex else f"[{index}]"
            found.append(self.terms.variable(f"%{op.name}{element}", low, high))
        return found

    # --- one block ---------------------------------------------------------------------------------------------------

    def _run_block(self, statements: Sequence[Node], finding: BlockFinding) -> None:
        """Run the statements; after one that fails, variables are still declared for the blocks that come."""
        failed = False
        for node in statements:
            if node["kind"] == "DeclStmt":
                self.locals |= {part["id"]: part["name"] for part in node["inner"] if part["kind"] == "VarDecl"}
            try:
                if not failed and self.machine.statement(node)(self.frame):
                    raise Unsupported("a return before the end of the function")
                if not failed:
                    continue
                if node["kind"] == "DeclStmt":
                    self._declare_only(node)
            except Undefined as error:
                failed = True
                self._note_undefined(error, finding)
            except Unsupported as error:
                failed = True
                finding.note("unproven", f"the proof cannot follow {error}")
                if node["kind"] == "DeclStmt":
                    self._declare_only(node)

    def _declare_only(self, node: Node) -> None:
        """The variables of a declaration, without what they start with."""
        for part in node["inner"]:
            bare = {key: value for key, value in part.items() if key not in ("init", "inner")}
            self.machine.statement({**node, "inner": [bare]})(self.frame)

    def _note_undefined(self, error: Undefined, finding: BlockFinding) -> None:
        if error.term is None:
            finding.note("refuted", f"undefined behaviour: {error}")
            return
        example = self.decider.outside(error.term, error.low, error.high)
        status: Status = "refuted" if example else "unproven"
        finding.note(status, f"undefined behaviour: {error}" + (f"; {example}" if example else ""))

    def _compare_block(self, mention: Mention | None, finding: BlockFinding) -> None:
        """What the block wrote against golden's values of the same names, which then become new variables."""
        wanted = dict.fromkeys(mention.values if mention else ())
        known: list[tuple[Op, Region, Sequence[int]]] = []
        for key, name in self.locals.items():
            op = self.graph.by_name.get(self.of_name.get(name, ""))
            variable = self.frame.get(key)
            if op is None or variable is None:
                continue
            if isinstance(variable, PointerVariable):
                if op.name in wanted:
                    self._compare_window(op, variable.pointer, finding)
            elif variable.touched or (op.name in wanted and finding.status != "proven"):
                self._compare_region(op, variable, self.order(op), finding, known)
        for state in self.graph.states if self.struct else ():
            region = self.state_region(self.struct, state) if self.struct else None
            updated = self.graph.updates[state.name]
            if region and (region.touched or (updated in wanted and finding.status != "proven")):
                self._compare_region(self.graph[updated], region, self.order(state), finding, known)
        for output in self.graph.outputs:
            region = self.outputs.get(output.name)
            if region and region.touched:
                op = self.graph[output.value]
                self._compare_region(op, region, list(range(len(region.cells))), finding, known)
        self._renew(known, finding)
        if mention and finding.status == "proven" and not finding.elements and any(map(self._is_computed, wanted)):
            finding.note("unproven", "nothing that it writes bears the name of a value of the IR")

    def _is_computed(self, name: str) -> bool:
        """Whether an op has numbers that memory must hold."""
        op = self.graph.by_name.get(name)
        return op is None or bool(op.type.shape[0])

    def _compare_window(self, op: Op, pointer: Pointer, finding: BlockFinding) -> None:
        """A value that is a part of another's array."""
        try:
            cells = []
            for index in range(len(self.order(op))):
                region, at = pointer.moved(self.terms, index).place()
                cells.append(region.read(self.terms, at))
            for cell, at in zip(cells, self.order(op), strict=True):
                self._compare(op, at, cell, finding)
        except Undefined as error:
            finding.note("refuted", f"undefined behaviour: {error}")
        except Unsupported as error:
            finding.note("unproven", f"the proof cannot follow {error}")

    def _compare_region(
        self,
        op: Op,
        region: Region,
        order: Sequence[int],
        finding: BlockFinding,
        known: list[tuple[Op, Region, Sequence[int]]],
    ) -> None:
        """The elements that a block wrote; a region of which all are known is noted."""
        if len(region.cells) != max(1, len(order)):
            finding.note("unproven", f"{region.name} has {len(region.cells)} elements, %{op.name} {len(order)}")
            return
        failed = finding.status != "proven"
        for at, position in zip(order, range(len(order)), strict=True):
            cell = region.cells[position]
            if position in region.touched and cell is not None:
                self._compare(op, at, cell, finding)
        whole = len(region.touched) >= len(order)
        region.touched.clear()
        if whole or failed:
            known.append((op, region, order))

    def _check_room(self, region: Region, finding: BlockFinding) -> None:
        try:
            self._need_room(region)
        except Unsupported as error:
            finding.note("unproven", str(error))

    def _compare(self, op: Op, at: int, cell: Term, finding: BlockFinding) -> None:
        """One element."""
        finding.elements += 1
        wanted: Term = 0 if at < 0 else self._value(op.name)[at]
        if cell == wanted:
            return
        if op.name in self.unspecified:
            finding.note("unproven", self.unspecified[op.name])
            return
        if finding.status == "refuted":
            return
        verdict = self.decider.equal(cell, wanted, ask=finding.status == "proven")
        what = f"%{op.name}[{at}]" if at >= 0 else f"a padding element of %{op.name}"
        if verdict.equal:
            finding.solved += 1
        elif verdict.equal is None:
            finding.note("unproven", f"{what}: {verdict.reason}")
        else:
            finding.note("refuted", f"{what} for {verdict.example}")

    def _value(self, name: str) -> Numbers:
        """Golden's numbers of a value, made of the variables at hand."""
        if name not in self.golden:
            op = self.graph[name]
            try:
                self.golden[name] = specify(self.terms, op, [self._value(operand) for operand in op.inputs])
            except Unsupported as error:
                self.unspecified[name] = f"the proof cannot follow {error}"
                self.golden[name] = self._variables(op, self.design.reaches[name].numbers)
        return self.golden[name]

    def _renew(self, known: Sequence[tuple[Op, Region, Sequence[int]]], finding: BlockFinding) -> None:
        """Golden's numbers of what is now in memory as new variables, each within the range that it has.

        Other values are made anew, of these, when they are asked for.
        """
        fresh: dict[str, Numbers] = {}
        for op, _, _ in known:
            if isinstance(op, State) or op.name in self.renewed or op.name in fresh:
                continue
            meet = []
            for number, (low, high) in zip(self._value(op.name), self.design.reaches[op.name].numbers, strict=True):
                least, most = span(number)
                meet.append((max(low, least), min(high, most)))
            fresh[op.name] = self._variables(op, meet)
        self.renewed |= fresh.keys()
        sources = {op.name for op in (*self.graph.states, *self.graph.inputs)} | self.renewed
        self.golden = {name: numbers for name, numbers in (self.golden | fresh).items() if name in sources}
        for op, region, order in known:
            numbers = self._value(op.name)
            region.cells = [0 if at < 0 else numbers[at] for at in order] or [0]
            self._check_room(region, finding)

    # --- after -------------------------------------------------------------------------------------------------------

    def _compare_end(self, finding: BlockFinding) -> None:
        """Every state is what golden's becomes, and every output is golden's."""
        for state in self.graph.states if self.struct else ():
            region = self.state_region(self.struct, state) if self.struct else None
            after = self.graph[self.graph.updates[state.name]] if self.name == "step" else state
            for position, at in enumerate(self.order(state)):
                cell = region.cells[position] if region else None
                if cell is not None:
                    self._compare(after, at, cell, finding)
        for output in self.graph.outputs:
            if output.when != self.name:
                continue
            region = self.outputs.get(output.name)
            op = self.graph[output.value]
            for at in range(len(region.cells) if region else 0):
                cell = region.cells[at] if region else None
                if cell is None:
                    finding.note("refuted", f"element {at} of output {output.name} is never written")
                else:
                    self._compare(op, at, cell, finding)
            if region is None:
                finding.note("unproven", f"no parameter is output {output.name}")
