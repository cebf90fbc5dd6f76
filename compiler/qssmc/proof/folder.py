"""Folder: the proof of a compiled folder's C, for all inputs."""

from __future__ import annotations

from pathlib import Path

from qssmc.artifact.manifest import altered_text, changed_files, read_manifest
from qssmc.backends.c.names import prefix_of
from qssmc.errors import MalformedInputError, UsageError, VerificationError
from qssmc.ir.graph import Graph
from qssmc.ir.ops import Input, State
from qssmc.ir.text import parse
from qssmc.ir.verify import IRError
from qssmc.proof.c_source import read_source
from qssmc.proof.c_types import Unsupported
from qssmc.proof.eva import EvaResult, analyse
from qssmc.proof.induction import Done, prove_functions
from qssmc.proof.results import BlockResult, Proof
from qssmc.proof.smt import Solver
from qssmc.proof.specification import RULES, differs
from qssmc.proof.task import ProofTask
from qssmc_sim.range_check import check_ranges, derive

_CERTIFICATE = "report/certificate.json"


def prove_folder(folder: Path, *, limit: float = 20.0, done: Done | None = None) -> Proof:
    """Prove that the C of a compiled folder computes what golden's rules compute, for states in range and all samples.

    limit: seconds that the solver may think about one element; done: is told each block as it is finished.
    Raises VerificationError if the folder's IR or certificate is not what was compiled, if a bound of the certificate
    does not follow, or if all is proven of C that is not what was compiled; ToolError where a tool is missing.
    """
    graph, altered, bounds = _design(folder)
    blocks = prove_c(graph, folder / "c", limit=limit, done=done)
    proof = Proof(blocks, check_rules(graph), bounds)
    in_c = [name for name in altered if name.startswith("c/")]
    if in_c and proof.complete:
        raise VerificationError(f"all blocks are proven, but {altered_text(in_c)}")
    return proof


def analyse_folder(folder: Path, *, seconds: float = 1800.0) -> EvaResult:
    """Frama-C's Eva on one step of the C of a compiled folder: see `qssmc.proof.eva`. Raises as prove_folder does."""
    graph, altered, _ = _design(folder)
    result = analyse(graph, read_source(folder / "c" / f"{prefix_of(graph)}.c"), folder / "c", seconds)
    in_c = [name for name in altered if name.startswith("c/")]
    if in_c and result.clean:
        raise VerificationError(f"Eva raises no alarm, but {altered_text(in_c)}")
    return result


def _design(folder: Path) -> tuple[Graph, list[str], int]:
    """The golden graph, the altered files, and how many bounds of the certificate follow."""
    manifest = read_manifest(folder)
    if "c" not in manifest.get("config", {}).get("targets", ()):
        raise UsageError(f"{folder} holds no C; compile the model with --target c")
    altered = changed_files(folder, manifest)
    relied = [name for name in altered if name in (manifest.get("golden"), _CERTIFICATE)]
    if relied:
        raise VerificationError(altered_text(relied))
    bounds = check_ranges(folder)
    try:
        graph = parse((folder / str(manifest["golden"])).read_text())
    except (OSError, KeyError, IRError) as error:
        raise MalformedInputError(f"{folder} is not complete ({error}); compile the model again") from error
    return graph, altered, bounds


def prove_c(graph: Graph, folder: Path, *, limit: float = 20.0, done: Done | None = None) -> tuple[BlockResult, ...]:
    """The blocks of the C that was emitted for an integer graph into a folder, and what was found of each."""
    source = read_source(folder / f"{prefix_of(graph)}.c")
    design = ProofTask(graph, source, derive(graph), Solver(limit))
    return tuple(prove_functions(design, done or (lambda block: None)))


def check_rules(graph: Graph) -> int:
    """Compare the rules that the proof uses with golden's, on numbers of every op; returns how many were compared."""
    reaches, checked = derive(graph), 0
    for op in graph.ops:
        if isinstance(op, Input | State) or op.mnemonic not in RULES:
            continue
        shapes = [graph[name].type.array_shape for name in op.inputs]
        try:
            difference = differs(op, [reaches[name] for name in op.inputs], shapes)
        except Unsupported:
            continue
        if difference:
            raise VerificationError(f"the proof's rule of {op.mnemonic} is not golden's: {difference}")
        checked += 1
    return checked
