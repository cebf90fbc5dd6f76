"""The output folder: written beside its place and renamed into it, so that it is complete or absent."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from qssmc.artifact.manifest import MANIFEST, changed_files, read_manifest
from qssmc.errors import MalformedInputError, UsageError

_ALWAYS_WRITTEN = ("ir", "report", "vectors")  # folders of every design, beside those of its targets


def check_target(folder: Path, *, force: bool) -> None:
    """Refuse, before any work, a folder that exists (unless it is a design, and force is given) or cannot be made."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise UsageError(f"output {folder} exists and is not a folder; give another one")
    if folder.is_dir() and any(folder.iterdir()):
        if not force:
            raise UsageError(f"output folder {folder} exists; give another one or --force to replace it")
        if not _is_design(folder):
            raise UsageError(f"output folder {folder} holds other things than a design; give another one")
    parent = next(path for path in folder.absolute().parents if os.path.lexists(path))
    if not os.access(parent, os.W_OK | os.X_OK) or not parent.is_dir():
        raise UsageError(f"output folder {folder} cannot be made: {parent} cannot be written")


def check_edited(folder: Path, name: str, targets: Collection[str]) -> None:
    """Refuse, before any work, to compile a model of that name for these targets over a file that was edited.

    write_folder refuses whatever else would be lost, once all new files are known.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    manifest = read_manifest(folder)
    if manifest.get("name") != name:
        return
    parts = {*_ALWAYS_WRITTEN, *targets}
    for path in changed_files(folder, manifest):
        if path.split("/")[0] in parts and os.path.lexists(folder / path):
            raise UsageError(_loss(folder / path))


def write_folder(files: Mapping[str, bytes], folder: Path, *, force: bool) -> None:
    """Write all files, or nothing.

    With force, what the manifest of the design there lists, and is as it was compiled, makes place; every other file
    stays where it is. Raises UsageError where a new file would have to go over such a one.
    """
    check_target(folder, force=force)
    folder = folder.absolute()
    kept = kept_files(folder)
    _check_kept(folder, kept, files)
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(files, work / "new")
        for name in kept:
            _link(folder / name, work / "new" / name)
        _replace(folder, work / "new", work / "old")
    finally:
        _remove(work)
        if not folder.exists():
            for parent in made:
                parent.rmdir()


def kept_files(folder: Path) -> list[str]:
    """What lies in a design's folder and is not as it was compiled: files of the user, and files that were changed.

    Paths of files, of links and of empty folders, relative to the folder; nothing for a folder that is empty or absent.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        return []
    manifest = read_manifest(folder)
    ours = {MANIFEST, *manifest["files"]} - set(changed_files(folder, manifest))
    return [name for name in _leaves(folder) if name not in ours]


def _is_design(folder: Path) -> bool:
    """Whether a folder has the manifest of a design."""
    try:
        read_manifest(folder)
    except (UsageError, MalformedInputError):
        return False
    return True


def _leaves(folder: Path) -> Iterator[str]:
    """Every file, link and empty folder below a folder, in order; links are not followed."""
    for root, folders, names in os.walk(folder):
        below = Path(root)
        links = [name for name in folders if (below / name).is_symlink()]
        if below != folder and not folders and not names:
            yield below.relative_to(folder).as_posix()
        for name in sorted((*names, *links)):
            yield (below / name).relative_to(folder).as_posix()


def _check_kept(folder: Path, kept: list[str], files: Mapping[str, bytes]) -> None:
    """Refuse to write over what is kept: the same path, or a file where the other has a folder."""
    parents = {parent.as_posix() for name in files for parent in Path(name).parents}
    for name in kept:
        over = name in files or name in parents or any(p.as_posix() in files for p in Path(name).parents)
        if over and not (folder / name).is_dir():
            raise UsageError(_loss(folder / name))


def _loss(path: Path) -> str:
    return f"{path} is not as it was compiled, and --force would lose it; move it away, or give another folder"


def _link(source: Path, target: Path) -> None:
    """The same file in another place, without a copy where the file system can."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        target.mkdir(exist_ok=True)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


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
