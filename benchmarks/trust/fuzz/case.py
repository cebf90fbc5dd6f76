"""Case: a command line over a kit of sound files, some of which are replaced; and the judgement of how it ended."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LONGEST, LINES = 4000, 12  # characters and lines of a message that a person still reads


@dataclass(frozen=True)
class Case:
    """argv is run in the kit's folder with `files` in place of its own (None: deleted).

    renew: folders whose manifest gets the hashes of what is there, so that the hashes do not tell of the change.
    """

    reader: str
    argv: tuple[str, ...]
    files: Mapping[str, bytes | None] = field(default_factory=dict)
    renew: tuple[str, ...] = ()

    def to_json(self) -> str:
        """The case as a file of the corpus."""
        files = {
            name: None if content is None else base64.b64encode(zlib.compress(content, 9)).decode()
            for name, content in self.files.items()
        }
        facts = {"reader": self.reader, "argv": self.argv, "renew": self.renew, "files": files}
        return json.dumps(facts, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Case:
        """A case from a file of the corpus."""
        facts = json.loads(text)
        files = {
            name: None if content is None else zlib.decompress(base64.b64decode(content))
            for name, content in facts["files"].items()
        }
        return cls(facts["reader"], tuple(facts["argv"]), files, tuple(facts["renew"]))

    @property
    def digest(self) -> str:
        """A short name."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()[:12]


def renew_hashes(folder: Path) -> None:
    """Give a compiled folder's manifest the hashes of what is there."""
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_bytes())
        files = manifest["files"]
        for name in files:
            if (folder / name).is_file():
                files[name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    except (ValueError, KeyError, TypeError, OSError, AttributeError, RecursionError):
        return
    path.write_text(json.dumps(manifest, indent=1, sort_keys=True))


def fault_of(code: int, stderr: str, argv: Sequence[str] = ()) -> str | None:
    """Why an end is no good end, or None. argv: of the case; with -v the traceback of an error is asked for."""
    if not {"-v", "--verbose"} & set(argv) and "Traceback (most recent call last)" in stderr:
        return "traceback"
    if code not in range(5):
        return f"exit {code}"
    if "Warning:" in stderr:
        return "warning of a library"
    if code == 0:
        return None
    _, found, message = stderr.partition("qssmc: error: ")
    if not found or not message.strip():
        return "no message"
    if len(message) > LONGEST or message.count("\n") > LINES:
        return "message too long"
    return "out of memory" if "not enough memory" in message else None
