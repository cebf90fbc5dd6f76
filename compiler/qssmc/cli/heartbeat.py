"""Heartbeat: says on stderr what long work is at; a line that renews on a terminal, else a plain line now and then."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self

from qssmc.cli.terminal import Terminal

PLAIN, RENEWED = 10.0, 0.5  # seconds between lines, and between renewals of one


class Heartbeat:
    """A context manager around long work; told is given to it. Says nothing with -q, and nothing of what is done within
    a renewal."""

    def __init__(self, terminal: Terminal, *, plain: float = PLAIN) -> None:
        self._terminal = terminal
        self._renews = sys.stderr.isatty()
        self._pause = RENEWED if self._renews else plain
        self._now: tuple[str, int, int] = ("", 0, 0)
        self._since = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Self:
        if not self._terminal.quiet:
            if self._renews:
                self._terminal.before = self._clear
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._terminal.before is not None:
            self._clear()
            self._terminal.before = None

    def told(self, what: str, done: int, of: int) -> None:
        """What the work is at: see qssmc.driver.watch."""
        if what != self._now[0]:
            self._since = time.monotonic()
        self._now = (what, done, of)

    def _beat(self) -> None:
        while not self._over.wait(self._pause):
            seconds = time.monotonic() - self._since
            if self._now[0] and seconds >= self._pause:
                line = text_of(*self._now, seconds)
                if self._renews:
                    sys.stderr.write(f"\r{line}\x1b[K")
                    sys.stderr.flush()
                else:
                    self._terminal.note(line)

    @staticmethod
    def _clear() -> None:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def text_of(what: str, done: int, of: int, seconds: float) -> str:
    """The line.

    >>> text_of("pass refit", 300, 200, 12.4), text_of("emit verilog", 0, 0, 80)
    ('  pass refit: 12 s so far, 1.50 times through all sequences', '  emit verilog: 80 s so far')
    """
    times = f", {done / of:.2f} times through all sequences" if of else ""
    return f"  {what}: {seconds:.0f} s so far{times}"
