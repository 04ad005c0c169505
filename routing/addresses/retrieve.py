"""A file of places in memory: an inverted index over pairs of characters and of syllables, the best then ranked.

The local provider's answer when there is no key, no network or no quota. 50,000 places take some seconds to read,
a search a few milliseconds.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from routing.addresses import grams, score
from routing.addresses.candidates import rank
from routing.addresses.words import Candidate, Parsed, Picks, Poi

FIRST = 100  # how many the index hands to the ranking


class Book:
    """Places that can be searched; never changed after it is made."""

    def __init__(self, pois: Iterable[Poi]) -> None:
        self.pois = list(pois)
        lists: dict[str, list[int]] = defaultdict(list)
        sizes = np.ones(max(1, len(self.pois)))
        for n, poi in enumerate(self.pois):
            text = f"{poi.address} {poi.name}"
            keys = {*grams.bag(text), *("~" + gram for gram in grams.heard(text))}
            keys.update("~" + said for said in score.syllables(text) if said[0] != "#")
            for key in keys:
                lists[key].append(n)
            sizes[n] = len(keys)
        total = max(2, len(self.pois))
        self.lists = {key: np.array(places, dtype=np.int32) for key, places in lists.items()}
        self.weights = {key: math.log(total / len(places)) for key, places in lists.items()}
        self.codes = np.array([int(poi.adcode) if poi.adcode.isdigit() else 0 for poi in self.pois] or [0])
        self.drag = 1 / (8 + np.sqrt(sizes))

    def near(self, parsed: Parsed, limit: int = FIRST) -> list[Poi]:
        """The places that share most with the text, before anything is compared in earnest."""
        given = score.wrote(parsed)
        points = np.zeros(len(self.codes))
        for gram in given.grams:
            places = self.lists.get(gram)
            if places is not None:
                points[places] += self.weights[gram]
        for gram in given.heard:
            places = self.lists.get("~" + gram)
            if places is not None:
                points[places] += 0.6 * self.weights["~" + gram]
        for said in set(given.syllables):
            places = self.lists.get("~" + said)
            if places is not None:
                points[places] += 0.35 * self.weights["~" + said]
        if not self.pois or not points.any():
            return []
        if parsed.adcode:
            code = int(parsed.adcode)
            points *= 1 + 0.15 * (self.codes == code) + 0.1 * (self.codes // 100 == code // 100)
        points *= self.drag
        count = min(limit, len(self.pois))
        best = np.argpartition(-points, count - 1)[:count]
        best = best[np.argsort(-points[best], kind="stable")]
        return [self.pois[n] for n in best if points[n] > 0]

    def search(self, parsed: Parsed, limit: int = 20) -> list[Poi]:
        """The places that may be meant, best first."""
        return [candidate.poi for candidate in self.rank(parsed)[:limit]]

    def rank(self, parsed: Parsed, picks: Picks | None = None) -> list[Candidate]:
        """The same as candidates with their reasons."""
        return rank(parsed, self.near(parsed), picks)
