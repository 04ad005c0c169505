"""Amap's side: answers from a fixed file of places, never from the question; signatures, quota and QPS as documented.

What it finds is decided by two-character pieces that question and place share, best first, then by the file's order:
good enough to be asked in earnest, and wrong in the ways in which a search is wrong.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import threading
import time
from collections import Counter, defaultdict, deque
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from orderhub.sandbox.credentials import AMAP
from orderhub.sandbox.frame import BEIJING, Answer, Platform, Request

DATA = Path(__file__).with_name("data")
DAY_LIMIT, PER_SECOND = 100_000, 200
LEAST = 0.34  # the share of the question's pieces that a place must have
TIPS = 10


class Place(NamedTuple):
    """One place of the file; coordinates in GCJ-02."""

    id: str
    name: str
    address: str
    province: str
    city: str
    district: str
    adcode: str
    town: str
    lng: float
    lat: float
    type: str


@cache
def places() -> tuple[Place, ...]:
    """The file's places. A line is {"id", "name", "address", "province", "city", "district", "adcode", "lng", "lat", …}."""
    rows = []
    for path in sorted(DATA.glob("pois*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows += [json.loads(line) for line in file if line.strip()]
    return tuple(
        Place(
            str(row["id"]), row["name"], row.get("address", ""), row.get("province", ""), row.get("city", ""),
            row.get("district", ""), str(row.get("adcode", "")), row.get("town", ""), float(row["lng"]),
            float(row["lat"]), row.get("type", ""),
        )
        for row in rows
    )  # fmt: skip


def pieces(text: str) -> set[str]:
    """Pairs of characters, and runs of digits whole: 288 is not 28 and 88."""
    kept = [char for char in text if char.isalnum()]
    runs = {run for run in "".join(char if char.isdigit() else " " for char in kept).split() if run}
    return {a + b for a, b in pairwise(kept) if not (a.isdigit() and b.isdigit())} | runs


@cache
def index() -> tuple[list[set[str]], dict[str, list[int]]]:
    """The pieces of each place, and the places of each piece."""
    own = [pieces(f"{p.district}{p.address}{p.name}") for p in places()]
    where: dict[str, list[int]] = defaultdict(list)
    for n, found in enumerate(own):
        for piece in found:
            where[piece].append(n)
    return own, dict(where)


def find(text: str, code: str, limit: int) -> list[Place]:
    """Places for the words, within a city or district (six digits, or a name) where one is given."""
    asked, (own, where) = pieces(text), index()
    hits: Counter[int] = Counter(n for piece in asked for n in where.get(piece, ()))
    rows = []
    for n, shared in hits.items():
        place = places()[n]
        share = shared / max(1, len(asked))
        if share >= LEAST and _inside(place, code):
            rows.append((-share, len(own[n]), n))
    return [places()[n] for _share, _size, n in sorted(rows)[:limit]]


def _inside(place: Place, code: str) -> bool:
    if not code:
        return True
    if code.isdigit():
        return place.adcode.startswith(code.rstrip("0") or code)
    return any(
        code in name or (name and name in code) for name in (place.city, place.district, place.province)
    )


class Amap(Platform):
    prefix = "amap"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.lock = threading.Lock()
        self.recent: deque[float] = deque()
        self.used: Counter[str] = Counter()
        self.limits = {"a_day": DAY_LIMIT, "a_second": PER_SECOND}

    def app_of(self, request: Request) -> str:
        return request.params.get("key", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.no("10003", "DAILY_QUERY_OVER_LIMIT")

    def deny_answer(self, request: Request) -> Answer:
        return self.no("20012", "ILLEGAL_CONTENT")

    def expire_token(self, request: Request) -> Answer | None:
        return self.no("10013", "USER_KEY_RECYCLED")

    def reset(self) -> None:
        with self.lock:
            self.recent.clear()
            self.used.clear()
            self.limits = {"a_day": DAY_LIMIT, "a_second": PER_SECOND}

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """`amap_limits`: a day's quota and the calls a second."""
        if what != "amap_limits":
            return None
        self.limits |= {name: int(options[name]) for name in self.limits if name in options}
        return dict(self.limits)

    @staticmethod
    def no(code: str, info: str) -> Answer:
        return Answer(body={"status": "0", "info": info, "infocode": code})

    def handle(self, request: Request) -> Answer:
        refusal = self.refusal(request)
        if refusal:
            return refusal
        call = {
            "v3/assistant/inputtips": self.tips,
            "v5/place/text": self.search,
            "v3/geocode/geo": self.geocode,
        }.get(self.fault_key(request))
        if call is None:
            return self.no("10002", "SERVICE_NOT_AVAILABLE")
        return call(request.params)

    def refusal(self, request: Request) -> Answer | None:
        """Key, signature, calls a second and a day, in the order in which the gateway looks."""
        given = request.params
        if given.get("key") != AMAP["key"]:
            return self.no("10001", "INVALID_USER_KEY")
        text = "&".join(f"{name}={given[name]}" for name in sorted(given) if name != "sig")
        expected = hashlib.md5((text + AMAP["private_key"]).encode()).hexdigest()
        if not hmac.compare_digest(expected, given.get("sig", "")):
            return self.no("10007", "INVALID_USER_SIGNATURE")
        with self.lock:
            now, day = time.monotonic(), f"{request.now.astimezone(BEIJING):%Y%m%d}"
            while self.recent and now - self.recent[0] > 1:
                self.recent.popleft()
            if len(self.recent) >= self.limits["a_second"]:
                return self.no("10021", "CUQPS_HAS_EXCEEDED_THE_LIMIT")
            if self.used[day] >= self.limits["a_day"]:
                return self.no("10003", "DAILY_QUERY_OVER_LIMIT")
            self.recent.append(now)
            self.used[day] += 1
        return None

    def tips(self, given: dict[str, str]) -> Answer:
        words = given.get("keywords", "").strip()
        if not words:
            return self.no("20001", "MISSING_REQUIRED_PARAMS")
        code = given.get("city", "") if given.get("citylimit") == "true" else ""
        rows: list[dict[str, Any]] = [
            {
                "id": p.id, "name": p.name, "district": f"{p.province}{p.city}{p.district}", "adcode": p.adcode,
                "location": self.point(p), "address": p.address or [], "typecode": "120000", "city": [],
            }
            for p in find(words, code, TIPS)
        ]  # fmt: skip
        return self.found("tips", rows)

    def search(self, given: dict[str, str]) -> Answer:
        words, size = given.get("keywords", "").strip(), given.get("page_size", "10")
        if not words or len(words) > 80 or "|" in words or not size.isdigit() or not 1 <= int(size) <= 25:
            return self.no("20000", "INVALID_PARAMS")
        code = given.get("region", "") if given.get("city_limit") == "true" else ""
        rows: list[dict[str, Any]] = [
            {
                "parent": "", "address": p.address or [], "distance": "", "pcode": f"{p.adcode[:2]}0000",
                "adcode": p.adcode, "pname": p.province, "cityname": p.city, "type": p.type, "typecode": "120000",
                "adname": p.district, "citycode": "", "name": p.name, "location": self.point(p), "id": p.id,
            }
            for p in find(words, code, int(size))
        ]  # fmt: skip
        return self.found("pois", rows)

    def geocode(self, given: dict[str, str]) -> Answer:
        words = given.get("address", "").strip()
        if not words:
            return self.no("20001", "MISSING_REQUIRED_PARAMS")
        rows: list[dict[str, Any]] = [
            {
                "formatted_address": f"{p.province}{p.city}{p.district}{p.address}", "country": "中国",
                "province": p.province, "citycode": [], "city": p.city, "district": p.district, "township": [],
                "street": [], "number": [], "adcode": p.adcode, "location": self.point(p), "level": "兴趣点",
            }
            for p in find(words, given.get("city", ""), 1)
        ]  # fmt: skip
        if not rows:
            return self.no("30001", "ENGINE_RESPONSE_DATA_ERROR")
        return self.found("geocodes", rows)

    @staticmethod
    def point(place: Place) -> str:
        return f"{place.lng:.6f},{place.lat:.6f}"

    @staticmethod
    def found(name: str, rows: list[dict[str, Any]]) -> Answer:
        """All counts are texts; what is absent is an empty list."""
        return Answer(
            body={"status": "1", "info": "OK", "infocode": "10000", "count": str(len(rows)), name: rows}
        )
