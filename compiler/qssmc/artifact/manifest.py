"""The manifest: what a design's folder holds, with the SHA-256 of every file, and what has changed since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from qssmc.artifact.schema import manifest_fault
from qssmc.errors import MalformedInputError, UsageError
from qssmc.ir.json_text import parse_json

MANIFEST = "manifest.json"
FORMAT, VERSION = "qssmc.design", 1


def to_json(data: Any) -> bytes:
    """Stable JSON text."""
    return (json.dumps(data, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def with_manifest(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> dict[str, bytes]:
    """The files and a manifest of facts (versions, options, hashes of the inputs) and the SHA-256 of every file."""
    hashes = {path: hashlib.sha256(content).hexdigest() for path, content in sorted(files.items())}
    manifest = {"format": FORMAT, "version": VERSION, **facts, "files": hashes}
    return {**files, MANIFEST: to_json(manifest)}


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a compiled folder.

    Raises UsageError for a folder that has none, MalformedInputError for one that is not of this format and for paths
    that leave the folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"{folder} is not a compiled design (it has no {MANIFEST}); make one with: qssmc compile")
    try:
        manifest = parse_json(path.read_bytes())
    except OSError as error:
        raise MalformedInputError(f"{path} cannot be read ({error.strerror}); compile the model again") from error
    except ValueError as error:
        raise MalformedInputError(f"{path} is not JSON ({error}); compile the model again") from error
    if not isinstance(manifest, dict) or (manifest.get("format"), manifest.get("version")) != (FORMAT, VERSION):
        raise MalformedInputError(f"{path} is not a manifest of this version of qssmc; compile the model again")
    if fault := manifest_fault(manifest):
        raise MalformedInputError(f"{path}: {fault}; compile the model again")
    outside = [name for name in manifest["files"] if not is_inside(folder, name)]
    if outside:
        raise MalformedInputError(
            f"{path} names {outside[0]!r}, which lies outside of the design; compile the model again"
        )
    golden = manifest.get("golden")
    if golden is not None and golden not in manifest["files"]:
        raise MalformedInputError(f"{path} does not list its golden model {golden!r}; compile the model again")
    return manifest


def is_inside(folder: Path, name: str) -> bool:
    """Whether a path of a manifest stays in the folder, by its parts and behind every link."""
    path = PurePosixPath(name)
    if not name or "\0" in name or "\\" in name or path.is_absolute() or ".." in path.parts:
        return False
    try:
        return (folder / name).resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # links that lead round in a circle
        return False


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that are missing or no longer have the content that was written."""
    return [path for path, wanted in manifest["files"].items() if digest_of(folder / path) != wanted]


def digest_of(path: Path) -> str | None:
    """The SHA-256 of a file; None where there is no file."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def altered_text(paths: Sequence[str]) -> str:
    """What to say of changed files."""
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return (
        f"{named} {'is' if len(paths) == 1 else 'are'} not what was compiled "
        f"(the SHA-256 in {MANIFEST} differs); move {'it' if len(paths) == 1 else 'them'} away, which --force does not "
        "write over, and compile the model again with --force"
    )


def only_line_ends_changed(folder: Path, manifest: Mapping[str, Any], path: str) -> bool:
    """Whether a changed file is what was written but for its line ends, as git makes them with core.autocrlf."""
    content = (folder / path).read_bytes()
    return b"\r\n" in content and hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest() == manifest["files"][path]


def line_ends_text(folder: Path, paths: Sequence[str]) -> str:
    """What to say of files with other line ends."""
    return (
        f"{folder}: the line ends of {len(paths)} file{'' if len(paths) == 1 else 's'} ({paths[0]} first) are CRLF, "
        "but LF was written; git does so with core.autocrlf: keep designs as they are with a line '* -text' in "
        ".gitattributes, and check them out or compile the model again"
    )
