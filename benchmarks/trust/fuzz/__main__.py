"""Run the fuzzers for some minutes from a seed; failing cases are kept, and a record is written.

    python -m benchmarks.trust.fuzz --minutes 5 --seed 1

Ends with 1 where any case ended in exit 5, a traceback, a hang, a crash, or a message that nobody can use.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # children are forked

import argparse
import contextlib
import json
import time
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from rich.console import Console

from benchmarks.trust.fuzz.case import Case
from benchmarks.trust.fuzz.kit import make_kit
from benchmarks.trust.fuzz.readers import READERS
from benchmarks.trust.fuzz.runner import Ended, run_cases
from qssmc import __version__

LIMIT = 60.0  # seconds that a case may take
BATCH = 40


def main() -> int:
    """Fuzz until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trust.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=float(os.environ.get("FUZZ_MINUTES") or 4))
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the cases [default: the time]")
    parser.add_argument("--readers", default=",".join(READERS), help="comma-separated")
    parser.add_argument("--cases", type=int, default=0, help="end after so many [default: when the time is over]")
    parser.add_argument("--work", type=Path, default=Path("out/fuzz"), help="kit, record and failing cases")
    arguments = parser.parse_args()
    readers = arguments.readers.split(",")
    console = Console(stderr=True, soft_wrap=True)
    console.print(f"seed {arguments.seed}, {arguments.minutes:g} minutes: {', '.join(readers)}")
    arguments.work.mkdir(parents=True, exist_ok=True)
    kit = make_kit(arguments.work.resolve() / "kit")
    end = time.monotonic() + 60 * arguments.minutes
    tally: dict[str, Counter[str]] = {name: Counter() for name in readers}
    failed: list[dict[str, Any]] = []
    for batch in count():
        if time.monotonic() > end or (arguments.cases and batch * BATCH >= arguments.cases):
            break
        for ended in run_cases(_batch(kit, readers, arguments.seed, batch), kit, LIMIT):
            tally[ended.case.reader]["cases"] += 1
            tally[ended.case.reader][ended.fault or f"exit {ended.code}"] += 1
            if ended.fault:
                failed.append(_keep(ended, arguments.work / "failed"))
                console.print(f"{ended.fault}: {failed[-1]['file']}: {failed[-1]['said']}", markup=False)
            if time.monotonic() > end:
                break
    record = {
        "version": __version__,
        "seed": arguments.seed,
        "cases": sum(counts["cases"] for counts in tally.values()),
        "readers": {name: dict(sorted(counts.items())) for name, counts in tally.items()},
        "failed": failed,
    }
    (arguments.work / f"fuzz_{arguments.seed}.json").write_text(json.dumps(record, indent=1) + "\n")
    for name, counts in tally.items():
        console.print(f"{name}: " + ", ".join(f"{what} {n}" for what, n in sorted(counts.items())))
    console.print(f"{record['cases']} cases, {len(failed)} failed (seed {arguments.seed})")
    return 1 if failed else 0


def _batch(kit: Path, readers: list[str], seed: int, batch: int) -> list[Case]:
    """The cases of a batch: each from the seed, its batch and its place alone."""
    cases = []
    for at in range(BATCH):
        random = Random(f"{seed} {batch} {at}")
        name = random.choices(readers, [READERS[reader][1] for reader in readers])[0]
        with contextlib.suppress(IndexError, UnicodeError, OverflowError):  # a change that gives no file
            cases.append(READERS[name][0](kit, random))
    return cases


def _keep(ended: Ended, folder: Path) -> dict[str, Any]:
    """Write a failing case as a file of the corpus."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{ended.case.reader.replace(' ', '_')}_{ended.case.digest}.json"
    path.write_text(ended.case.to_json())
    lines = ended.stderr.strip().splitlines()
    facts = {"file": path.name, "fault": ended.fault, "argv": ended.case.argv, "said": lines[-1][:300] if lines else ""}
    (folder / f"{path.stem}.txt").write_text(
        f"{ended.fault} {ended.code}\n{' '.join(ended.case.argv)[:2000]}\n{ended.stderr[-6000:]}"
    )
    return facts


if __name__ == "__main__":
    raise SystemExit(main())
