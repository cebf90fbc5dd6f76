"""The catalog: which data sets exist, where their files are looked for, and how they are fetched."""

from __future__ import annotations

import hashlib
import os
import urllib.request
import zipfile
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

from qssmc.data.digits import load_digits, load_enlarged_digits
from qssmc.data.fsdd import load_fsdd
from qssmc.data.mnist import load_mnist
from qssmc.data.sequences import Sequences
from qssmc.errors import MalformedInputError, UsageError

DATASETS = ("digits", "digits28", "mnist", "fsdd", "zero-one")
_EMBEDDED = ("digits", "digits28")


@dataclass(frozen=True)
class Download:
    """One file of a data set: where it lies below the data folder, its address and its SHA-256."""

    path: str
    url: str
    sha256: str


_MNIST_URL = "https://ossci-datasets.s3.amazonaws.com/mnist/"
DOWNLOADS: dict[str, tuple[Download, ...]] = {
    "mnist": tuple(
        Download(f"mnist/{name}", _MNIST_URL + name, digest)
        for name, digest in (
            ("train-images-idx3-ubyte.gz", "db8f937d487057fb14a9f0fbe97f0bc8d311ab41b750d41e1ff37c43b9e55e19"),
            ("train-labels-idx1-ubyte.gz", "51fc562b6747b666fbf6e84ce29d43c3cb5f9c388c664d43b33f02095313405a"),
            ("t10k-images-idx3-ubyte.gz", "cfeddb84311ecf044fc6a5b0f6ee8a24d265d4e83e388400186eb114082f4209"),
            ("t10k-labels-idx1-ubyte.gz", "e41c74e484045d39b462a7790a4af51301bd9b0b24f0154798d713ec68c45920"),
        )
    ),
    # A host may pack the same recordings anew, so the digest is that of the WAV files in order of their names.
    "fsdd": (
        Download(
            "fsdd/recordings.zip",
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/refs/tags/v1.0.10.zip",
            "45a9b976ba3397a2fd5c70a9f2e43c34f442a3a6be47392ecfc41174b678f37e",
        ),
    ),
}
DOWNLOADS["zero-one"] = DOWNLOADS["fsdd"]


def load_split(name: str, split: str, data: str | Path | None = None) -> Sequences:
    """Load "train" or "test" of a data set; files are sought in data, QSSMC_DATA, ../shared/data, the user's cache.

    Raises UsageError if the name is unknown or its files are nowhere (the message says how to fetch them).
    """
    if name == "digits":
        return load_digits(split)
    if name == "digits28":
        return load_enlarged_digits(split)
    root = find_root(name, data)
    if name == "mnist":
        return load_mnist(root, split)
    spoken = load_fsdd(root, split)
    return spoken if name == "fsdd" else spoken.of_classes(2)


def find_root(name: str, data: str | Path | None = None) -> Path:
    """The first data folder that holds every file of the data set."""
    if name not in DATASETS:
        raise UsageError(f"data set must be one of {', '.join(DATASETS)}, not {name!r}")
    for root in _roots(data):
        if all((root / item.path).is_file() for item in DOWNLOADS[name]):
            return root
    sought = ", ".join(str(root) for root in _roots(data))
    raise UsageError(
        f"data set {name} was not found in {sought}; give --data DIR, set QSSMC_DATA, or run: qssmc fetch {name}"
    )


def is_present(name: str, data: str | Path | None = None) -> bool:
    """Whether a data set can be loaded without a download."""
    try:
        return name in _EMBEDDED or bool(find_root(name, data))
    except UsageError:
        return False


def fetch(name: str, data: str | Path | None = None) -> Path:
    """Download a data set's files into `data` (default: the user's cache), each checked by its SHA-256."""
    if name not in DOWNLOADS:
        raise UsageError(f"only {', '.join(DOWNLOADS)} are downloaded, not {name!r}")
    root = Path(data) if data else _cache()
    for item in DOWNLOADS[name]:
        target = root / item.path
        if target.is_file() and digest(target) == item.sha256:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".partial")
        try:
            urllib.request.urlretrieve(item.url, partial)
            found = digest(partial)
            if found != item.sha256:
                raise MalformedInputError(f"{item.url} has SHA-256 {found}, not {item.sha256}; nothing was kept")
            partial.replace(target)
        except (OSError, HTTPException, zipfile.BadZipFile) as error:
            hint = f"try again or place it at {target}"
            raise UsageError(f"{item.url} could not be downloaded ({error}); {hint}") from error
        finally:
            partial.unlink(missing_ok=True)
    return root


def digest(path: Path) -> str:
    """SHA-256 of a file; of a zip archive, that of its WAV files in order of their names."""
    if not zipfile.is_zipfile(path):
        return hashlib.sha256(path.read_bytes()).hexdigest()
    total = hashlib.sha256()
    with zipfile.ZipFile(path) as archive:
        for name in sorted((n for n in archive.namelist() if n.endswith(".wav")), key=lambda n: Path(n).name):
            total.update(Path(name).name.encode() + archive.read(name))
    return total.hexdigest()


def _roots(data: str | Path | None) -> list[Path]:
    if data:
        return [Path(data)]
    named = [Path(os.environ["QSSMC_DATA"])] if os.environ.get("QSSMC_DATA") else []
    return [*named, Path("../shared/data"), _cache()]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qssmc"
