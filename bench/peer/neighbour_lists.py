"""Neighbour lists of one edge type and draws from them by array operations; needs numpy only (tools/golden draws with it too)."""
import numpy as np


class Neighbours:
    """The sources of every target of one edge type; `rank` makes 'the sources up to time t' one binary search."""

    def __init__(self, source, target, targets, time):
        self.times = None if time is None else np.unique(time)
        rank = np.zeros(len(source), np.int64) if time is None else np.searchsorted(self.times, time[source])
        self.ranks = 1 if time is None else len(self.times)
        order = np.lexsort((rank, target))
        self.source, self.key = source[order], target[order] * self.ranks + rank[order]
        self.start = np.searchsorted(target[order], np.arange(targets))

    def draw(self, row, time, fanout, rng):
        """For every (row, time) up to `fanout` distinct visible sources: positions in `row`, sources."""
        visible = 1 if self.times is None else np.searchsorted(self.times, time, side="right")
        start = self.start[row]
        count = np.searchsorted(self.key, row * self.ranks + visible) - start
        at = np.repeat(np.arange(len(row)), count)
        rank = np.arange(len(at)) - np.repeat(np.cumsum(count) - count, count)  # 0..count-1 within each row
        kept = np.lexsort((rng.random(len(at)), at))[rank < fanout]             # a random order within each row, cut off at fanout
        return at[kept], self.source[start[at[kept]] + rank[kept]]
