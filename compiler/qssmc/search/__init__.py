"""Search: the bits, states, heads and channels of a design under a budget, by measured sensitivities."""

from qssmc.search.accuracy import smallest_accurate
from qssmc.search.candidate import Candidate
from qssmc.search.executors import InProcess, DaskCluster, Executor, Cached, ProcessPool
from qssmc.search.explore import Explorer
from qssmc.search.goal import Goal, reach
from qssmc.search.objective import Objective, Measured, measure

__all__ = [
    "InProcess",
    "Objective",
    "DaskCluster",
    "Executor",
    "Explorer",
    "Goal",
    "Cached",
    "Measured",
    "ProcessPool",
    "Candidate",
    "measure",
    "reach",
    "smallest_accurate",
]
