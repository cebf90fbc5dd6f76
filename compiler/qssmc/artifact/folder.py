"""The output folder: written beside its place and renamed into it, so that it is complete or absent."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
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


def check_target(folder: Path, *, force: bool) -> None:
    """Refuse, before any work, a folder that exists (unless it is a design, and force is given) or cannot be made."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"output {folder} exists and is not a folder; give another one")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise UsageError(f"output folder {folder} exists; give another one or --force to replace it")
        if not (folder / MANIFEST).is_file():
            raise UsageError(f"output folder {folder} holds other things than a design; give another one")
    parent = next(path for path in folder.absolute().parents if os.path.lexists(path))
    if not os.access(parent, os.W_OK | os.X_OK) or not parent.is_dir():
        raise UsageError(f"output folder {folder} cannot be made: {parent} cannot be written")


def write_folder(files: Mapping[str, bytes], folder: Path, *, force: bool) -> None:
    """Write all files, or nothing."""
    check_target(folder, force=force)
    folder = folder.absolute()
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(files, work / "new")
        _replace(folder, work / "new", work / "old")
    finally:
        _remove(work)
        if not folder.exists():
            for parent in made:
                parent.rmdir()


def write_files(files: Mapping[str, bytes], folder: Path, *, force: bool) -> None:
    """Write files into a folder that may hold others, each beside its place and renamed; none over another unasked."""
    there = [name for name in files if (folder / name).exists()]
    if there and not force:
        raise UsageError(f"{folder / there[0]} exists; give another folder or --force to replace it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            partial = folder / f".{name}.partial"
            partial.write_bytes(content)
            partial.replace(folder / name)
    except OSError as error:
        raise UsageError(f"{folder} cannot be written ({error.strerror})") from error


def _write(files: Mapping[str, bytes], folder: Path) -> None:
    folder.mkdir()
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _remove(folder: Path) -> None:
    """Remove a folder, also where it holds folders that cannot be written."""
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _replace(folder: Path, fresh: Path, old: Path) -> None:
    """Put a fresh folder in the place of one that may exist, and the old one back if that fails."""
    if folder.exists():
        folder.rename(old)
    try:
        fresh.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a compiled folder. Raises if the folder is not one."""
    path = folder / MANIFEST
    if not path.is_file():
        raise UsageError(f"{folder} is not a compiled design (it has no {MANIFEST}); make one with: qssmc compile")
    try:
        manifest = parse_json(path.read_bytes())
    except OSError as error:
        raise MalformedInputError(f"{path} cannot be read ({error.strerror}); compile the model again") from error
    except ValueError as error:
        raise MalformedInputError(f"{path} is not JSON ({error}); compile the model again") from error
    if isinstance(manifest, dict) and (manifest.get("format"), manifest.get("version")) == (FORMAT, VERSION):
        if fault := manifest_fault(manifest):
            raise MalformedInputError(f"{path}: {fault}; compile the model again")
        return manifest
    raise MalformedInputError(f"{path} is not a manifest of this version of qssmc; compile the model again")


def changed_files(folder: Path, manifest: Mapping[str, Any]) -> list[str]:
    """Files that are missing or no longer have the content that was written."""
    found: list[str] = []
    for path, wanted in manifest["files"].items():
        target = folder / path
        if not target.is_file() or hashlib.sha256(target.read_bytes()).hexdigest() != wanted:
            found.append(path)
    return found


def altered_text(paths: Sequence[str]) -> str:
    """What to say of changed files."""
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    return (
        f"{named} {'is' if len(paths) == 1 else 'are'} not what was compiled "
        f"(the SHA-256 in {MANIFEST} differs); compile the model again"
    )
