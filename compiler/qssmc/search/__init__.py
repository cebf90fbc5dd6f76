"""Search: the bits, states, heads and channels of a design under a budget, by measured sensitivities."""

from qssmc.search.accuracy import smallest_accurate
from qssmc.search.candidate import Setting
from qssmc.search.executors import Alone, Cluster, Crew, Kept, Processes
from qssmc.search.explore import Explorer
from qssmc.search.goal import Goal, reach
from qssmc.search.objective import Bench, Measured, measure

__all__ = [
    "Alone",
    "Bench",
    "Cluster",
    "Crew",
    "Explorer",
    "Goal",
    "Kept",
    "Measured",
    "Processes",
    "Setting",
    "measure",
    "reach",
    "smallest_accurate",
]
