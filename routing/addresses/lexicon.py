"""Names of divisions as people write them, to what they may mean: an automaton over the table.

A name is known in full, shortened (余杭), with another kind (余杭市), as an abolished one, or by a nickname (恩施州, 浦东).
A short name that is a road's or a building's (西湖大道, 南京银行) is none.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import Any, NamedTuple

from routing.addresses import regions, sound

ROADLIKE = re.compile(
    r"[东南西北中前后上下新老内外大小]?[一二三四五六七八九十]?(?:路|大?街(?!道)|巷|弄|大?道|公路|桥|胡同|里弄)|街道|[村镇乡屯湾湖河塘](?![一-龥]{1,3}(?:路|街|大?道|巷))"
    r"|(?:国际)?(?:大厦|大酒店|酒店|宾馆|广场|花园|新村|大学|学院|银行|商城|大楼|公寓|小区|医院|火车站|机场|[东南西北]?站)"
    r"|(?:文化|商业|中心|购物)广场|世纪|花苑|名城|时代|家园|人家|农商"
)
#: Which of several districts of one name is meant where nothing else tells: the one most parcels go to.
LIKELIEST = {
    "110105", "330106", "320106", "500105", "310107", "440305", "310113", "440111", "110112", "420107", "120101", "210106",
    "130105", "130104", "610116", "620102", "120102", "320706", "310116", "440309", "370103", "610102", "330784", "320113",
    "530181", "440115", "370202", "330104", "430111", "120103", "210202", "130102", "340103", "440105", "310101", "310106",
    "440402",
}  # fmt: skip
_CITIES_OLD = {
    "襄樊市": "4206", "淮阴市": "3208", "思茅市": "5308", "哈密地区": "6505", "吐鲁番地区": "6504", "毕节地区": "5205",
}  # fmt: skip
_ALIAS = {
    "巴州": "6528", "内蒙": "15", "黔南州": "5227", "浦东": "310115", "浦东区": "310115",
    "伊犁州": "6540", "西双版纳州": "5328", "郑东新区": "4101", "两江新区": "50", "北部新区": "50",
    "外高桥": "310115", "陆家嘴": "310115", "滨海高新区": "12", "余杭经济开发区": "330113",
    "余杭经济技术开发区": "330113", "光谷": "4201", "天府新区": "5101", "中关村": "110108",
    "光明新区": "440311", "坪山新区": "440310", "龙华新区": "440309", "大鹏新区": "440307",
    "望京": "110105", "香港": "8100", "澳门": "8200", "北京": "11", "天津": "12", "上海": "31",
    "重庆": "50",
}  # fmt: skip


class Entry(NamedTuple):
    """A name's meaning: level 0 to 2, the division's code, how sure the name is (1 full, less when shortened), old name."""

    level: int
    code: str
    weight: float
    old: str


class Hit(NamedTuple):
    start: int
    end: int
    entry: Entry


@cache
def _trie() -> dict[str, Any]:
    table = regions.divisions()
    root: dict[str, Any] = {}
    full = {name for name, _, depth in table.values() if depth < 3}
    places: dict[tuple[str, str], Entry] = {}

    def add(name: str, code: str, level: int, weight: float, old: str = "") -> None:
        if len(name) >= 2 and ((name, code) not in places or places[name, code].weight < weight):
            places[name, code] = Entry(level, code, weight, old)

    for code, (name, parent, depth) in table.items():
        if depth > 2 or code.startswith("9"):
            continue
        taiwan = 0.5 if code.startswith("71") else 1.0
        add(name, code, depth, taiwan)
        short = regions.shorten(name, depth)
        if short == name or (depth == 2 and table[parent][0] == name):
            continue
        add(short, code, depth, 0.7 * taiwan)
        if taiwan < 1:
            continue
        for ending in ("州", "县", "旗", "地区", "盟"):
            if name.endswith(ending) or (ending == "地区" and name.endswith("市")):
                add(short + ending, code, depth, 0.9)
        for ending in ("区", "县", "市") if depth == 2 else ():
            if short + ending not in full:
                add(short + ending, code, depth, 0.85, short + ending)
    for word, code in {**_CITIES_OLD, **_ALIAS}.items():
        add(word, code, table[code][2], 1.6 if len(word) > 4 else 0.8, word if word in _CITIES_OLD else "")
    for old, code in regions.abolished():
        add(old, code, 2, 0.95, old)
        short = regions.shorten(old, 2)
        if not any(key[0] == short for key in places):
            add(short, code, 2, 0.6, short)
    for (name, _), entry in places.items():
        step = root
        for c in name:
            step = step.setdefault(c, {})
        step.setdefault("", []).append(entry)
    return root


@lru_cache(maxsize=256)
def hits(text: str, start: int) -> tuple[Hit, ...]:
    """Every name that begins here, longest first; a short name that is a road's or a building's is none."""
    step: dict[str, Any] | None = _trie()
    found: list[Hit] = []
    for position in range(start, min(len(text), start + 16)):
        step = step.get(text[position])  # type: ignore[union-attr]
        if step is None:
            break
        entries = step.get("")
        if entries:
            plain = None
            for entry in entries:
                if entry.weight <= 0.7 and plain is None:
                    plain = ROADLIKE.match(text, position + 1) is None or _named(text, position + 1)
                if entry.weight > 0.7 or plain:
                    found.append(Hit(start, position + 1, entry))
    found.reverse()
    if len(found) > 1:  # 杭州 says nothing that 杭州市 does not
        longest: dict[str, Hit] = {}
        for hit in found:
            longest.setdefault(hit.entry.code, hit)
        found = list(longest.values())
    return tuple(found)


def _named(text: str, start: int) -> bool:
    """Whether a full name of a district begins here (南京|江宁区, 宁波|江东区)."""
    step: dict[str, Any] | None = _trie()
    for position in range(start, min(len(text), start + 6)):
        step = step.get(text[position])  # type: ignore[union-attr]
        if step is None:
            return False
        if "" in step and text[start : start + 2] != text[start - 2 : start]:
            return any(entry.level == 2 for entry in step[""]) and not ROADLIKE.match(text, position + 1)
    return False


@cache
def _above(code: str) -> frozenset[str]:
    """The division and all it lies in."""
    table, out = regions.divisions(), set()
    while code in table and code not in out:
        out.add(code)
        code = table[code][1]
    return frozenset(out)


def within(code: str, of: str) -> bool:
    return of in _above(code)


@cache
def _long_names() -> list[tuple[str, str]]:
    """(name, code) of every province, city and district, the abolished ones too, that is long enough to be misspelt."""
    living = [(name, code) for code, (name, _, depth) in regions.divisions().items() if depth < 3]
    kept = {*living, *regions.abolished()}
    return sorted(pair for pair in kept if len(pair[0]) >= 3 and not pair[1].startswith(("71", "9")))


@cache
def near_names() -> dict[str, list[str]]:
    """Districts by their name with one character of the stem left open: `*湖区`, `西*区`."""
    table: dict[str, list[str]] = {}
    for name, code in _long_names():
        if regions.divisions()[code][2] == 2:
            for n in range(len(name) - 1):
                table.setdefault(f"{name[:n]}*{name[n + 1 :]}", []).append(code)
    return table


@cache
def _heard_names() -> dict[tuple[str, ...], list[tuple[str, str]]]:
    table: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name, code in _long_names():
        table.setdefault(sound.spell(name), []).append((name, code))
    return table


def sounds_like(word: str, within_code: str = "") -> tuple[str, str] | None:
    """The one name (and code) that sounds like a word; among several the likeliest; None where it stays open."""
    found = [
        pair
        for pair in _heard_names().get(sound.spell(word), ())
        if not within_code or within(pair[1], within_code)
    ]
    if len({code for _, code in found}) > 1:
        found = [pair for pair in found if pair[1] in LIKELIEST]
    return found[0] if len({code for _, code in found}) == 1 else None
