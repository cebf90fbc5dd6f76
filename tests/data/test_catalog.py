"""The catalog: where data sets are looked for, how they are fetched, and what is said when they are absent."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from qssmc.data import catalog
from qssmc.data.catalog import DOWNLOADS, Download, fetch, find_root, is_present, load_split
from qssmc.errors import MalformedInputError, UsageError


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    """A folder from which no data set can be found."""
    here = tmp_path / "a" / "here"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    monkeypatch.delenv("QSSMC_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def place(root: Path, name: str) -> Path:
    for item in DOWNLOADS[name]:
        (root / item.path).parent.mkdir(parents=True, exist_ok=True)
        (root / item.path).write_bytes(b"")
    return root


def test_data_folders_are_tried_in_order(nowhere, monkeypatch):
    cache = place(nowhere / "cache" / "qssmc", "mnist")
    assert find_root("mnist") == cache
    place(nowhere / "a" / "shared" / "data", "mnist")
    assert find_root("mnist") == Path("../shared/data")
    named = place(nowhere / "named", "mnist")
    monkeypatch.setenv("QSSMC_DATA", str(named))
    assert find_root("mnist") == named
    given = place(nowhere / "given", "mnist")
    assert find_root("mnist", given) == given


def test_a_folder_that_is_given_is_the_only_one_tried(nowhere):
    place(nowhere / "cache" / "qssmc", "mnist")
    with pytest.raises(UsageError, match="given"):
        find_root("mnist", nowhere / "given")


def test_a_folder_with_a_file_missing_does_not_count(nowhere):
    root = place(nowhere / "cache" / "qssmc", "mnist")
    (root / DOWNLOADS["mnist"][3].path).unlink()
    assert not is_present("mnist")


@pytest.mark.parametrize("name", ["mnist", "fsdd"])
def test_an_absent_data_set_gives_one_sentence_that_says_what_to_do(nowhere, name):
    with pytest.raises(UsageError) as error:
        load_split(name, "test")
    message = str(error.value)
    assert f"data set {name} was not found" in message
    assert f"qssmc fetch {name}" in message
    assert "--data" in message
    assert "\n" not in message
    assert not is_present(name)


def test_an_unknown_data_set_is_named_with_the_known_ones(nowhere):
    with pytest.raises(UsageError, match="must be one of digits, digits28, mnist, fsdd, zero-one, not 'minst'"):
        load_split("minst", "test")


def test_embedded_data_sets_need_no_files(nowhere):
    assert is_present("digits")
    assert is_present("digits28")


def archive(path: Path, names: list[str], sound: bytes = b"sound") -> Path:
    with zipfile.ZipFile(path, "w") as opened:
        for name in names:
            opened.writestr(name, sound)
    return path


def test_the_digest_of_an_archive_is_that_of_its_recordings(tmp_path):
    one = archive(tmp_path / "1.zip", ["v1/0_a_0.wav", "v1/1_a_0.wav", "v1/README"])
    packed_anew = archive(tmp_path / "2.zip", ["other/1_a_0.wav", "other/0_a_0.wav"])
    changed = archive(tmp_path / "3.zip", ["v1/0_a_0.wav", "v1/1_a_0.wav"], b"other")
    assert catalog.digest(one) == catalog.digest(packed_anew) != catalog.digest(changed)


def test_the_digest_of_a_file_is_its_sha256(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    wanted = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert catalog.digest(tmp_path / "x") == wanted


@pytest.fixture
def served(tmp_path, monkeypatch) -> Path:
    """A file that `mnist` is downloaded from, without a network."""
    source = tmp_path / "source"
    source.write_bytes(b"abc")
    item = Download("mnist/file", source.as_uri(), catalog.digest(source))
    monkeypatch.setitem(DOWNLOADS, "mnist", (item,))
    return source


def test_fetch_downloads_once_and_repairs(tmp_path, served):
    root = fetch("mnist", tmp_path / "data")
    target = root / "mnist" / "file"
    assert target.read_bytes() == b"abc"
    served.rename(tmp_path / "away")
    fetch("mnist", root)
    target.write_bytes(b"broken")
    (tmp_path / "away").rename(served)
    fetch("mnist", root)
    assert target.read_bytes() == b"abc"


def test_a_download_with_another_digest_is_not_kept(tmp_path, served):
    served.write_bytes(b"abd")
    with pytest.raises(MalformedInputError, match="nothing was kept"):
        fetch("mnist", tmp_path / "data")
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_a_failed_download_says_where_the_file_belongs(tmp_path, served):
    served.unlink()
    with pytest.raises(UsageError, match=r"place it at .*mnist/file"):
        fetch("mnist", tmp_path / "data")
    assert list((tmp_path / "data" / "mnist").iterdir()) == []


def test_embedded_data_sets_are_not_fetched():
    with pytest.raises(UsageError, match="only mnist, fsdd, zero-one are downloaded, not 'digits'"):
        fetch("digits")
