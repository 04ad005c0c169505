"""Names of regions to codes: the January 2025 table of divisions, tolerant of short and of old names.

Pure: the table is read once from the shipped file into dictionaries, a look-up is a handful of dictionary
reads. An abolished district leads to its successor; where a district was cut in two, the town decides.
Codes: six digits from province to district (`330000`, `330100`, `330110`), nine for a town.
"""

from __future__ import annotations

import csv
import gzip
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

DATA = Path(__file__).with_name("data")

_ETHNIC = (
    "蒙古|回|藏|维吾尔|苗|彝|壮|布依|朝鲜|满|侗|瑶|白|土家|哈尼|哈萨克|傣|黎|傈僳|佤|畲|高山|拉祜|水|东乡|纳西|景颇|柯尔克孜|土|"
    "达斡尔|仫佬|羌|布朗|撒拉|毛南|仡佬|锡伯|阿昌|普米|塔吉克|怒|乌孜别克|俄罗斯|鄂温克|德昂|保安|裕固|京|塔塔尔|独龙|鄂伦春|赫哲|门巴|珞巴|基诺"
)
_AUTONOMOUS = re.compile(rf"(?:(?:{_ETHNIC})族?|各族)+自治(?:区|州|县|旗)$|(?<=..)(?:{_ETHNIC})族区$")
_ENDINGS = (
    ("特别行政区", "自治区", "省", "市"),
    ("地区", "林区", "盟", "市", "州", "县"),
    ("林区", "特区", "新区", "区", "县", "市", "旗"),
    ("街道办事处", "街道", "地区", "民族乡", "镇", "乡"),
)


class Region(NamedTuple):
    """The deepest division that the names lead to. `level` is province, city, district or town."""

    adcode: str  # of the district, or of the city or province where no district was found
    level: str
    province: str
    city: str
    district: str
    town: str
    town_code: str
    old_name: str  # the abolished name that was given, else ""


class _Table(NamedTuple):
    names: dict[str, tuple[str, str, int]]  # id: (name, parent id, depth)
    provinces: dict[str, str]
    cities: dict[tuple[str, str], str]  # (province id, name): city id
    cities_alone: dict[str, str]
    districts: dict[tuple[str, str], str]  # (city id or province id or "", name): district id
    towns: dict[tuple[str, str], str]  # (district id, name): town id
    towns_of_city: dict[
        tuple[str, str], str
    ]  # (city id, name): town id, where one district of the city has it
    renamed: dict[tuple[str, str], str]  # (city id or "", old name): new district id
    split: dict[tuple[str, str], set[str]]  # (city id, name of a district that was cut): its other successors
    only: dict[str, str]  # city id: its district, where it has but one (东莞市, 仙桃市)


def shorten(name: str, depth: int) -> str:
    """The name without its kind (省, 市, 区, 街道, 某某族自治县 …); never shorter than two characters."""
    plain = _AUTONOMOUS.sub("", name)
    if plain != name and len(plain) >= 2:
        return plain
    for ending in _ENDINGS[depth]:
        if name.endswith(ending) and len(name) - len(ending) >= 2:
            return name[: -len(ending)]
    return name


def _index(places: list[tuple[Any, str, str, int]]) -> dict[Any, str]:
    """(key, name, code, depth) as a dictionary of full and of short names; a name that two places have leads nowhere.

    A full name goes before another place's short one. `key` is the parent, or None for names that stand alone.
    """
    full: dict[Any, str] = {}
    short: dict[Any, str] = {}
    for key, name, code, depth in places:
        for table, word in ((full, name), (short, shorten(name, depth))):
            entry = word if key is None else (key, word)
            table[entry] = code if table.get(entry, code) == code else ""
    return {**short, **full}


@cache
def _names() -> dict[str, tuple[str, str, int]]:
    with gzip.open(DATA / "divisions_2025.csv.gz", "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return {code: (name, parent, int(depth)) for code, parent, depth, name in rows}


@cache
def _table() -> _Table:
    names = _names()
    provinces: list[Any] = []
    cities: list[Any] = []
    alone: list[Any] = []
    districts: list[Any] = []
    towns: list[Any] = []
    wide: list[Any] = []
    only: dict[str, str] = {}
    for code, (name, parent, depth) in names.items():
        if depth == 0:
            provinces.append((None, name, code, 0))
        elif depth == 1:
            cities.append((parent, name, code, 1))
            alone.append((None, name, code, 1))
        elif depth == 2:
            only[parent] = "" if parent in only else code
            districts += [(key, name, code, 2) for key in (parent, names[parent][1], "")]
        else:
            towns.append((parent, name, code, 3))
            wide.append((names[parent][1], name, code, 3))
    table = _Table(
        names,
        _index(provinces),
        _index(cities),
        _index(alone),
        _index(districts),
        _index(towns),
        _index(wide),
        {},
        {},
        only,
    )
    for code, (name, _, depth) in names.items():  # 重庆市 stands for both of its halves, 北京市 for its one
        if depth == 0 and (code, name) not in table.cities:
            table.cities[code, name] = table.cities[code, shorten(name, 0)] = code
            table.cities_alone.setdefault(name, code)
    _add_renamed(table)
    return table


def _add_renamed(table: _Table) -> None:
    with (DATA / "divisions_renamed.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            city = table.cities_alone.get(row["old_parent"], "")
            old, new = row["old_name"], row["new_adcode"]
            if new not in table.names:
                continue
            if (
                city,
                old,
            ) in table.districts:  # the old name lives on: only the towns named by the table moved
                table.split.setdefault((city, old), set()).add(new)
                table.split.setdefault((city, shorten(old, 2)), set()).add(new)
                continue
            for key in {city, table.names[city][1] if city in table.names else "", ""}:
                table.renamed.setdefault((key, old), new)
                short = shorten(old, 2)
                if (key, short) not in table.districts:
                    table.renamed.setdefault((key, short), new)


def code6(code: str) -> str:
    """A division's code as the six digits that everybody writes."""
    return code[:6].ljust(6, "0")


def divisions() -> dict[str, tuple[str, str, int]]:
    """The whole table: {id: (full name, parent id, depth 0 to 3)}; ids are the short ones (`33`, `3301`, `330106`)."""
    return _table().names


def abolished() -> list[tuple[str, str]]:
    """(old name, id of its successor), districts that were only cut in two left out."""
    renamed = _table().renamed
    with (DATA / "divisions_renamed.csv").open(encoding="utf-8", newline="") as file:
        full = {row["old_name"] for row in csv.DictReader(file)}
    return sorted({(name, code) for (_, name), code in renamed.items() if name in full})


@cache
def _children() -> dict[str, list[str]]:
    under: dict[str, list[str]] = {}
    for code, (_, parent, _depth) in _table().names.items():
        under.setdefault(parent, []).append(code)
    return under


def below(code: str, depth: int) -> list[str]:
    """The divisions of this depth inside one: the districts of a province, the towns of a city."""
    found, step = [], [code]
    while step:
        step = [child for parent in step for child in _children().get(parent, ())]
        found += [child for child in step if _table().names[child][2] == depth]
    return found


def code_of(region: Region) -> str:
    """The table's id of a region's district, city or province."""
    for code in (region.adcode, region.adcode + "000", region.adcode[:4], region.adcode[:2]):
        if code in _table().names:
            return code
    return ""


@cache
def _town_words() -> tuple[dict[tuple[str, str], str], dict[tuple[str, str], str], dict[str, str]]:
    """Towns by (district, word), by (city, word) where one only has it, and by full name alone."""
    table, alone = _table(), {}
    for code, (name, _, depth) in table.names.items():
        if depth == 3 and not code.startswith("71"):
            alone[name] = code if name not in alone else ""
    return table.towns, table.towns_of_city, alone


def town_of(code: str, word: str) -> tuple[str, bool]:
    """The town of a district or of a city that has this name, and whether it is the full one."""
    towns, wide, _ = _town_words()
    found = towns.get((code, word)) or wide.get((code, word), "")
    return found, bool(found) and _table().names[found][0] == word


@cache
def _town_heads() -> frozenset[tuple[str, str]]:
    towns, wide, _ = _town_words()
    return frozenset((code, word[:2]) for code, word in (*towns, *wide))


def town_begins(code: str, head: str) -> bool:
    """Whether a town of this district or city begins with these two characters: a quick no for most texts."""
    return (code, head) in _town_heads()


def is_town(name: str) -> bool:
    """Whether a town anywhere has this full name."""
    return name in _town_words()[2]


def town_alone(name: str) -> str:
    """The town of this full name where the country has but one."""
    return _town_words()[2].get(name, "")


def _first(table: dict[tuple[str, str], str], keys: tuple[str, ...], name: str, depth: int) -> str:
    """The code of a name, as given or shortened, under the first of the parents that knows it."""
    for word in (name, shorten(name, depth)) if name else ():
        for key in keys:
            found = table.get((key, word))
            if found:
                return found
    return ""


@lru_cache(maxsize=20_000)
def find(province: str = "", city: str = "", district: str = "", town: str = "") -> Region | None:
    """The region behind the names that a channel gives; None when not even the province or city is known.

    Missing 省/市/区 endings, an absent province or city, and abolished districts are all right. A level that
    is unknown is left out and the levels above it answer.
    """
    table = _table()
    province, city, district, town = province.strip(), city.strip(), district.strip(), town.strip()
    top = table.provinces.get(province) or table.provinces.get(shorten(province, 0), "") if province else ""
    middle = _first(table.cities, (top,), city, 1) if top and city else ""
    if not middle and city and not top:
        middle = table.cities_alone.get(city) or table.cities_alone.get(shorten(city, 1), "")
    if not district and city and not middle:  # 省直辖县级市, or a district written in the city's place
        district = city
    keys = tuple(key for key in (middle, top) if key) or ("",)
    code, old = _first(table.districts, keys, district, 2), ""
    if not code and district:
        code = _first(table.renamed, (*keys, "") if not middle else keys, district, 2)
        old = district if code else ""
    if not code and middle:
        code = table.only.get(middle, "")
    if not code and not middle and city:  # a city that has become a district
        code = _first(table.renamed, ("",), city, 1)
        old = city if code else ""
    moved = table.renamed.get((middle, district + town)) if town else None
    if moved:  # a town that has become a district (龙港镇)
        code, old = moved, district + town
    parent = table.names[code][1] if code else middle
    town_code = _first(table.towns, (code,), town, 3) if code else ""
    if town and not town_code and parent:
        elsewhere = _first(table.towns_of_city, (parent,), town, 3)
        home = elsewhere[:6]
        if elsewhere and (not code or old or home in table.split.get((parent, district), ())):
            old = old or (district if code else "")
            code, town_code = home, elsewhere
    deepest = code or middle or top
    if not deepest:
        return None
    return _region(table, deepest, town_code, town, old)


def _region(table: _Table, code: str, town_code: str, town: str, old: str) -> Region:
    words = ["", "", ""]
    step = code
    while step:
        name, above, depth = table.names[step]
        words[min(depth, 2)] = name
        step = above if depth else ""
    level = "town" if town_code else ("province", "city", "district")[table.names[code][2]]
    return Region(
        code6(code), level, words[0], words[1], words[2],
        table.names[town_code][0] if town_code else town, town_code, old,
    )  # fmt: skip


def adcode(province: str = "", city: str = "", district: str = "", town: str = "") -> str:
    """The six-digit code of the district that the names lead to, or "" when no district is known."""
    found = find(province, city, district, town)
    return found.adcode if found is not None and found.district else ""


def town_code(district: str, town: str) -> str:
    """The nine-digit code of a town of a district (six-digit code), or ""."""
    return _first(_table().towns, (district,), town.strip(), 3)


@lru_cache(maxsize=20_000)
def name(code: str, separator: str = "") -> str:
    """The full name behind a code (`330110` → 浙江省杭州市余杭区), or the code itself when it is unknown."""
    table = _table()
    step = code if code in table.names else code.rstrip("0")
    step = step if step in table.names else step + "0" * (len(step) % 2)
    words: list[str] = []
    while step in table.names:
        word, above, depth = table.names[step]
        if not words or words[-1] != word:
            words.append(word)
        step = above if depth else ""
    return separator.join(reversed(words)) or code


@lru_cache(maxsize=20_000)
def short_name(code: str) -> str:
    """The district's own name (`330110` → 余杭区), or the code itself when it is unknown."""
    found = _table().names.get(code)
    return found[0] if found else code
