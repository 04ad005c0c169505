"""An address in free text as its parts: `parse`. Never an exception, whatever the text is; doubts are codes.

First what is no address is cut out (`normal`), then the divisions are read (`divide`), then road, number, lane,
building, unit, room and the name of the place are found in what is left, each by its own pattern, none twice.
"""

from __future__ import annotations

import re
from typing import Any

from routing.addresses import divide, normal, regions
from routing.addresses.words import Hint, Parsed, Part, PartName

_BUILDING = re.compile(
    r"第?(?<![A-Z\d])((?:[A-Z]?\d{1,4}[A-Z]?|[A-Z]{1,2}\d{0,2}|[甲乙丙丁东西南北主前后][东西南北]?)(?:[-、,/][A-Z\d]{1,3})?)"
    r"(?:号楼|号幢|号栋|#楼|#幢|幢楼|栋楼|幢|栋|座(?!机)|塔楼)"
    r"|(?<=[一-龥 ])([东西南北主前后裙])(?:塔)?楼(?!\d)|(?<=[一-龥A-Z ])([A-Z]\d{0,2})楼(?!\d)"
)
_UNIT = re.compile(r"(?<!\d)(\d{1,3}|[A-Z]|[甲乙丙丁东西南北])单元")
_LANE = re.compile(r"(?<!\d)(\d{1,5}(?:[-,/]\d{1,5})?)(?:支?弄)")
_ROOM = re.compile(
    r"(?<![\dA-Z])([A-Z]?\d{2,5}[A-Z]?(?:[-,/ ][A-Z]?\d{1,5}[A-Z]?){0,4})(?:号?室|号?房(?![产地屋])|户)"
)
_FLOOR = re.compile(
    r"(?<![\dA-Z])((?:负|B)?\d{1,3}(?:[-,/]\d{1,3})?)(?:楼(?!\d*[座号栋幢])|层|F(?![A-Z\d]))(?:整层|全层)?"
)
_NUMBER = re.compile(
    r"(?<!\d)((?:[甲乙丙丁附临特自编新老]{1,2})?\d{1,5}(?:[-之/,]\d{1,5})*[A-Z]?)(?:号(?!楼|幢|栋|座|线|桥|地铁|厂房|库|门岗|公路|大街|路|街|室|房(?!产))院?|#(?!楼|幢|栋))(?:院)?(?:附\d{1,4}号|-\d{1,4})?"
)
_BARE = re.compile(r"\s?((?:[甲乙丙附])?\d{1,5}(?:-\d{1,5})?[A-Z]?)(?![\d号弄室楼层栋幢座路街月年元米KMFF%])")
_ROAD = re.compile(
    r"(?:[一-龥]{1,9}?|[一-龥]{0,6}?\d{1,3}号?|[A-Z]\d{1,4})"
    r"(?:大道|大街|公路|高速|国道|省道|县道|支路|路|街(?!道|区|坊|办|口)|巷(?!口)|胡同|道(?!口|县|外|里))"
    r"(?:(?:[东西南北中]|[一二三四五]|\d)段|[东西南北中](?=[一二三四五六七八九十\d ]|$)"
    r"|[一二三四五六七八九十]{1,2}(?=[\d号弄 ]|$))?(?![桥])"
)
_MERE = re.compile(r"[东西南北中]?(?:大道|大街|公路|路|街|道|巷|支路)")
_AREA = re.compile(
    r"园区|开发区|[社小新]区|工业区|保税区|科技园|软件园|产业园|新城|科学城|高新区|街道|\d期|[区镇村乡园]"
)
_PLACE = re.compile(
    r"(?:大厦|大楼|商厦|广场|中心|花园|公寓|小区|家园|新村|公馆|别墅|山庄|国际|商城|市场|酒店|宾馆|饭店|医院|学校|大学|学院|中学|小学|幼儿园"
    r"|银行|超市|工业园|科技园|产业园|软件园|创意园|创业园|园区|物流园|园|苑|城|府|庭|湾|轩|阁|居|里|坊|院|公司|集团|工厂|厂|店|馆|局|所|站|库|基地|村|社区|委|楼)$"
)
_PERSON = re.compile(
    r"[一-龥]{1,3}(?:女士|先生|小姐|老师|经理|收)|[一-龥]{2,3}|[一-龥][A-ZX]{1,3}|[A-Z]{1,12}"
)
_TAIL = re.compile(r"(?<![\dA-Z])(?:([A-Z]\d{0,2}|\d{1,2})[-座])?([A-Z]?\d{1,5}[A-Z]?\d{0,3}(?:-\d{1,5})*)$")
_HONOUR = re.compile(r"(?:女士|先生|小姐|老师|收)$")
_CROSSING = re.compile(
    r"[与和/、]?[一-龥]{0,8}?(?:路|街|大道)?(?:交叉路?口|交界处?|交汇处?|路口|十字路?口?|交口)(?:[东西南北]{1,2}角)?"
)
_BESIDE = ("旁", "旁边", "对面", "附近", "隔壁", "楼下")
_REMARK = re.compile(
    r"(?:请|麻烦)?(?:快递)?(?:放|存|送到?|交给?)(?:在|到)?(?:家?门口|前台|门卫|保安室?|驿站|快递柜|丰巢柜?|菜鸟驿站)|(?:前台|门卫|保安)?代收|丰巢|菜鸟驿站"
    r"|[一-龥](?:女士|先生|小姐)收?|收件?$|(?:旁边?|对面|附近|左转|右转|隔壁|楼下)$"
)
_HAN = re.compile(r"[一-龥]")


def parse(text: str, hint: Hint | None = None) -> Parsed:
    """The address in parts. `hint` is what the channel says beside the text; where both speak, the text does."""
    raw = text if isinstance(text, str) else ""
    read = normal.read(raw)
    unsure: list[str] = []
    if read.long:
        unsure.append("too_long")
    if read.masked:
        unsure.append("masked")
    if read.point:
        unsure.append("coordinates")
    line = read.line.text
    body = line.strip(" -,./()")
    if not _HAN.search(body):
        unsure.append("empty" if not re.search(r"[^\W_]", body) else "foreign")
    elif len(body) == 1:
        unsure.append("too_short")
    clear = line.replace("*", " ") if read.masked else line
    found = divide.divide(clear, hint)
    if found.second > 0:
        unsure.append("two_addresses")
    limit = found.second if found.second > 0 else len(clear)
    marks = _Marks(clear, limit, read)
    for name, start, end in found.spans:
        marks.take(name, start, end)
    start = found.spans[0][1] if found.spans and found.written else 0
    marks.read(marks.before(start, bool(read.found), found.end))
    unsure += found.unsure
    return _whole(raw, read, found, marks, unsure)


class _Marks:
    """Which character belongs to which part; what is taken once is not taken again."""

    def __init__(self, text: str, limit: int, read: normal.Read) -> None:
        self.text, self.limit, self.at, self.read_in = text, limit, read.line.at, read
        self.names: list[str] = [""] * len(text)
        self.values: dict[str, str] = {}
        self.parts: list[tuple[str, str, int, int]] = []
        self.bare = False
        self.crossing = ""

    def take(self, name: str, start: int, end: int, value: str | None = None) -> None:
        """Give text[start:end] to a part."""
        for n in range(start, end):
            self.names[n] = name
        word = self.text[start:end] if value is None else value
        self.values.setdefault(name, word)
        self.parts.append((name, word, start, end))

    def free(self, start: int, end: int) -> bool:
        return not any(self.names[start:end])

    def before(self, start: int, phone: bool, end: int) -> int:
        """What stands before the divisions: a person, a remark, or the road itself. Where to read on."""
        ahead = _ROAD.search(self.text, 0, start) or _NUMBER.search(self.text, 0, start)
        for match in re.finditer(r"[^\s,()/]+", self.text[:start]):
            word = match.group()
            if not self.free(*match.span()):
                continue
            if _PERSON.fullmatch(word) and (phone or len(word) <= 4):
                self.take("person", *match.span())
            elif not ahead:
                self.take("rest", *match.span())
        return 0 if ahead else end

    def read(self, start: int) -> None:
        """Road to room, then names, in what is left."""
        self._person(start)
        self._one("unit", _UNIT, start)
        self._road(start)
        self._one("lane", _LANE, start)
        self._number(start)
        self._one("building", _BUILDING, start)
        for match in _BUILDING.finditer(self.text, start, self.limit):  # 1栋A座 is another place than 1栋
            if self.free(*match.span()):
                more = _figure(next(g for g in match.groups() if g))
                self.values["building"] = f"{self.values['building']}-{more}"
                self.take("building", *match.span(), value=more)
        self._one("room", _ROOM, start)
        floor = _FLOOR.search(self.text, start, self.limit)
        if floor and self.free(*floor.span()):
            self.take("room", *floor.span())
        self._names(start)

    def _one(self, name: str, pattern: re.Pattern[str], start: int) -> None:
        for match in pattern.finditer(self.text, start, self.limit):
            if self.free(*match.span()):
                self.take(name, *match.span(), value=_figure(next(g for g in match.groups() if g)))
                return

    def _person(self, start: int) -> None:
        """The last word, where it is apart and somebody's name."""
        words = list(re.finditer(r"[^\s,]+", self.text[start : self.limit]))
        if len(words) < 2 and not (words and _HONOUR.search(words[-1].group())):
            return
        last = words[-1]
        word = last.group()
        named = any(found.kind == "phone" for found in self.read_in.found)
        if (
            not _PERSON.fullmatch(word)
            or _PLACE.search(word)
            or not self.free(start + last.start(), start + last.end())
        ):
            return
        if (
            _HONOUR.search(word)
            or named
            or (
                len(word) <= 3
                and re.search(r"\d[室号层楼FABC]?\s*$", self.text[start : start + last.start()])
            )
        ):
            self.take("person", start + last.start(), start + last.end())

    def _road(self, start: int) -> None:
        best: tuple[int, int, int] | None = None
        for match in _ROAD.finditer(self.text, start, self.limit):
            begin, end = match.span()
            begin += _area(match.group())
            while begin < end and self.text[begin] in "在位于与和至近的第":
                begin += 1
            if end - begin < 2 or not self.free(begin, end):
                continue
            follows = re.match(r"\s?[甲乙丙附]?\d", self.text[end : end + 3]) is not None
            if best is None or (follows and not best[2]):
                if best is not None:
                    self.crossing = self.text[best[0] : best[1]]
                best = (begin, end, int(follows))
            elif not self.crossing:
                self.crossing = self.text[begin:end]
        if best:
            self.take("road", best[0], best[1])

    def _number(self, start: int) -> None:
        road = next((part for part in self.parts if part[0] == "road"), None)
        if road:
            match = _BARE.match(self.text, road[3], self.limit)
            full = _NUMBER.match(self.text, road[3] + (self.text[road[3] : road[3] + 1] == " "), self.limit)
            if full:
                self.take("number", full.start(), full.end(), _figure(full.group(1)))
                return
            lane = next((part for part in self.parts if part[0] == "lane"), None)
            if match and lane is None:
                self.take("number", match.start(1), match.end(1), _figure(match.group(1)))
                self.bare = True
                return
        for match in _NUMBER.finditer(self.text, start, self.limit):
            if self.free(*match.span()):
                self.take(
                    "building" if "lane" in self.values else "number",
                    *match.span(),
                    value=_figure(match.group(1)),
                )
                if "lane" not in self.values:
                    return
                break

    def _names(self, start: int) -> None:
        """The longest free word that looks like a place; figures at the very end are a room."""
        words: list[tuple[int, int]] = []
        n = start
        while n < self.limit:
            if self.names[n] or self.text[n] in " ,()/-.#+_":
                n += 1
                continue
            end = n
            while end < self.limit and not self.names[end] and self.text[end] not in " ,()/#+_":
                end += 1
            words.append((n, end))
            n = end
        named = []
        for begin, end in words:
            word = self.text[begin:end]
            if cross := _CROSSING.match(word):
                self.take("rest", begin, begin + cross.end())
                begin, word = begin + cross.end(), word[cross.end() :]
            if len(word) < 1 or word in (
                "与",
                "和",
                "号",
                "内",
                "的",
                "院内",
                "旁",
                "对面",
                "第",
            ):
                continue
            if remark := _REMARK.search(word):
                self.take(
                    "rest" if remark.group() in _BESIDE else "person",
                    begin + remark.start(),
                    begin + remark.end(),
                )
                if remark.end() < len(word) and begin + remark.end() < end:
                    words.append((begin + remark.end(), end))
                end, word = begin + remark.start(), word[: remark.start()]
            if not word:
                continue
            han = len(_HAN.findall(word))
            tail = _TAIL.search(word)
            if (
                tail
                and sum(c.isdigit() for c in tail.group(2)) > 1
                and self.values.get("room", "层")[-1] in "楼层F"
            ):
                self.values.pop("room", None)
                if tail.group(1) and "building" not in self.values:
                    self.take("building", begin + tail.start(1), begin + tail.end(1), _figure(tail.group(1)))
                    self.take("room", begin + tail.start(2), begin + tail.end(2), tail.group(2))
                else:
                    self.take("room", begin + tail.start(), begin + tail.end(), tail.group())
                end, word = begin + tail.start(), word[: tail.start()]
            if "building" not in self.values and (tower := re.search(r"(?<=[一-龥])(?:[A-Z]\d?)$", word)):
                self.take("building", begin + tower.start(), begin + tower.end())
                end, word = begin + tower.start(), word[: tower.start()]
            if han >= 2:
                named.append((bool(_PLACE.search(word)), begin, end))
            elif word:
                self.take("rest", begin, end)
        chosen = next((item for item in named if item[0]), named[0] if named else None)
        for item in named:
            self.take("poi" if item is chosen else "rest", item[1], item[2])


def _area(word: str) -> int:
    """How much of a word before a road's kind is the name of an area (高新园区|学林街), not of the road."""
    cuts = [
        m.end()
        for m in _AREA.finditer(word)
        if not _MERE.fullmatch(word[m.end() :]) and len(word) - m.end() > 2
    ]
    return cuts[-1] if cuts else 0


def _figure(word: str) -> str:
    """A number as it is compared: leading zeros off, 之 and / as a dash."""
    word = word.replace("之", "-").replace("/", "-").replace(",", "-").replace("、", "-").replace("自编", "")
    return re.sub(r"(?<!\d)0+(?=\d)", "", word)


def _whole(raw: str, read: normal.Read, found: divide.Division, marks: _Marks, unsure: list[str]) -> Parsed:
    values = marks.values
    region = found.region
    if region is None and "no_division" not in unsure:
        unsure.append("no_division")
    if "empty" not in unsure and "foreign" not in unsure and "too_short" not in unsure:
        if "road" not in values:
            unsure.append(
                "only_poi" if "poi" in values and not {"number", "lane"} & set(values) else "no_road"
            )
        elif not {"number", "lane"} & set(values):
            unsure.append("no_number")
    if marks.bare:
        unsure.append("number_or_lane")
    parts = [
        Part(_name(name), word, marks.at[start], marks.at[end - 1] + 1)
        for name, word, start, end in marks.parts
        if end > start
    ]
    parts += [Part(_name(thing.kind), thing.text, thing.start, thing.end) for thing in read.found]
    levels = {} if region is None else {
        "province": region.province, "city": region.city, "district": region.district, "town": region.town,
    }  # fmt: skip
    kind = ""
    if "number" in values:
        kind = "" if marks.bare else "号"
    rest = " ".join(word for name, word, _, _ in marks.parts if name == "rest")
    return Parsed(
        raw=raw, text=_plain(levels, marks), adcode=region.adcode if region else "",
        town_code=region.town_code if region else "", number_kind=kind, rest=rest,
        lng=read.point[0] if read.point else None, lat=read.point[1] if read.point else None,
        unsure=tuple(dict.fromkeys(unsure)),
        inferred=tuple(name for name, word in levels.items() if word and name not in found.written),
        parts=tuple(sorted(parts, key=lambda part: part.start)), **levels,
        **{name: values.get(name, "") for name in ("road", "number", "lane", "building", "unit", "room", "poi")},
    )  # fmt: skip


def _plain(levels: dict[str, str], marks: _Marks) -> str:
    """The normal form in one line: official divisions, then what follows them, without person and phone."""
    kept = [
        (start, marks.text[start:end])
        for name, _, start, end in marks.parts
        if name not in ("province", "city", "district", "town", "person")
    ]
    names = [word for n, word in enumerate(levels.values()) if word and word not in list(levels.values())[:n]]
    return "".join(names) + "".join(word for _, word in sorted(kept))


def _name(name: str) -> Any:
    known: PartName = name  # type: ignore[assignment]
    return known


def short(parsed: Parsed) -> str:
    """Division and road as a person would say them: 杭州西湖区 文三路478号."""
    city = regions.shorten(parsed.city, 1)
    number = f"{parsed.lane}弄" if parsed.lane else f"{parsed.number}{parsed.number_kind}"
    return f"{city}{parsed.district} {parsed.road}{number}".strip()
