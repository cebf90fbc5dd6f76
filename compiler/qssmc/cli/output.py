"""Checks on where a command writes, made before any work is done."""

from __future__ import annotations

import os
from pathlib import Path

from qssmc.errors import UsageError


def check_new_file(path: Path, *, force: bool) -> None:
    """Refuse a file that exists (unless force) or whose folder cannot be made or written."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder; give the name of a file")
    if path.exists() and not force:
        raise UsageError(f"{path} exists; give another name or --force")
    check_writable(path.parent)


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, or made because an ancestor cannot."""
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists() or parent == parent.parent)
    if not existing.is_dir():
        raise UsageError(f"{existing} is not a folder, so nothing can be written below it")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise UsageError(f"folder {existing} cannot be written; give another one")
