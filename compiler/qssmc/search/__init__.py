"""Search: the bits, states, heads and channels of a design under a budget, by measured sensitivities."""

from qssmc.search.accuracy import smallest_accurate
from qssmc.search.candidate import Candidate
from qssmc.search.executors import Cached, DaskCluster, Executor, InProcess, ProcessPool
from qssmc.search.explore import Explorer
from qssmc.search.goal import Goal, reach
from qssmc.search.objective import Measured, Objective, measure

__all__ = [
    "Cached",
    "Candidate",
    "DaskCluster",
    "Executor",
    "Explorer",
    "Goal",
    "InProcess",
    "Measured",
    "Objective",
    "ProcessPool",
    "measure",
    "reach",
    "smallest_accurate",
]
