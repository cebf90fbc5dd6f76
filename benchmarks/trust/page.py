"""Page: what the fuzzers and both campaigns ran and found, from their logs, as Markdown."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.trust import campaign, mutants
from benchmarks.trust.fuzz.readers import READERS
from qssmc import __version__

_HEAD = """\
# What was tried against it

Written by `python -m benchmarks.trust` from the logs of what ran; version {version}, {day}.
"""


def page(work: Path) -> str:
    """The page of all logs in a folder; a part without a log says so."""
    day = time.strftime("%Y-%m-%d", time.gmtime(_latest(work)))
    parts = [_HEAD.format(version=__version__, day=day), _campaign(work), _mutants(work), _fuzz(work)]
    return "\n".join(parts)


def _latest(work: Path) -> float:
    logs = [*work.glob("*.jsonl"), *work.glob("fuzz/*.json")]
    return max((path.stat().st_mtime for path in logs), default=0.0)


def _campaign(work: Path) -> str:
    records = campaign.read_log(work / "campaign.jsonl")
    text = (
        "## Random models through every target\n\n"
        "Each model is drawn from its seed: sizes, activation, norm, mixing, input format, scheme, bits, rounding; "
        "its inputs are extremes, impulses, steps, alternations, walks, runs and random samples over the whole input "
        "type. Outputs are compared with the golden model, integer by integer.\n\n"
    )
    faults = [f"- seed {record['seed']}: {fault}" for record in records for fault in record["faults"]]
    found = campaign.table(records) if records else "Not run."
    return "\n".join([text + found, "", *faults])


def _mutants(work: Path) -> str:
    records = list(mutants.read_log(work / "mutants.jsonl").values())
    text = (
        "## Mutants\n\n"
        "One fault each in the arithmetic of a compiled design, with hashes that fit, given to `qssmc verify`. It ends "
        "one by the first value that differs in a run, by a build that fails, or, where all runs agree, by the tables "
        "or the text beside what the golden IR gives when it is emitted again. Equivalent: verify passes, and the "
        "object code is the same in every variant of the source.\n\n"
    )
    holes = [
        f"- {record['verdict']}: {record['design']} `{record['path']}` ({record['kind']}): `{record['before'][:90]}` "
        f"to `{record['after'][:90]}`; {record.get('beyond', record['said'])[:160]}"
        for record in records
        if record["verdict"] not in mutants.VERDICTS[:-1]
    ]
    kinds = Counter(record["kind"] for record in records)
    said = f"Kinds: {', '.join(f'{kind} {count}' for kind, count in sorted(kinds.items()))}." if records else ""
    return "\n".join([text + (mutants.table(records) if records else "Not run."), "", said, "", *holes, ""])


def _fuzz(work: Path) -> str:
    runs = [json.loads(path.read_text()) for path in sorted((work / "fuzz").glob("fuzz_*.json"))]
    text = (
        "## Changed inputs for every reader\n\n"
        "Bytes, fields and structure of sound files changed at random; a case fails if it ends in exit 5, a "
        "traceback, a crash, a warning of a library, a message that is empty or too long, or takes a minute.\n\n"
    )
    if not runs:
        return f"{text}Not run.\n"
    lines = ["| reader | cases | exit 0 | exit 1 | exit 2 | exit 3 | exit 4 | failed |", "|---" * 8 + "|"]
    for reader in READERS:
        counts: Counter[str] = Counter()
        for run in runs:
            counts.update(run["readers"].get(reader, {}))
        codes = [counts[f"exit {code}"] for code in range(5)]
        failed = counts["cases"] - sum(codes)
        lines.append(f"| {reader} | {counts['cases']} | {' | '.join(map(str, codes))} | {failed} |")
    seeds = ", ".join(str(run["seed"]) for run in runs)
    return text + "\n".join([*lines, "", f"{_total(runs):,} cases; seeds {seeds}."]) + "\n"


def _total(runs: list[dict[str, Any]]) -> int:
    return sum(run["cases"] for run in runs)
