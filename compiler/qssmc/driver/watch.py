"""Watch: what a compilation is doing and how far it is, told to whoever asks; it decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from qssmc.analysis.calibration import Observer, Simulated, Simulator
from qssmc.ir.graph import Graph

Told = Callable[[str, int, int], Any]  # (what, done, of); of is 0 where nothing is counted
_SELDOM = 0.2  # seconds between two words on the same piece of work


class Watch:
    """told: called as each piece of work begins and, where steps are simulated, a few times a second; size: steps of
    all calibration sequences together, which a pass may go through several times."""

    def __init__(self, told: Told | None = None) -> None:
        self._told = told
        self._what, self._done, self._next = "", 0, 0.0
        self.size = 0

    def begin(self, what: str) -> None:
        """Another piece of work."""
        self._what, self._done, self._next = what, 0, time.monotonic() + _SELDOM
        if self._told is not None:
            self._told(what, 0, 0)

    def simulator(self, run: Simulator) -> Simulator:
        """The same simulator, whose steps are counted."""
        if self._told is None:
            return run

        def counted(graph: Graph, samples: NDArray[Any], observe: Observer | None = None, /) -> Simulated:
            def see(t: int, values: Any) -> None:
                if observe is not None:
                    observe(t, values)
                if t < samples.shape[1]:
                    self._count(len(samples))

            return run(graph, samples, see)

        return counted

    def _count(self, steps: int) -> None:
        self._done += steps
        now = time.monotonic()
        if self._told is not None and now >= self._next:
            self._next = now + _SELDOM
            self._told(self._what, self._done, self.size)
