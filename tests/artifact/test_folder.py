"""The output folder: complete or absent, whatever happens in between."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from qssmc.artifact.folder import check_edited, check_target, write_folder
from qssmc.artifact.manifest import MANIFEST, changed_files, read_manifest, to_json, with_manifest
from qssmc.errors import MalformedInputError, UsageError

FILES = with_manifest({"ir/a.ir": b"graph\n", "c/deep/er/b.c": b"int x;\n", "empty": b""}, {"name": "m", "seed": 0})


def snapshot(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones included."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def entries(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_writes_all_files_and_nothing_else(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "a" / "b" / "out", force=False)
    assert snapshot(tmp_path / "a" / "b" / "out") == dict(FILES)
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["out"]


def test_files_can_be_read_by_others(tmp_path: Path) -> None:
    umask = os.umask(0o022)
    try:
        write_folder(FILES, tmp_path / "out", force=False)
    finally:
        os.umask(umask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out" / MANIFEST).stat().st_mode & 0o777 == 0o644


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_folder(FILES, Path("out"), force=False)
    assert snapshot(tmp_path / "out") == dict(FILES)


def test_an_empty_folder_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_folder(FILES, tmp_path / "out", force=False)
    assert snapshot(tmp_path / "out") == dict(FILES)


# --- force -----------------------------------------------------------------------------------------------------------


def test_a_design_is_replaced_by_force_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(FILES, out, force=False)
    (out / "left over").write_text("x")
    before = snapshot(out)
    with pytest.raises(UsageError, match=r"output folder .*out exists; give another one or --force to replace it"):
        write_folder(FILES, out, force=False)
    assert snapshot(out) == before
    write_folder(FILES, out, force=True)
    assert snapshot(out) == dict(FILES) | {"left over": b"x"}
    assert entries(tmp_path) == {"out"} | {f"out/{name}" for name in entries(out)}


def test_force_keeps_what_is_not_as_it_was_compiled(tmp_path: Path) -> None:
    out, far = tmp_path / "out", tmp_path / "far.txt"
    write_folder(FILES, out, force=False)
    far.write_text("far")
    (out / "notes" / "deep").mkdir(parents=True)
    (out / "notes" / "mine.txt").write_text("mine")
    (out / "c" / "replay").write_bytes(b"built")
    (out / "link").symlink_to(far)
    (out / "ir" / "a.ir").write_bytes(b"changed by hand\n")
    fresh = with_manifest({"c/deep/er/b.c": b"int y;\n", "hls/x.cpp": b"x"}, {"name": "m", "seed": 1})
    write_folder(fresh, out, force=True)
    kept = {"notes/mine.txt": b"mine", "c/replay": b"built", "link": b"far", "ir/a.ir": b"changed by hand\n"}
    assert snapshot(out) == dict(fresh) | kept, "what was compiled before and is not now is gone, all else stays"
    assert (out / "link").is_symlink()
    assert (out / "notes" / "deep").is_dir()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize(
    ("name", "fresh"),
    [("ir/a.ir", "ir/a.ir"), ("hls/x.cpp", "hls/x.cpp"), ("hls", "hls/x.cpp"), ("hls/x.cpp/mine", "hls/x.cpp")],
)
def test_force_writes_over_nothing_that_would_be_lost(name: str, fresh: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(FILES, out, force=False)
    (out / name).parent.mkdir(parents=True, exist_ok=True)
    (out / name).write_text("mine")
    before = snapshot(out)
    with pytest.raises(UsageError, match=f"{name} is not as it was compiled, and --force would lose it"):
        write_folder(with_manifest({fresh: b"new"}, {}), out, force=True)
    assert snapshot(out) == before


def test_an_edited_file_of_the_same_design_is_refused_before_any_work(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(
        with_manifest({"c/m.c": b"int x;", "hls/m.cpp": b"x", "ir/a.ir": b"a"}, {"name": "m"}), out, force=False
    )
    check_edited(out, "m", ["c", "hls"])
    (out / "c" / "m.c").write_text("int y;")
    with pytest.raises(UsageError, match=r"c/m\.c is not as it was compiled, and --force would lose it; move it away"):
        check_edited(out, "m", ["c"])
    check_edited(out, "m", ["hls"])
    check_edited(out, "another", ["c"])
    (out / "c" / "m.c").unlink()
    check_edited(out, "m", ["c"])
    check_edited(tmp_path / "absent", "m", ["c"])


@pytest.mark.parametrize("text", ["{}", '{"files": {}}', '{"name": "my-web-app", "icons": []}', "[]", "not JSON"])
def test_force_does_not_take_any_manifest_for_a_design(text: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text(text)
    (out / "index.html").write_text("<p>")
    with pytest.raises(UsageError, match="holds other things than a design"):
        write_folder(FILES, out, force=True)
    assert snapshot(out) == {MANIFEST: text.encode(), "index.html": b"<p>"}


@pytest.mark.parametrize("name", ["../secret", "c/../../secret", "/etc/passwd", "way/secret", "loop/x", "", "a\\b"])
def test_a_path_that_leaves_the_folder_is_refused_and_nothing_of_it_is_read(name: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(FILES, out, force=False)
    (tmp_path / "secret").write_text("secret")
    (out / "way").symlink_to(tmp_path)
    (out / "loop").symlink_to(out / "loop")
    manifest = json.loads((out / MANIFEST).read_text())
    manifest["files"][name] = "0" * 64
    (out / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(MalformedInputError, match="which lies outside of the design") as raised:
        read_manifest(out)
    assert "secret" not in str(raised.value).replace(name, "")
    with pytest.raises(UsageError, match="holds other things than a design"):
        check_target(out, force=True)


def test_the_golden_model_must_be_listed(tmp_path: Path) -> None:
    write_folder(with_manifest({"ir/a.ir": b"x"}, {"golden": "../../../etc/passwd"}), tmp_path / "out", force=False)
    with pytest.raises(MalformedInputError, match="does not list its golden model"):
        read_manifest(tmp_path / "out")


def test_force_does_not_touch_other_things_than_a_design(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("years of work")
    for force, words in ((False, "exists; give another one or --force"), (True, "holds other things than a design")):
        with pytest.raises(UsageError, match=words):
            write_folder(FILES, home, force=force)
    assert snapshot(tmp_path) == {"home/thesis.tex": b"years of work"}


@pytest.mark.parametrize("force", [False, True])
def test_a_file_or_a_link_in_the_way(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("file", "link", "dangling"):
        with pytest.raises(UsageError, match=f"output .*{name} exists and is not a folder; give another one"):
            write_folder(FILES, tmp_path / name, force=force)
    with pytest.raises(UsageError, match=r"output folder .*file/out cannot be made: .*file cannot be written"):
        write_folder(FILES, tmp_path / "file" / "out", force=force)
    assert snapshot(tmp_path) == {"file": b"x"}


def test_a_parent_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked)  # root may write everywhere
    for folder in (locked / "out", locked / "deep" / "er"):
        with pytest.raises(UsageError, match=r"cannot be made: .*locked cannot be written"):
            write_folder(FILES, folder, force=False)
    assert entries(tmp_path) == {"locked"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_parent_whose_mode_forbids_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(UsageError, match="cannot be written"):
            check_target(tmp_path / "out", force=False)
    finally:
        tmp_path.chmod(0o700)


# --- failures in the middle ------------------------------------------------------------------------------------------


class Stop(BaseException):
    """What no handler expects: Ctrl-C, or the machine going down politely."""


def failing(monkeypatch: pytest.MonkeyPatch, method: str, at: int, error: BaseException) -> None:
    """Let the n-th call of a method of Path fail."""
    real, calls = getattr(Path, method), []

    def call(self: Path, *args: Any, **options: Any) -> Any:
        calls.append(self)
        if len(calls) == at:
            raise error
        return real(self, *args, **options)

    monkeypatch.setattr(Path, method, call)


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Stop()], ids=["full", "stopped"])
@pytest.mark.parametrize(("method", "at"), [("write_bytes", 1), ("write_bytes", 4), ("rename", 1)])
def test_a_failure_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, at: int, error: BaseException
) -> None:
    with monkeypatch.context() as patch:
        failing(patch, method, at, error)
        with pytest.raises(type(error)):
            write_folder(FILES, tmp_path / "made" / "for" / "out", force=False)
    assert entries(tmp_path) == set()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), Stop()], ids=["full", "stopped"])
@pytest.mark.parametrize(("method", "at"), [("write_bytes", 1), ("write_bytes", 4), ("rename", 1), ("rename", 2)])
def test_a_failure_leaves_the_design_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, at: int, error: BaseException
) -> None:
    out = tmp_path / "out"
    write_folder({**FILES, "old": b"old"}, out, force=False)
    before = snapshot(tmp_path)
    with monkeypatch.context() as patch:
        failing(patch, method, at, error)
        with pytest.raises(type(error)):
            write_folder(FILES, out, force=True)
    assert snapshot(tmp_path) == before


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_the_manifest_holds_a_hash_of_every_file_and_the_facts(tmp_path: Path) -> None:
    write_folder(FILES, tmp_path / "out", force=False)
    manifest = read_manifest(tmp_path / "out")
    wanted = {path: hashlib.sha256(content).hexdigest() for path, content in FILES.items() if path != MANIFEST}
    assert manifest["files"] == wanted
    assert (manifest["name"], manifest["seed"]) == ("m", 0)
    assert (manifest["format"], manifest["version"]) == ("qssmc.design", 1)


def test_the_order_of_the_files_does_not_matter() -> None:
    files = {"b": b"2", "a": b"1", "c/d": b"3"}
    backwards = dict(reversed(files.items()))
    assert with_manifest(files, {"x": 1})[MANIFEST] == with_manifest(backwards, {"x": 1})[MANIFEST]


def test_json_is_stable_and_readable() -> None:
    assert to_json({"b": [1, 2.5], "a": "ü"}) == '{\n "a": "ü",\n "b": [\n  1,\n  2.5\n ]\n}\n'.encode()


def test_changed_and_missing_files_are_named(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(FILES, out, force=False)
    manifest = read_manifest(out)
    assert changed_files(out, manifest) == []
    (out / "ir/a.ir").write_text("graph ")
    (out / "empty").unlink()
    (out / "new").write_text("not of the design")
    assert changed_files(out, manifest) == ["empty", "ir/a.ir"]
    (out / "empty").mkdir()
    assert changed_files(out, manifest) == ["empty", "ir/a.ir"]


def test_a_folder_without_a_manifest(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match=r"is not a compiled design \(it has no manifest.json\)"):
            read_manifest(folder)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"format": "qssmc.design"}',
        b'{"format": "qssmc.design", "version": 2, "files": {}}',
        b'{"format": "other", "version": 1, "files": {}}',
        b'{"format": "qssmc.design", "version": 1}',
        b'{"format": "qssmc.design", "version": 1, "files": ["a"]}',
    ],
)
def test_a_manifest_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(MalformedInputError, match="compile the model again") as caught:
        read_manifest(tmp_path)
    assert caught.value.exit_code == 2
    assert str(tmp_path / MANIFEST) in str(caught.value)


def test_a_manifest_is_json_with_a_newline_at_the_end() -> None:
    text = FILES[MANIFEST].decode()
    assert text.endswith("}\n")
    assert json.loads(text)["files"]
