"""`qssmc prove`: the emitted C equals golden for every state in range and every sample, block by block."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import click

from qssmc.cli.config import configurable
from qssmc.cli.terminal import Terminal, common_options
from qssmc.errors import VerificationError
from qssmc.proof.folder import analyse_folder, prove_folder
from qssmc.proof.results import BlockResult, Proof

_LEVEL = "source-level proof: the C semantics of the compiler are trusted; no undefined behaviour in proven blocks"


@click.command("prove")
@configurable
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--require-all", is_flag=True, help="End with exit code 1 if a block is left unproven.")
@click.option(
    "--seconds",
    type=click.FloatRange(1),
    default=20.0,
    show_default=True,
    help="What the solver may take for one element that terms alone do not decide.",
)
@click.option(
    "--eva", is_flag=True, help="Frama-C's Eva instead: no alarm in a step from any state, and ranges within ours."
)
@common_options
@click.pass_obj
def prove(terminal: Terminal, /, folder: Path, require_all: bool, seconds: float, eva: bool) -> None:
    """Prove that the C in FOLDER computes what golden computes, for every state in range and every sample.

    Blocks that could not be proven are listed and never counted; a block that is refuted ends with exit code 1.
    """
    began = time.perf_counter()
    if eva:
        _eva(terminal, folder, began)
        return
    proof = prove_folder(folder, limit=seconds)
    took = time.perf_counter() - began
    facts = {
        "proven": proof.count("proven"),
        "blocks": [asdict(block) for block in proof.blocks],
        "complete": proof.complete,
        "level": _LEVEL,
        "seconds": round(took, 3),
    }
    refuted = [block for block in proof.blocks if block.status == "refuted"]
    terminal.result(facts, _text(folder, proof, took))
    if refuted:
        raise VerificationError(f"{folder}: {_line(refuted[0])}")
    if require_all and not proof.complete:
        unproven = next(block for block in proof.blocks if block.status != "proven")
        raise VerificationError(f"{folder}: {_line(unproven)}")


def _eva(terminal: Terminal, folder: Path, began: float) -> None:
    """Frama-C's alarms, and what it could not show of ranges; either ends with exit code 1."""
    result = analyse_folder(folder)
    took = time.perf_counter() - began
    terminal.result(
        {**asdict(result), "clean": result.clean, "seconds": round(took, 3)},
        f"{folder}: Eva raises {len(result.alarms)} alarms; {result.inside} ranges of states and outputs after a step "
        f"lie within the certificate's, {len(result.outside)} were not shown to"
        + (f"; {result.taken} ranges of norms were taken from the certificate" if result.taken else "")
        + f" ({took:.1f} s).",
    )
    if not result.clean:
        raise VerificationError(f"{folder}: Eva: {(*result.alarms, *result.outside)[0]}")


def _line(block: BlockResult) -> str:
    return f"block {block.title} of {block.function} is {block.status}: {block.reason}"


def _text(folder: Path, proof: Proof, took: float) -> str:
    blocks, elements = len(proof.blocks), sum(block.elements for block in proof.blocks if block.status == "proven")
    solved = sum(block.solved for block in proof.blocks)
    lines = [_line(block) for block in proof.blocks if block.status != "proven"]
    lines.append(
        f"{folder}: {proof.count('proven')} of {blocks} blocks proven ({elements:,} elements, {solved:,} of them "
        f"by all values or z3) in {took:.1f} s; {_LEVEL}."
    )
    if proof.complete:
        lines.append("By induction over steps every output of every sequence within the input range is golden's.")
    return "\n".join(lines)
