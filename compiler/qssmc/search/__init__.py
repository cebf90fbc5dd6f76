"""Search: the bits, states, heads and channels of a design under a budget, by measured sensitivities."""

from qssmc.search.accuracy import smallest_accurate
from qssmc.search.bench import Bench, Measured, measure
from qssmc.search.crew import Alone, Cluster, Crew, Kept, Processes
from qssmc.search.explore import Explorer
from qssmc.search.goal import Goal, reach
from qssmc.search.setting import Setting

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
