"""Makes `data/pois.jsonl.gz`, what the sandbox's Amap knows: run once by hand, never by the sandbox.

    python -m orderhub.sandbox.make_pois DIRECTORY

Roads, numbers and names of buildings are those of real company addresses (cpca, MIT); what stands between them is
made up with a seed: neighbours, lanes of the same number, towers, gates, branches, car parks, namesakes in other districts.
Coordinates are *not* real: a road runs from a point near its district's centre, numbers count along it (GCJ-02).
Nothing here knows any query.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from orderhub.sandbox.centres import CENTRES
from orderhub.sandbox.make_sample import DATA, PRIVATE, Divisions, write_gz

SEED = "pois 2025"
SHARES = {"330100": 2600, "310100": 1700, "3302": 350, "33": 900, "1101": 500, "44": 500, "32": 450, "": 500}
_FOUND = re.compile(
    r"(?P<road>[一-龥]{1,6}(?:大道|大街|公路|支路|路|街|巷)(?:[东西南北中]段)?)(?P<number>\d{1,4}(?:-\d{1,3})?)(?P<kind>号|弄)"
    r"(?P<name>[一-龥A-Za-z]{2,11}?(?:大厦|商厦|广场|中心|科技园|产业园|创意园|工业园|创业园|软件园|国际|大楼|花园|公寓|商城|园区|学院|苑|座))?"
)
_STRIP = re.compile(r"^.*(?:街道|园区|开发区|工业区|新区|[镇区])(?=[一-龥]{2,})")
SURNAMES = "云景和瑞锦翠金碧兰明盛华丰祥泰安宁康乐嘉禾天润雅新东海星河江南西溪湖滨城北望江"
ESTATES = ("佳苑", "花园", "公寓", "新村", "家园", "名邸", "华庭", "小区", "雅苑", "锦园")
TOWERS = ("大厦", "商务中心", "科创园", "国际中心", "广场", "产业园", "创业园", "时代大厦")
SHOPS = (
    ("便民超市", "购物服务;便民商店/便利店;便民商店/便利店", "060200"), ("面馆", "餐饮服务;中餐厅;特色/地方风味餐厅", "050118"),
    ("药房", "医疗保健服务;医药保健销售店;药房", "090601"), ("快递站", "生活服务;物流速递;物流速递", "070500"),
    ("五金店", "购物服务;家居建材市场;家居建材市场", "060600"), ("幼儿园", "科教文化服务;学校;幼儿园", "141204"),
    ("宾馆", "住宿服务;宾馆酒店;宾馆酒店", "100100"), ("干洗店", "生活服务;洗衣店;洗衣店", "071500"),
)  # fmt: skip
OFFICE = ("商务住宅;楼宇;商务写字楼", "120201")
PARK = ("商务住宅;产业园区;产业园区", "120100")
HOME = ("商务住宅;住宅区;住宅小区", "120302")
DOOR = ("地名地址信息;门牌信息;门牌信息", "190403")
GATE = ("通行设施;建筑物门;建筑物正门", "991401")
CAR = ("交通设施服务;停车场;公共停车场", "150904")
FIRM = ("公司企业;公司;公司", "170200")

#: The order that every demonstration starts with: 张江路288号, that several places may be.
ZHANGJIANG = (
    ("张江路288号", "张江路288号", DOOR, 0),
    ("启明科创园", "张江路288号", PARK, 0),
    ("启明科创园A栋", "张江路288号启明科创园", OFFICE, 20),
    ("启明科创园B栋", "张江路288号启明科创园", OFFICE, 60),
    ("启明科创园X栋", "张江路288号启明科创园", OFFICE, 110),
    ("启明科创园停车场", "张江路288号", CAR, 40),
    ("玉兰佳苑", "张江路288弄", HOME, 640),
    ("玉兰佳苑1号楼", "张江路288弄1号", HOME, 660),
    ("玉兰佳苑(东门)", "张江路288弄", GATE, 690),
    ("张江路298号", "张江路298号", DOOR, 90),
    ("张江路286号", "张江路286号", DOOR, -20),
    ("张江大厦", "松涛路560号", OFFICE, 1500),
    ("张江路地铁站", "张江路", ("交通设施服务;地铁站;地铁站", "150500"), 800),
)
ZHANGJIANG_AT = (121.6018, 31.2009)


def toss(*words: str) -> random.Random:
    """A generator that depends on the words only, so that a row is the same whatever stands around it."""
    return random.Random("|".join((SEED, *words)))


def point(adcode: str, road: str, number: int) -> tuple[float, float] | None:
    """Where a number of a road stands: from the road's start, eight metres a number, even ones across."""
    centre = (
        (ZHANGJIANG_AT[0], ZHANGJIANG_AT[1])
        if road == "张江路" and adcode == "310115"
        else CENTRES.get(adcode)
    )
    if centre is None:
        return None
    draw = toss(adcode, road)
    spread = 0.0 if road == "张江路" else 0.022
    lng, lat = centre[0] + draw.uniform(-spread, spread), centre[1] + draw.uniform(-spread, spread)
    bearing, metres = draw.uniform(0, math.tau), 2.5 * min(number, 2400)
    side = 18 if number % 2 else -18
    east = metres * math.cos(bearing) - side * math.sin(bearing)
    north = metres * math.sin(bearing) + side * math.cos(bearing)
    return round(lng + east / (111_320 * math.cos(math.radians(lat))), 6), round(lat + north / 110_950, 6)


class Maker:
    """Collects rows, each name once in a district."""

    def __init__(self, divisions: Divisions) -> None:
        self.divisions = divisions
        self.rows: list[dict[str, Any]] = []
        self.seen: set[tuple[str, str, str]] = set()

    def add(
        self, adcode: str, name: str, address: str, kind: tuple[str, str], at: tuple[float, float] | None
    ) -> None:
        if at is None or (adcode, name, address) in self.seen:
            return
        self.seen.add((adcode, name, address))
        names, parents = self.divisions.names, self.divisions.parents
        city = parents[adcode]
        town = "重庆市" if names[city].startswith("重庆") else names[city]
        mark = hashlib.sha256(f"{adcode}{name}{address}".encode()).hexdigest().upper()
        self.rows.append({
            "id": "B0" + mark[:8], "name": name, "address": address, "adcode": adcode, "district": names[adcode],
            "city": town, "province": names[parents[city]], "type": kind[0], "typecode": kind[1],
            "lng": at[0], "lat": at[1], "datum": "gcj02",
        })  # fmt: skip

    def road(self, adcode: str, road: str, known: dict[int, tuple[str, str]]) -> None:
        """A road with its real buildings and, between them, what a road has."""
        city = adcode[:4]
        for number, (kind, name) in sorted(known.items()):
            self._building(adcode, road, number, kind, name)
        draw = toss(adcode, road, "between")
        top = max([*known, 60])
        for number in sorted(
            draw.sample(range(1, top + 80), min(10 if city == "3301" else 4, 3 + len(known)))
        ):
            self._made_up(adcode, road, number, city, draw)

    def _building(self, adcode: str, road: str, number: int, kind: str, name: str) -> None:
        draw = toss(adcode, road, str(number))
        address, at = f"{road}{number}{kind}", point(adcode, road, number)
        if name:
            self.add(adcode, name, address, PARK if "园" in name else OFFICE, at)
            if draw.random() < 0.3:
                for tower in "AB":
                    self.add(adcode, f"{name}{tower}座", address, OFFICE, near(at, 45, draw))
            if draw.random() < 0.2:
                self.add(adcode, f"{name}停车场", address, CAR, near(at, 60, draw))
            if draw.random() < 0.12:
                self.add(adcode, f"{name}({draw.choice('东南西北')}门)", address, GATE, near(at, 70, draw))
        if not name or draw.random() < 0.35:
            self.add(adcode, address, address, DOOR, at)
        if draw.random() < 0.35:  # the trap: the same figure as a lane or as a number
            other = "弄" if kind == "号" else "号"
            if adcode.startswith("31") and other == "弄":
                self.add(
                    adcode,
                    _estate(draw),
                    f"{road}{number}弄",
                    HOME,
                    near(point(adcode, road, number + 60), 30, draw),
                )
            elif kind == "弄":
                self.add(
                    adcode,
                    f"{road}{number}号",
                    f"{road}{number}号",
                    DOOR,
                    near(point(adcode, road, number + 40), 30, draw),
                )
        if draw.random() < 0.3:
            shop, names, code = draw.choice(SHOPS)
            self.add(adcode, f"{road.removesuffix('路')}{shop}", address, (names, code), near(at, 40, draw))
        if draw.random() < 0.25:
            beside = number + draw.choice((-2, 2, 4, 10))
            if beside > 0:
                self.add(adcode, f"{road}{beside}号", f"{road}{beside}号", DOOR, point(adcode, road, beside))

    def _made_up(self, adcode: str, road: str, number: int, city: str, draw: random.Random) -> None:
        at = point(adcode, road, number)
        chance = draw.random()
        if chance < 0.4:
            lane = "弄" if city == "3101" else "号"
            name = _estate(draw)
            self.add(adcode, name, f"{road}{number}{lane}", HOME, at)
            if draw.random() < 0.4:
                for building in draw.sample(range(1, 20), 2):
                    self.add(
                        adcode,
                        f"{name}{building}幢",
                        f"{road}{number}{lane}{name}",
                        HOME,
                        near(at, 120, draw),
                    )
        elif chance < 0.7:
            name = "".join(draw.sample(SURNAMES, 2)) + draw.choice(TOWERS)
            self.add(adcode, name, f"{road}{number}号", OFFICE, at)
        else:
            shop, names, code = draw.choice(SHOPS)
            name = "".join(draw.sample(SURNAMES, 2)) + shop
            self.add(adcode, f"{name}({road}店)", f"{road}{number}号", (names, code), at)


def _estate(draw: random.Random) -> str:
    return "".join(draw.sample(SURNAMES, 2)) + draw.choice(ESTATES)


def near(at: tuple[float, float] | None, metres: float, draw: random.Random) -> tuple[float, float] | None:
    """A point some metres away."""
    if at is None:
        return None
    angle, far = draw.uniform(0, math.tau), draw.uniform(0.3, 1.0) * metres
    lng = at[0] + far * math.cos(angle) / (111_320 * math.cos(math.radians(at[1])))
    return round(lng, 6), round(at[1] + far * math.sin(angle) / 110_950, 6)


def real_roads(source: Path, divisions: Divisions) -> dict[tuple[str, str], dict[int, tuple[str, str]]]:
    """{(district, road): {number: (号 or 弄, name)}} as company addresses tell it."""
    roads: dict[tuple[str, str], dict[int, tuple[str, str]]] = defaultdict(dict)
    with (source / "company_addresses_cpca_mit.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            text = re.sub(r"\s+", "", row["原始地址"])
            found = None if PRIVATE.search(text) else divisions.resolve(text)
            match = _FOUND.search(found["detail"]) if found else None
            if found is None or match is None or "-" in match["number"]:
                continue
            road = _STRIP.sub("", match["road"])
            if len(road) < 3 or re.match(r"[与和近位在]", road):
                continue
            name = match["name"] or ""
            kept = roads[found["adcode"], road]
            if not kept.get(int(match["number"]), ("", ""))[1]:
                kept[int(match["number"])] = (match["kind"], name)
    return roads


def rows(source: Path) -> Iterator[dict[str, Any]]:
    """All rows in a fixed order, at most so many a region."""
    divisions = Divisions(source)
    centres = json.loads((source / "echarts4_shanghai_encoded.json").read_text("utf-8"))["features"]
    for feature in centres:
        for identity in divisions.districts.get(feature["properties"]["name"], ()):
            if identity.startswith("3101") and feature["properties"].get("cp"):
                CENTRES.setdefault(identity, tuple(feature["properties"]["cp"]))
    maker = Maker(divisions)
    for name, address, kind, metres in ZHANGJIANG:
        maker.add(
            "310115", name, address, kind, near(point("310115", "张江路", 288 + metres // 4), 12, toss(name))
        )
    roads = real_roads(source, divisions)
    left = dict(SHARES)
    for (adcode, road), known in sorted(
        roads.items(), key=lambda item: hashlib.md5("".join(item[0]).encode(), usedforsecurity=False).digest()
    ):
        share = next(
            prefix
            for prefix in sorted(left, key=len, reverse=True)
            if adcode.startswith(prefix.rstrip("0") or "")
        )
        if left[share] <= 0:
            continue
        before = len(maker.rows)
        maker.road(adcode, road, known)
        left[share] -= len(maker.rows) - before
    yield from maker.rows


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", type=Path, help="directory with the source files")
    source = arguments.parse_args().source
    write_gz(
        DATA / "pois.jsonl.gz",
        (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows(source)),
    )


if __name__ == "__main__":
    main()
