"""Mutants: faults put into the arithmetic of compiled designs, each of which `qssmc verify` must find.

    python -m benchmarks.trust.mutants --mutants 300

A mutant is one change in a file that a target runs: a constant, a shift, a sign, a clamp, an entry of a table, an
index, a term, a rounding, a comparison. The traced copy of a source gets the same change and the manifest the new
hashes, so that neither tells of it. What of verify ended it is logged: a value that differs in a run, a build that
fails, the tables or the text beside what the golden IR gives. Of those that no value told, it is logged whether their
object code is the original's and whether any of many other sequences tells them: what runs alone would have missed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper
from rich.console import Console

import qssmc
from benchmarks.trust.campaign import _equal, _run_c, _run_hls
from benchmarks.trust.fuzz.case import Case, renew_hashes
from benchmarks.trust.fuzz.runner import run_cases
from benchmarks.trust.models import edge_inputs, lively
from qssmc.data import InputFormat
from qssmc.errors import QssmcError
from qssmc.ir.graph import Graph
from qssmc.ir.text import parse
from qssmc.models import Checkpoint, ModelConfig
from qssmc_sim import run
from qssmc_sim.emitted_onnx import EmittedOnnx
from qssmc_sim.emitted_verilog import EmittedVerilog

TARGETS = ("c", "hls", "onnx", "verilog")
SHARES = {"c": 5, "hls": 2, "onnx": 3, "verilog": 3}
LIMIT = 240.0
ROUNDS = 24  # of sixteen sequences each, on which what no value told is compared with golden
VERDICTS = ("killed by a value", "killed by a build", "killed by the tables", "killed by the text")
VERDICTS += ("equivalent", "survived")
SAME = "the same object code, with packed and with wide tables"
DIFFERS = "other sequences differ from golden"
UNTOLD = "no sequence that was tried differs"


@dataclass(frozen=True)
class Mutant:
    """One change: of which design and target, in which file, of what kind, and what the text was and is."""

    design: str
    target: str
    path: str
    kind: str
    before: str
    after: str
    files: Mapping[str, bytes]

    @property
    def facts(self) -> dict[str, Any]:
        """All but the content."""
        return {key: value for key, value in asdict(self).items() if key != "files"}


def main() -> int:
    """Make, run and classify mutants; those that are logged are not run again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust.mutants", description=__doc__)
    parser.add_argument("--mutants", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=0, help="end after so many, whatever is left")
    parser.add_argument(
        "--shipped", type=Path, help="a compiled folder of c and onnx to take a part of the mutants from"
    )
    parser.add_argument("--work", type=Path, default=Path("out/trust"))
    arguments = parser.parse_args()
    console = Console(stderr=True, soft_wrap=True)
    log = arguments.work / "mutants.jsonl"
    root = arguments.work.resolve() / "mutants"
    designs = make_designs(root, arguments.shipped)
    done = read_log(log)
    end = time.monotonic() + 60 * arguments.minutes if arguments.minutes else float("inf")
    with log.open("a") as opened:
        for index in range(arguments.mutants):
            if index in done:
                continue
            if time.monotonic() > end:
                break
            mutant = make_mutant(root / "kit", designs, Random(f"{arguments.seed} {index}"))
            record = {"index": index, **mutant.facts, **judge(mutant, root / "kit")}
            opened.write(json.dumps(record, sort_keys=True) + "\n")
            opened.flush()
            if not record["verdict"].startswith("killed"):
                console.print(
                    f"{index} {record['verdict']}: {mutant.design} {mutant.path}: {mutant.kind}", markup=False
                )
                console.print(f"    {mutant.before}\n    {mutant.after}", markup=False)
    records = list(read_log(log).values())
    console.print(table(records), markup=False)
    wrong = {record["verdict"] for record in records} - set(VERDICTS[:-1])
    return 1 if wrong else 0


def read_log(log: Path) -> dict[int, dict[str, Any]]:
    """The records of mutants that have run, by their number."""
    lines = log.read_text().splitlines() if log.is_file() else []
    return {record["index"]: record for record in map(json.loads, lines)}


def make_designs(root: Path, shipped: Path | None) -> dict[str, tuple[str, ...]]:
    """Small designs of every target in root/kit, and copies in root/kept. Returns their targets by name."""
    shutil.rmtree(root, ignore_errors=True)
    kit = root / "kit"
    kit.mkdir(parents=True)
    drawn = {
        "glu": ({"d_model": 3, "d_state": 2, "d_output": 3, "norm": "layer"}, {}),
        "step": ({"d_model": 4, "d_state": 2, "d_output": 2, "d_input": 2, "output": "step", "mixing": "linear"}, {}),
        "zhao": ({"d_model": 3, "d_state": 2, "d_output": 2, "activation": "silu"}, {"scheme": "zhao"}),
    }
    for name, (shape, keywords) in drawn.items():
        config = ModelConfig(**{"dt_min": 0.01, "dt_max": 0.5, **shape})  # type: ignore[arg-type]
        samples = np.random.default_rng(0).integers(0, 256, (16, 24, config.d_input))
        checkpoint = Checkpoint(config, lively(config, 0).state_dict(), InputFormat(8, 8, False), 24, samples)
        qssmc.compile(checkpoint, target=list(TARGETS), output_dir=kit / name, name=name, **keywords)  # type: ignore[arg-type]
    designs = dict.fromkeys(drawn, TARGETS)
    if shipped is not None:
        shutil.copytree(shipped, kit / "shipped")
        designs["shipped"] = ("c", "onnx")
    shutil.copytree(kit, root / "kept")
    return designs


def make_mutant(kit: Path, designs: dict[str, tuple[str, ...]], random: Random) -> Mutant:
    """One change that gives another text."""
    while True:
        names = sorted(designs)
        design = random.choices(names, [1 if name == "shipped" else 4 for name in names])[0]
        target = random.choices(designs[design], [SHARES[name] for name in designs[design]])[0]
        made = _mutate_onnx(kit, design, random) if target == "onnx" else _mutate_text(kit, design, target, random)
        if made is not None:
            return made


def _arithmetic_files(folder: Path, target: str) -> list[Path]:
    if target == "verilog":
        used = (
            "qssm_requant",
            "qssm_dot",
            "qssm_lane",
            "qssm_lut",
            "qssm_round",
            "qssm_add",
            "qssm_product",
            "qssm_ssm",
        )
        rtl = [
            path
            for path in (folder / "rtl").glob("*.v")
            if path.stem in (*used, "qssm_norm", "qssm_offset", "qssm_shift")
        ]
        return sorted([*folder.glob("mem/*.mem"), *folder.glob("mem/*.mem"), *rtl, *folder.glob("*_top.v")])
    suffix = "c" if target == "c" else "cpp"
    name = next(path for path in folder.glob("*_tables.h")).name.removesuffix("_tables.h")
    source, tables, kernels = folder / f"{name}.{suffix}", folder / f"{name}_tables.h", folder / "qssm_kernels.h"
    return [source, source, tables, tables, kernels]


def _mutate_text(kit: Path, design: str, target: str, random: Random) -> Mutant | None:
    folder = kit / design / target
    path = random.choice(_arithmetic_files(folder, target))
    lines = path.read_text().splitlines()
    places = [at for at in range(len(lines)) if _is_arithmetic(lines, at, path)]
    if not places:
        return None
    at = random.choice(places)
    changed = _hex(lines[at], random) if path.suffix == ".mem" else _change(lines[at], path, random)
    if changed is None or changed[1] == lines[at]:
        return None
    kind, text = changed
    files = {path.relative_to(kit).as_posix(): _with(lines, at, text)}
    for twin in sorted((folder / "trace").glob(f"{path.stem}_trace.*")):
        their = twin.read_text().splitlines()
        same = [i for i, line in enumerate(their) if line == lines[at]]
        nth = [i for i, line in enumerate(lines) if line == lines[at]].index(at)
        if twin.suffix == path.suffix and nth < len(same):
            files[twin.relative_to(kit).as_posix()] = _with(their, same[nth], text)
    inside = path.relative_to(kit / design).as_posix()
    return Mutant(design, target, inside, kind, lines[at].strip()[:200], text.strip()[:200], files)


def _with(lines: list[str], at: int, text: str) -> bytes:
    return ("\n".join([*lines[:at], text, *lines[at + 1 :]]) + "\n").encode()


def _is_arithmetic(lines: list[str], at: int, path: Path) -> bool:
    """Whether a line is code that computes, or numbers of a table: no comment, declaration, directive or wiring."""
    line = lines[at].strip()
    if path.suffix == ".mem":
        return bool(re.fullmatch(r"[0-9a-f]+", line))
    if path.name.endswith("_tables.h"):
        return bool(re.fullmatch(r"(-?\d+,? ?)+", line))
    if not line or line.startswith(("/", "*", "#", "%", "`", "QSSM_TRACE", "parameter", "input", "output", "static")):
        return False
    if path.suffix == ".v":
        if "illegal" in line or "must" in line or "localparam" in line:
            return False
        if path.stem.endswith("_top"):
            return bool(re.search(r"\.(WORD|MIN|SHIFT|BIAS|FRAC|EPS|FIRST|LOW|HIGH|STEP|LEFT|OFFSET)\w*\(", line))
        return bool(re.search(r"(<=|=).*[-+<>&|]", line)) and "valid" not in line and "ready" not in line
    if path.name == "qssm_kernels.h":
        return bool(re.search(r"[-+*]=|<<|>>|return| - | \+ ", line)) and "define" not in line
    return bool(re.search(r"=.*[-+*<>&]|\+=|\d\)|\d;|\[\w+ \+ ", line))


_NUMBER = re.compile(r"(?<![\w.'])\d+(?![\w.'])")
_SWAPS = (
    (" + ", " - ", "sign"), (" - ", " + ", "sign"), (" * ", " + ", "operator"), ("<<", ">>", "shift"),
    (" >> ", " << ", "shift"), (" < ", " <= ", "comparison"), (" > ", " >= ", "comparison"), ("+=", "=", "term"),
    ("_re", "_im", "index"), ("_im", "_re", "index"), (" & ", " | ", "operator"), ("[i]", "[0]", "index"),
    ("[lane]", "[0]", "index"), ("low", "high", "clamp"), ("high", "low", "clamp"), (" <= ", " < ", "comparison"),
    ("+ 1", "+ 0", "rounding"), ("- 1", "- 0", "rounding"), ("<<<", "<<", "shift"), (">>>", ">>", "shift"),
    ("$signed(", "$unsigned(", "sign"), ("-", "", "sign"),
)  # fmt: skip


def _change(line: str, path: Path, random: Random) -> tuple[str, str] | None:
    """The kind of a change and the line after it."""
    choices: list[tuple[str, str]] = []
    is_table = path.name.endswith("_tables.h")
    numbers = list(_NUMBER.finditer(line))
    if numbers:
        found = random.choice(numbers)
        value = int(found[0])
        new = random.choice([value + 1, value - 1, value + 1, max(value - 1, 0), value * 2, 0])
        kind = "table entry" if is_table else "constant"
        choices.append((kind, f"{line[: found.start()]}{new}{line[found.end() :]}"))
    if not is_table or random.random() < 0.2:
        for old, new_text, kind in _SWAPS:
            if old in line and not ("for (" in line and kind in ("index", "sign")):
                start = random.choice([m.start() for m in re.finditer(re.escape(old), line)])
                choices.append((kind, line[:start] + new_text + line[start + len(old) :]))
    if not is_table:
        term = re.search(r" [-+] [\w.>\[\]()-]+(?=[;)])", line)
        if term:
            choices.append(("term", line[: term.start()] + line[term.end() :]))
        clamp = re.search(r"= qssm_clamp_\w+\((\w+), [^()]*\);", line)
        if clamp:
            choices.append(("clamp", f"{line[: clamp.start()]}= {clamp[1]};"))
    return random.choice(choices) if choices else None


def _hex(line: str, random: Random) -> tuple[str, str]:
    digits = line.strip()
    value = int(digits, 16) ^ (1 << random.randrange(4 * len(digits) - 3))
    if random.random() < 0.3:
        value = (int(digits, 16) + random.choice([1, -1])) % (1 << (4 * len(digits)))
    return "table entry", f"{value:0{len(digits)}x}"


_OTHER = {
    "Add": "Sub", "Sub": "Add", "Mul": "Add", "Min": "Max", "Max": "Min", "Greater": "GreaterOrEqual",
    "Less": "LessOrEqual", "Clip": "Identity", "Neg": "Identity", "And": "Or",
}  # fmt: skip


def _mutate_onnx(kit: Path, design: str, random: Random) -> Mutant | None:
    """The same change in every integer model of the folder: a constant, an operator, an attribute or operands."""
    folder = kit / design / "onnx"
    models = {
        name: onnx.load(folder / name)
        for name in ("step.onnx", "last.onnx", "sequence.onnx")
        if (folder / name).is_file()
    }
    step = models[random.choice(sorted(models))]
    graphs = list(_graphs(step.graph))
    graph = random.choice(graphs)
    if random.random() < 0.7 and any(len(g.initializer) for g in graphs):
        table = random.choice([t for g in graphs for t in g.initializer])
        values = np.array(numpy_helper.to_array(table))
        if values.dtype.kind not in "iu" or not values.size:
            return None
        at, delta = random.randrange(values.size), random.choice([1, -1, 1, -1, 2])
        before = int(values.flat[at])
        try:
            values.flat[at] = before + delta
        except OverflowError:
            return None
        kind, name, after = "constant", table.name, before + delta
        fresh = numpy_helper.from_array(values, name)
        places = [t for m in models.values() for g in _graphs(m.graph) for t in g.initializer]
        changed = [t for t in places if t.name == name and t.dims == table.dims and t.data_type == table.data_type]
        original = numpy_helper.to_array(table).tobytes()
        for place in [t for t in changed if numpy_helper.to_array(t).tobytes() == original]:
            place.CopyFrom(fresh)
        text = (f"{name}[{at}] = {before}", f"{name}[{at}] = {after}")
    else:
        node = random.choice(list(graph.node))
        if node.op_type not in _OTHER:
            return None
        kind, old, outputs = "operator", node.op_type, list(node.output)
        for place in [n for m in models.values() for g in _graphs(m.graph) for n in g.node]:
            if list(place.output) == outputs and place.op_type == old:
                place.op_type = _OTHER[old]
                if _OTHER[old] == "Identity":
                    del place.input[1:]
        text = (f"{outputs[0]} = {old}", f"{outputs[0]} = {_OTHER[old]}")
    files = {f"{design}/onnx/{name}": model.SerializeToString() for name, model in models.items()}
    return Mutant(design, "onnx", "onnx", kind, *text, files)


def _graphs(graph: Any) -> Iterator[Any]:
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _graphs(attribute.g)


def judge(mutant: Mutant, kit: Path) -> dict[str, Any]:
    """Verify the mutant as a user does; of one that no value told, look for what else tells it from the original."""
    argv = ("-q", "verify", mutant.design, "--target", mutant.target)
    (ended,) = run_cases([Case("mutant", argv, mutant.files, (mutant.design,))], kit, LIMIT)
    said = ended.stderr.strip().splitlines()
    record: dict[str, Any] = {
        "code": ended.code,
        "seconds": round(ended.seconds, 2),
        "said": said[-1][:300] if said else "",
    }
    if ended.code not in (0, 1, 4, -1):
        return {**record, "verdict": f"exit {ended.code}"}
    by = _killed_by(ended.code, record["said"])
    if by in ("a value", "a build"):
        return {**record, "verdict": f"killed by {by}"}
    beyond = _beyond(mutant, kit)
    if by is not None:
        return {**record, "verdict": f"killed by {by}", "beyond": beyond}
    return {**record, "verdict": "equivalent" if beyond == SAME else "survived", "beyond": beyond}


def _killed_by(code: int, said: str) -> str | None:
    """What of verify ended it: a value that differs, the build, the tables or the text; None where it passed."""
    if code == 0:
        return None
    if code == 4:
        return "a build"
    is_text = " was edited: " in said or "is not what was traced" in said
    return "the text" if is_text else "the tables" if "the golden IR gives" in said else "a value"


def _beyond(mutant: Mutant, kit: Path) -> str:
    """What more than the sequences of verify shows of a mutant that no value told."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / mutant.design
        shutil.copytree(kit / mutant.design, folder)
        for name, content in mutant.files.items():
            (Path(scratch) / name).write_bytes(content)
        renew_hashes(folder)
        if mutant.target in ("c", "hls") and _object(folder, mutant.target) == _object(
            kit / mutant.design, mutant.target
        ):
            return SAME
        return DIFFERS if _difference(mutant, folder) else UNTOLD


def _object(folder: Path, target: str) -> list[str]:
    """The object code that the emitted source gives, in each variant that it can become."""
    name = next(path for path in (folder / target).glob("*_tables.h")).name.removesuffix("_tables.h")
    base = ["-O3", "-c", f"{name}.c"] if target == "c" else ["-O2", "-c", f"{name}.cpp", "-isystem", "standin"]
    found = []
    for variant in (["-march=native"], ["-DQSSM_PACKED_TABLES"], ["-march=x86-64"]):
        with tempfile.TemporaryDirectory() as scratch:
            out = Path(scratch) / "x.o"
            command = ["gcc" if target == "c" else "g++", *base, *variant, "-w", "-o", str(out)]
            subprocess.run(command, cwd=folder / target, check=True, capture_output=True)
            found.append(hashlib.sha256(out.read_bytes()).hexdigest())
    return found


def _difference(mutant: Mutant, folder: Path) -> str | None:
    """What other sequences show of a survivor, or None."""
    manifest = json.loads((folder / "manifest.json").read_text())
    graph = parse((folder / manifest["golden"]).read_text())
    (entrance,) = graph.inputs
    width, signed = entrance.type.width or 8, entrance.type.signed
    recorded = np.load(folder / "vectors/samples.npy").shape
    rounds = 2 if mutant.target == "verilog" or mutant.design == "shipped" else ROUNDS
    for seed in range(rounds):
        length = min(recorded[1], 1000) if seed % 2 == 0 else min(3 * recorded[1], 1000)
        samples = edge_inputs(InputFormat(width, 0, signed), entrance.type.shape[0], length, 1000 + seed)
        golden = run(graph, samples).outputs
        try:
            _compare(mutant.target, folder, graph, samples, golden)
        except (QssmcError, ValueError, OSError) as error:
            return f"{length} steps, round {seed}: {error}".replace(str(folder.parent), "")[:300]
        except Exception as error:
            return f"{length} steps, round {seed}: {type(error).__name__}: {error}"[:300]
    return None


def _compare(target: str, folder: Path, graph: Graph, samples: Any, golden: Any) -> None:
    if target == "c":
        _equal(_run_c(folder / "c", samples), golden)
    elif target == "hls":
        _equal(_run_hls(folder / "hls", samples), golden)
    elif target == "onnx":
        _equal(EmittedOnnx(folder / "onnx", graph).run(samples), golden)
    else:
        with EmittedVerilog(folder / "verilog") as emitted:
            emitted.replay(samples, golden)


def table(records: list[dict[str, Any]]) -> str:
    """What ran, as Markdown: verdicts by target."""
    lines = [f"| target | mutants | {' | '.join(VERDICTS)} | other |", "|---" * (len(VERDICTS) + 3) + "|"]
    for target in (*TARGETS, "all"):
        of = [record for record in records if target in (record["target"], "all")]
        counts = Counter(record["verdict"] for record in of)
        other = sum(count for verdict, count in counts.items() if verdict not in VERDICTS)
        lines.append(f"| {target} | {len(of)} | {' | '.join(str(counts[v]) for v in VERDICTS)} | {other} |")
    untold = Counter(record["beyond"] for record in records if "beyond" in record)
    lines += ["", f"Of the {sum(untold.values())} that no value told: "]
    lines[-1] += "; ".join(f"{what} {untold[what]}" for what in (SAME, DIFFERS, UNTOLD)) + "."
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
