"""Addresses made worse, with a seed: what fingers, ears and forms do to a good one. For measurements only.

Each kind of noise is one that buyers make: a character of the same sound, one dropped, two swapped, a district wrong or left
out, the kind of a number forgotten, a name cut short, a shop's or a person's words around it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from routing.addresses import regions, sound
from routing.addresses.words import Poi

_COMMON = (
    "东西南北中大小上下前后新老文武三山水江河湖海天地人民和平建设解放胜利光明花园城市区路街道公司科技国际金银华明星龙凤云景瑞锦翠安宁康嘉禾润祥泰丰盛兴"
    "智创业产商务广场厦楼院苑居里村镇桥门塘堂塔仙先贤宣轩玉育裕雨宇羽钱前乾潜浦普朴谱丁定顶石时实世市士室事试清青庆情林临霖林琳灵玲凌岭"
)  # fmt: skip
_AROUND = (
    "快递放门口",
    "李女士收",
    "前台代收",
    "某某贸易有限公司",
    "二楼",
    "3楼左转",
    "旁边",
    "对面",
    "附近",
    "收货",
    "丰巢",
)


@cache
def _same_sound() -> dict[tuple[str, ...], list[str]]:
    table: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for c in dict.fromkeys(_COMMON):
        table[sound.spell(c)].append(c)
    return table


class Noise(NamedTuple):
    """How likely each harm is; `HARD` and `EASY` are two such people."""

    typo: float
    drop: float
    swap: float
    district: float  # left out
    wrong: float  # another district of the city
    number: float  # left out
    road: float  # left out
    cut: float  # the name cut short
    around: float  # words around it


EASY = Noise(0.25, 0.1, 0.05, 0.4, 0.0, 0.1, 0.1, 0.1, 0.2)
HARD = Noise(0.6, 0.35, 0.2, 0.6, 0.15, 0.5, 0.45, 0.6, 0.5)


def typo(text: str, draw: random.Random) -> str:
    """One character for another of the same sound."""
    places = [n for n, c in enumerate(text) if len(_same_sound().get(sound.spell(c), ())) > 1]
    if not places:
        return text
    n = draw.choice(places)
    others = [c for c in _same_sound()[sound.spell(text[n])] if c != text[n]]
    return text[:n] + draw.choice(others) + text[n + 1 :] if others else text


def drop(text: str, draw: random.Random) -> str:
    """One character less, never a figure."""
    places = [n for n, c in enumerate(text) if not c.isdigit()]
    if len(text) < 4 or not places:
        return text
    n = draw.choice(places)
    return text[:n] + text[n + 1 :]


def swap(text: str, draw: random.Random) -> str:
    """Two neighbours changed round, never figures."""
    places = [n for n in range(len(text) - 1) if not text[n].isdigit() and not text[n + 1].isdigit()]
    if len(text) < 4 or not places:
        return text
    n = draw.choice(places)
    return text[:n] + text[n + 1] + text[n] + text[n + 2 :]


def query(poi: Poi, kind: Noise, draw: random.Random) -> str:
    """What somebody might write who means this place."""
    name, road = poi.name, poi.address
    whole = name == road
    if draw.random() < kind.cut and len(name) > 4 and not whole:
        size = max(3, int(len(name) * draw.uniform(0.5, 0.8)))
        name = name[:size] if draw.random() < 0.7 else name[-size:]
    if draw.random() < kind.number and not whole:
        road = road.rstrip("0123456789号弄-栋幢座")
    if draw.random() < kind.road and not whole:
        road = ""
    elif road and draw.random() < 0.35:
        road = road.removesuffix("号")
    name = "" if whole or (road and draw.random() < 0.1 and road[-1] in "号弄0123456789") else name
    body = road + name
    for chance, harm in ((kind.typo, typo), (kind.drop, drop), (kind.swap, swap)):
        if draw.random() < chance:
            body = harm(body, draw)
    chance = draw.random()
    district = poi.district
    if chance < kind.district:
        district = ""
    elif chance < kind.district + kind.wrong:
        others = [code for code in regions.below(poi.adcode[:4], 2) if code != poi.adcode]
        district = regions.short_name(draw.choice(others)) if others else district
    around = draw.choice(_AROUND) if draw.random() < kind.around else ""
    return district + body + (around if not around.endswith("公司") or draw.random() < 0.5 else f" {around}")


def queries(pois: Sequence[Poi], count: int, kind: Noise, seed: str) -> Iterable[tuple[str, Poi]]:
    """(query, the place that is meant), the same for the same seed."""
    draw = random.Random(seed)
    for poi in draw.sample(list(pois), min(count, len(pois))):
        yield query(poi, kind, draw), poi


def address(text: str, draw: random.Random) -> str:
    """A whole address with one or two slips, for the parser."""
    out = text
    for harm in draw.sample((typo, drop, swap), draw.choice((1, 1, 2))):
        out = harm(out, draw)
    return out
