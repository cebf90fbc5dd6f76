"""Stages: the graph after every pass of a compilation, in memory or read back from a compiled folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from qssmc.artifact.manifest import read_manifest
from qssmc.errors import MalformedInputError
from qssmc.ir.graph import Graph
from qssmc.ir.text import parse, print_graph
from qssmc.ir.verify import IRError

FLOAT = "float"  # the name of the first stage, which no pass made
_PRUNING = ("prune_states", "prune_heads", "prune_channels")  # the last of them first
_FILE = re.compile(r"ir/\d+_(\w+)\.ir")


class Stages(Mapping[str, Graph]):
    """Graphs by the name of the pass that made each, in order; and those that others ask for, by what they are.

    >>> from qssmc.ir import parse
    >>> before = parse('''
    ... graph t : float
    ... %u : f64[1] = input
    ... output y : step = %u''')
    >>> stages = Stages({"float": before}).then("canonicalise", before)
    >>> list(stages), stages.golden is stages.canonical, stages.golden_path
    (['float', 'canonicalise'], True, 'ir/01_canonicalise.ir')
    """

    def __init__(self, graphs: Mapping[str, Graph]) -> None:
        self._graphs = graphs

    @classmethod
    def read(cls, folder: Path) -> Stages:
        """Those that the manifest of a compiled folder lists; each is parsed when it is asked for.

        Raises MalformedInputError, also of a stage that is asked for and not there or no graph.
        """
        files = sorted(name for name in read_manifest(folder)["files"] if _FILE.fullmatch(name))
        return cls(_Folder(folder, files))

    def __getitem__(self, name: str) -> Graph:
        return self._graphs[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graphs)

    def __len__(self) -> int:
        return len(self._graphs)

    def __contains__(self, name: object) -> bool:
        return name in self._graphs

    def then(self, name: str, graph: Graph) -> Stages:
        """With one pass more."""
        return Stages({**self._graphs, name: graph})

    def until(self, name: str) -> Stages:
        """Up to a stage, that one included."""
        names = list(self)
        return Stages({kept: self[kept] for kept in names[: names.index(name) + 1]})

    def before(self, name: str) -> Graph:
        """What a pass was given."""
        names = list(self)
        return self[names[names.index(name) - 1]]

    @property
    def float(self) -> Graph:
        """The model as it was traced or imported."""
        return self[FLOAT]

    @property
    def canonical(self) -> Graph:
        """The float graph with fewer kinds of ops."""
        return self["canonicalise"]

    @property
    def discrete(self) -> Graph:
        """One step of the recurrence in real numbers, nothing of it removed or scaled."""
        return self["discretize"]

    @property
    def has_reals(self) -> bool:
        """Whether the real graphs that the integers came from are here: not where an integer graph came alone."""
        return "discretize" in self and "quantise" in self

    @property
    def pruned(self) -> Graph:
        """The discrete graph without the channels, heads and states that are not kept."""
        return next((self[name] for name in _PRUNING if name in self), self.discrete)

    @property
    def calibrated(self) -> Graph:
        """The pruned graph with the ranges of its values."""
        return self["calibrate"]

    @property
    def quantised(self) -> Graph:
        """The last graph of real numbers on grids: as rounded and, if that was asked for, refitted."""
        return self["refit"] if "refit" in self else self["quantise"]

    @property
    def proven(self) -> Graph:
        """Integers, each as narrow as is proven of it: the golden model of the digital targets."""
        return self["prove"]

    @property
    def fused(self) -> Graph | None:
        """One product a head, before arrays in any form but the oscillators'; None of a digital design."""
        return self.get("fuse")

    @property
    def oscillators(self) -> Graph | None:
        """One product a head, with converters, of layers in oscillator form; None of any other design."""
        return self.get("oscillate")

    @property
    def arrays(self) -> Graph | None:
        """The products of arrays of the user's size, whose converters lose nothing but in oscillator form."""
        return self.get("realise")

    @property
    def products(self) -> Graph:
        """The graph whose products are laid out on arrays: fused, or of oscillators. KeyError of a digital design."""
        return self["oscillate"] if "oscillate" in self else self["fuse"]

    @property
    def golden(self) -> Graph:
        """The last graph, which is emitted."""
        return self[list(self)[-1]]

    @property
    def golden_path(self) -> str:
        """The file of the golden model."""
        return self._path(len(self) - 1)

    def files(self) -> dict[str, bytes]:
        """The IR files, ir/NN_name.ir, in order."""
        return {self._path(index): print_graph(graph).encode() for index, graph in enumerate(self.values())}

    def _path(self, index: int) -> str:
        return f"ir/{index:02d}_{list(self)[index]}.ir"


class _Folder(Mapping[str, Graph]):
    """The graphs of the IR files of a folder by the names of their passes, each read once."""

    def __init__(self, folder: Path, files: list[str]) -> None:
        self.folder = folder
        self.paths = {match[1]: name for name in files if (match := _FILE.fullmatch(name))}
        self.read: dict[str, Graph] = {}

    def __getitem__(self, name: str) -> Graph:
        if name not in self.paths:
            raise MalformedInputError(f"{self.folder} holds no IR of the stage {name}; compile the model again")
        if name not in self.read:
            try:
                self.read[name] = parse((self.folder / self.paths[name]).read_text())
            except (OSError, ValueError, IRError) as error:
                raise MalformedInputError(
                    f"{self.folder} is not complete ({error}); compile the model again"
                ) from error
        return self.read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def __contains__(self, name: object) -> bool:
        return name in self.paths
