"""How much a pair of characters tells: weights of bigrams, learned from 18,000 real company addresses (cpca, MIT).

大厦 and 中心 stand in every second address and tell little, 华星 tells nearly all. The shipped table has the frequent
ones; what is not in it is rare, and weighs the most.
"""

from __future__ import annotations

import gzip
import json
import math
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path

from routing.addresses import sound

_TABLE = Path(__file__).with_name("data") / "grams.json.gz"


@cache
def _weights() -> tuple[dict[str, float], float]:
    with gzip.open(_TABLE, "rt", encoding="utf-8") as file:
        kept = json.load(file)
    total = kept["documents"]
    return {gram: math.log(total / n) for gram, n in kept["counts"].items()}, math.log(total / 2)


@lru_cache(maxsize=200_000)
def weight(gram: str) -> float:
    """The weight of one gram; a figure counts more than a character, for it tells doors apart."""
    known, rare = _weights()
    return known.get(gram, rare)


@lru_cache(maxsize=100_000)
def bag(text: str) -> dict[str, float]:
    """The weighted bigrams of a text; runs of figures and letters are one gram, so that 288 is not 28."""
    grams: dict[str, float] = {}
    run = ""
    previous = ""
    for c in text + " ":
        if c.isascii() and c.isalnum():
            run += c
            continue
        if run:
            grams[f"#{run}"] = 4.0
            run, previous = "", ""
        if not c.isalnum():
            previous = ""
            continue
        if previous:
            grams[previous + c] = weight(previous + c)
        previous = c
    return grams


@lru_cache(maxsize=50_000)
def heard(text: str) -> dict[str, float]:
    """The same by sound: pairs of syllables, a little lighter because more words share them."""
    grams: dict[str, float] = {}
    for one, other in pairwise(text):
        if one > "⺀" and other > "⺀":
            key = f"{sound.syllable(one)} {sound.syllable(other)}"
            grams[key] = max(grams.get(key, 0.0), 0.8 * weight(one + other))
    return grams


def share(wanted: dict[str, float], there: dict[str, float]) -> float:
    """How much of the weight that is wanted is there, 0 to 1; 0 where nothing is wanted."""
    total = sum(wanted.values())
    return sum(value for gram, value in wanted.items() if gram in there) / total if total else 0.0


def likeness(one: str, other: str) -> float:
    """How alike two names are: weighted grams both ways, by writing or by sound, whichever is better."""
    if not one or not other:
        return 0.0
    if one == other:
        return 1.0
    return max(_both(bag(one), bag(other)), 0.95 * _both(heard(one), heard(other)))


def _both(one: dict[str, float], other: dict[str, float]) -> float:
    total = sum(one.values()) + sum(other.values())
    return (
        2 * sum(min(value, other[gram]) for gram, value in one.items() if gram in other) / total
        if total
        else 0.0
    )
