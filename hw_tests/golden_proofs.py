"""Proofs that a library module computes golden's rule: for all words, from reset on, however long its streams stall.

A module is joined with a record of what it took: queues of the words of each input. Where it offers a word, the words
at the heads of the queues go to a table that golden's own rule filled for every operand there is, and its entry must be
the word offered; a word that is offered before its operands were, or taken before they were, is wrong too. yosys makes
one circuit of both, and abc's `pdr` (property directed reachability) proves that it never says "bad", for sequences of
any length, or gives a sequence for which it does. What registers and memories hold before the reset may be anything.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from module_bench import hexes
from qssmc.ir import Graph
from qssmc.ir.types import Type
from qssmc_sim.rules import rule_of

Array = NDArray[np.int64]


@dataclass(frozen=True)
class Claim:
    """That a module computes a rule.

    inputs: port, bits, words of a vector; output: bits, words of a vector. rule: from vectors (count, words) of each
    input, signed, to those of the output. files: words of .mem files and their bits. tied: ports held at 0. within:
    whether operands keep the module's contract; what it makes of others is left open. needs: for each word of an output
    how many words of each input it is made of, where it may come before all of them.
    """

    name: str
    module: str
    parameters: Mapping[str, int | str]
    inputs: Sequence[tuple[str, int, int]]
    output: tuple[int, int]
    rule: Callable[..., Array]
    files: Mapping[str, tuple[Sequence[int], int]] = field(default_factory=dict)
    tied: Sequence[tuple[str, int]] = ()
    within: Callable[..., NDArray[np.bool_]] | None = None
    unsigned: frozenset[str] = frozenset()
    needs: Sequence[Sequence[int]] = ()
    depth: int = 8  # words of a queue: as many as the module holds, and a vector


def table_of(claim: Claim) -> tuple[list[int], list[bool], int]:
    """The output vector for every operand as one word, whether the operand is one, and the bits that number them."""
    widths = [(port, bits) for port, bits, words in claim.inputs for _ in range(words)]
    bits = sum(width for _, width in widths)
    numbers = np.arange(1 << bits)
    words, at = [], 0
    for port, width in widths:
        word = (numbers >> at) & ((1 << width) - 1)
        signed = np.where(word >> (width - 1), word - (1 << width), word)
        words.append(word if port in claim.unsigned else signed)
        at += width
    vectors, start = [], 0
    for _, _, count in claim.inputs:
        vectors.append(np.stack(words[start : start + count], axis=1))
        start += count
    legal = np.ones(len(numbers), bool) if claim.within is None else claim.within(*vectors)
    found = np.zeros((len(numbers), claim.output[1]), np.int64)
    if claim.inputs:
        found[legal] = claim.rule(*(vector[legal] for vector in vectors))
    else:
        found[:] = claim.rule()
    width, count = claim.output
    packed = [sum((int(v) & ((1 << width) - 1)) << (i * width) for i, v in enumerate(row)) for row in found]
    return packed, legal.tolist(), bits


def wrapper(claim: Claim) -> str:
    """The module `proof`, whose output `bad` is 1 where the module and the rule differ."""
    width, count = claim.output
    table, legal, bits = table_of(claim)
    depth = claim.depth
    lines, free, names, enough, heads, fits = [], [], [], ["1'b1"], [], []
    whole_operand = ["1'b1"]
    for port, w, words in claim.inputs:
        free.append(f"input wire [{w - 1}:0] {port}_new, input wire {port}_offer")
        names += [f".{port}_{part}({port}_{part})" for part in ("data", "valid", "ready")]
        lines.append(
            f"""
    reg {port}_valid = 1'b0; reg [{w - 1}:0] {port}_data; wire {port}_ready;
    reg [{w - 1}:0] {port}_queue [0:{depth - 1}]; reg [7:0] {port}_count = 8'd0; integer {port}_i;
    wire {port}_taken = started && {port}_valid && {port}_ready;
    wire [{w - 1}:0] {port}_word [0:{2 * depth - 1}]; genvar {port}_g;
    generate for ({port}_g = 0; {port}_g < {2 * depth}; {port}_g = {port}_g + 1) begin : g_{port}
        if ({port}_g < {depth})
            assign {port}_word[{port}_g] = {port}_count > {port}_g ? {port}_queue[{port}_g] : {port}_data;
        else assign {port}_word[{port}_g] = {port}_data;
    end endgenerate
    always @(posedge clk) begin
        if (!started) {port}_valid <= 1'b0;
        else if (!{port}_valid || {port}_ready) begin {port}_valid <= {port}_offer; {port}_data <= {port}_new; end
        for ({port}_i = 0; {port}_i < {depth}; {port}_i = {port}_i + 1)
            {port}_queue[{port}_i] <= done ? {port}_word[{port}_i + {words}] : {port}_word[{port}_i];
        {port}_count <= {port}_count + {{7'd0, {port}_taken}} - (done ? 8'd{words} : 8'd0);
    end"""
        )
        at = len(enough) - 1
        steps = [row[at] for row in claim.needs] or [words] * count
        picked = " : ".join(f"beat == 8'd{i} ? 8'd{n}" for i, n in enumerate(steps))
        enough.append(f"{port}_count + {{7'd0, {port}_valid}} >= ({picked} : 8'd{words})")
        whole_operand.append(f"{port}_count >= 8'd{words}")
        fits.append(f"(done && {port}_count + {{7'd0, {port}_taken}} < 8'd{words})")
        fits.append(f"({port}_taken && {port}_count >= 8'd{depth - words})")
        heads += [f"{port}_word[{i}]" for i in range(words)]
    names += [f".{port}_data({w}'d0), .{port}_valid(1'b0), .{port}_ready()" for port, w in claim.tied]
    key = "{" + ", ".join(reversed(heads)) + "}" if heads else "1'b0"
    whole = width * count
    cases = "\n".join(
        f"            {max(1, bits)}'d{n}: golden = {{1'b{int(ok)}, {whole}'h{word:x}}};"
        for n, (word, ok) in enumerate(zip(table, legal, strict=True))
    )
    given = ", ".join(
        f'.{key}("{value}")' if isinstance(value, str) and value.endswith(".mem") else f".{key}({value})"
        for key, value in claim.parameters.items()
    )
    ports = ", ".join(["input wire clk", *free, "input wire m_ready", "output wire bad"])
    return f"""
module proof ({ports});
    function [{whole}:0] golden(input [{max(1, bits) - 1}:0] operands);
        case (operands)
{cases}
            default: golden = {whole + 1}'d0;
        endcase
    endfunction
    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    wire [{width - 1}:0] m_data; wire m_valid;
    reg [7:0] beat = 8'd0;
    wire taken = started && m_valid && m_ready;
    wire done = taken && beat == 8'd{count - 1};
    always @(posedge clk) if (taken) beat <= done ? 8'd0 : beat + 8'd1;
    {"".join(lines)}
    {claim.module} #({given}) core (
        .clk(clk), .rst(!started), {", ".join(names)}, .m_data(m_data), .m_valid(m_valid), .m_ready(m_ready));
    wire enough = {" && ".join(enough)};
    wire [{whole}:0] wanted = golden({key});
    wire [{whole - 1}:0] word = wanted[{whole - 1}:0] >> (beat * {width});
    // An operand that breaks the contract ends what is claimed.
    reg broken = 1'b0;
    always @(posedge clk) if ({" && ".join(whole_operand)} && started && !wanted[{whole}]) broken <= 1'b1;
    wire differs = started && m_valid && (!enough || (wanted[{whole}] && m_data != word[{width - 1}:0]));
    assign bad = !broken && (differs {"".join(f"|| {fit}" for fit in fits)});
endmodule
"""


def decided(folder: Path, library: Path, claim: Claim, seconds: int = 120) -> str:
    """ "proven", "refuted at clock N", or "open"."""
    for name, (words, width) in claim.files.items():
        (folder / name).write_text(hexes(words, width))
    return decided_text(folder, library, wrapper(claim), seconds)


def decided_text(folder: Path, library: Path, text: str, seconds: int = 120, clocks: int = 0) -> str:
    """The same of a module `proof` with an output `bad`. clocks: "proven for so many clocks" after reset is enough."""
    (folder / "proof.v").write_text(text)
    script = (
        f"read_verilog -defer {library}/*.v; read_verilog -formal proof.v; hierarchy -check -top proof; "
        "setattr -mod -unset keep_hierarchy *; prep -flatten -top proof; memory_map; opt -full; techmap; "
        "dfflegalize -cell $_DFF_P_ 01; opt_expr; opt_merge; "
        "abc -g AND -fast; opt_clean; write_aiger proof.aig"
    )
    subprocess.run(["yosys", "-q", "-p", script], cwd=folder, check=True, capture_output=True)
    engine = f"bmc3 -F {clocks}" if clocks else "pdr"
    solve = f"read_aiger proof.aig; logic; undc; strash; scorr; {engine} -T {seconds}"
    said = subprocess.run(["yosys-abc", "-c", solve], cwd=folder, check=True, capture_output=True, text=True).stdout
    refuted = re.search(r"asserted in frame (\d+)", said)
    bounded = re.search(r"No output asserted in (\d+) frames", said)
    if bounded:
        return f"proven for {bounded[1]} clocks"
    if refuted:
        return f"refuted at clock {refuted[1]}"
    if "Property proved" in said or "unsatisfiable" in said or "Networks are equivalent" in said:
        return "proven"
    return "open"


def core_wrapper(graph: Graph, top: str, depth: int) -> str:
    """The module `proof` for a whole core with one input and one output a step: golden's step, as a table over every
    state and sample, runs beside it from sample to sample, and what it gives waits in a queue of so many words.
    """
    (entrance,), (output,) = graph.inputs, graph.outputs
    parts = [(entrance.name, entrance.type), *((state.name, state.type) for state in graph.states)]
    sizes = [(name, _bits(kind), int(np.prod(kind.array_shape))) for name, kind in parts]
    total = sum(bits * count for _, bits, count in sizes)
    numbers = np.arange(1 << total)
    values: dict[str, Array] = {}
    at = 0
    for (name, bits, count), (_, kind) in zip(sizes, parts, strict=True):
        words = [(numbers >> (at + bits * i)) & ((1 << bits) - 1) for i in range(count)]
        signed = [np.where(word >> (bits - 1), word - (1 << bits), word) if kind.signed else word for word in words]
        values[name] = np.stack(signed, axis=1).reshape(len(numbers), *kind.array_shape)
        at += bits * count
    for op in graph.step_ops:
        if op.name not in values:
            values[op.name] = rule_of(op)(*(values[name] for name in op.inputs))
    found = np.zeros(len(numbers), object)
    at = 0
    after = [(output.value, _bits(graph[output.value].type)), *((graph.updates[n], bits) for n, bits, _ in sizes[1:])]
    for name, bits in after:
        for column in (
            np.broadcast_to(values[name], (len(numbers), *graph[name].type.array_shape)).reshape(len(numbers), -1).T
        ):
            found += (column.astype(object) & ((1 << bits) - 1)) << at
            at += bits
    width = after[0][1]
    cases = "\n".join(f"            {total}'d{n}: golden = {at}'h{int(word):x};" for n, word in enumerate(found))
    sample = sizes[0][1] * sizes[0][2]
    return f"""
module proof (input wire clk, input wire [{sample - 1}:0] new, input wire new_last, input wire offer,
              input wire m_ready, output wire bad);
    function [{at - 1}:0] golden(input [{total - 1}:0] operands);
        case (operands)
{cases}
            default: golden = {at}'d0;
        endcase
    endfunction
    reg started = 1'b0;
    always @(posedge clk) started <= 1'b1;
    reg valid = 1'b0, last; reg [{sample - 1}:0] sample;
    wire ready, m_valid, m_last; wire [{width - 1}:0] m_data;
    always @(posedge clk)
        if (!started) valid <= 1'b0;
        else if (!valid || ready) begin valid <= offer; sample <= new; last <= new_last; end
    {top} core (.clk(clk), .rst(!started), .s_data(sample), .s_last(last), .s_valid(valid), .s_ready(ready),
        .m_data(m_data), .m_last(m_last), .m_valid(m_valid), .m_ready(m_ready), .busy(), .saturations());
    reg [{total - sample - 1}:0] state = {total - sample}'d0;
    wire [{at - 1}:0] next = golden({{state, sample}});
    wire taken = started && valid && ready;
    wire done = started && m_valid && m_ready;
    reg [{width}:0] queue [0:{depth - 1}]; reg [7:0] count = 8'd0; integer i;
    wire [7:0] left = count - {{7'd0, done}};
    always @(posedge clk) begin
        if (taken) state <= last ? {total - sample}'d0 : next[{at - 1}:{width}];
        for (i = 0; i < {depth}; i = i + 1)
            if (taken && left == i) queue[i] <= {{last, next[{width - 1}:0]}};
            else if (done && i + 1 < {depth}) queue[i] <= queue[i + 1];
        count <= left + {{7'd0, taken}};
    end
    assign bad = started && ((m_valid && (count == 8'd0 || {{m_last, m_data}} != queue[0]))
        || (taken && left == 8'd{depth}));
endmodule
"""


def _bits(kind: Type) -> int:
    if kind.width is None:
        raise ValueError(f"{kind} is not of integers")
    return kind.width
