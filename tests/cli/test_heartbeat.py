"""A sign of life on stderr while long work runs, and none with -q."""

from __future__ import annotations

import sys
import threading

import pytest

from qssmc.cli.heartbeat import Heartbeat
from qssmc.cli.terminal import Terminal


@pytest.mark.parametrize("quiet", [False, True])
def test_lines_come_while_the_work_goes_on(quiet: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with Heartbeat(Terminal(quiet=quiet), plain=0.02) as heartbeat:
        heartbeat.told("pass refit", 50, 100)
        threading.Event().wait(0.2)
    said = capsys.readouterr()
    assert said.out == ""
    assert ("  pass refit: 0 s so far, 0.50 times through all sequences\n" in said.err) is not quiet
    assert (said.err == "") is quiet


def test_a_line_that_renews_makes_place_for_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("qssmc.cli.heartbeat.RENEWED", 0.02)
    terminal = Terminal()
    with Heartbeat(terminal) as heartbeat:
        heartbeat.told("emission of c", 0, 0)
        threading.Event().wait(0.2)
        terminal.note("a note")
    said = capsys.readouterr().err
    assert "\r  emission of c: 0 s so far\x1b[K" in said
    assert "\r\x1b[Ka note\n" in said
    assert terminal.before is None
