"""Prune: states, heads and channels whose removal, after refitting the others, costs least at the outputs."""

from qssmc.passes.prune.columns import PruneChannels, PruneHeads
from qssmc.passes.prune.dead import drop_dead
from qssmc.passes.prune.states import PruneStates

__all__ = ["PruneChannels", "PruneHeads", "PruneStates", "drop_dead"]
