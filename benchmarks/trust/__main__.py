"""Run the fuzzers, the random campaign and the mutation campaign, and write what ran as docs/results/trust.md.

    python -m benchmarks.trust --fuzz-minutes 4 --models 60 --mutants 40
    python -m benchmarks.trust --parts page

Every part keeps its log in --work, and the page is made of all that the logs hold; a part that was interrupted goes on.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from benchmarks.trust.page import page

PARTS = ("fuzz", "campaign", "mutants", "page")


def main() -> int:
    """Run the parts that are asked for, each in a process of its own; 1 where any of them found a fault."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--fuzz-minutes", type=float, default=4)
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzers and the mutants")
    parser.add_argument("--models", type=int, default=60)
    parser.add_argument("--mutants", type=int, default=40)
    parser.add_argument("--shipped", type=Path, help="a compiled folder whose c and onnx are mutated too")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path("out/trust"))
    parser.add_argument("-o", "--out", type=Path, default=Path("docs/results"))
    asked = parser.parse_args()
    parts = asked.parts.split(",")
    if unknown := [part for part in parts if part not in PARTS]:
        parser.error(f"--parts must be of {', '.join(PARTS)}, not {', '.join(unknown)}")
    shipped = ["--shipped", str(asked.shipped)] if asked.shipped else []
    options = {
        "fuzz": ["--minutes", str(asked.fuzz_minutes), "--seed", str(asked.seed), "--work", str(asked.work / "fuzz")],
        "campaign": ["--models", str(asked.models), "--jobs", str(asked.jobs), "--work", str(asked.work)],
        "mutants": ["--mutants", str(asked.mutants), "--seed", str(asked.seed), "--work", str(asked.work), *shipped],
    }
    codes = [
        subprocess.run([sys.executable, "-m", f"benchmarks.trust.{part}", *options[part]], check=False).returncode
        for part in parts
        if part != "page"
    ]
    if "page" in parts:
        asked.out.mkdir(parents=True, exist_ok=True)
        (asked.out / "trust.md").write_text(page(asked.work), encoding="utf-8")
        print(f"written: {asked.out / 'trust.md'}")
    return int(any(codes))


if __name__ == "__main__":
    raise SystemExit(main())
