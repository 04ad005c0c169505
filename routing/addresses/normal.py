"""Text as one way of writing: width, case, brackets, dashes, Chinese numerals; every character keeps its place.

A `Line` knows for each character of the normal form where it stood in what the buyer wrote, so that the screen can
colour the raw text. What is no part of an address (telephones, coordinates, emoji) is found here and cut out.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

LONGEST = 400  # characters that are read; nobody's address is longer, a pasted page is
_DASHES = dict.fromkeys("‐‑‒–—―−﹣－ー⁃", "-")
_DOTS = dict.fromkeys("，。、；;:：|｜!！?？\"“”'‘’·•…\t\n\r\u3000<>《》「」『』", " ")
_BRACKETS = dict.fromkeys("【〔[{〈", "(") | dict.fromkeys("】〕]}〉", ")")
_FIXED = {
    **_DASHES, **_DOTS, **_BRACKETS, "＃": "#", "﹟": "#", "♯": "#", "×": "X", "＊": "*", "✱": "*", "○": "零", "〇": "零",
    "號": "号", "樓": "楼", "棟": "栋", "區": "区", "縣": "县", "鎮": "镇", "鄉": "乡", "層": "层", "單": "单",
    "東": "东", "廣": "广", "門": "门", "灣": "湾", "臺": "台", "國": "国", "業": "业", "園": "园", "廈": "厦", "橋": "桥",
    "龍": "龙", "陽": "阳", "蘇": "苏", "車": "车", "場": "场", "長": "长", "寧": "宁", "馬": "马", "學": "学",
}  # fmt: skip
_DIGIT = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_NUMERAL = re.compile(
    r"[零一二三四五六七八九十百两]+(?=(?:号|弄|幢|栋|单元|室|楼|层|座|组|期|#|支弄))"
    r"|(?<=第)[零一二三四五六七八九十百两]+(?=[号弄幢栋层楼])"
)
_PHONE = re.compile(
    r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?[\d*]{4}[- ]?[\d*]{4})(?!\d)"
    r"|(?<![\d.])0\d{2,3}[- ]?\d{7,8}(?:-\d{1,5})?(?!\d)|(?<!\d)[48]00-?\d{3}-?\d{4}(?!\d)"
)
_POINT = re.compile(
    r"(?<![\d.])(-?\d{1,3}\.\d{2,12})\s*°?\s*[NEne]?[\s,，/]+(?:[^\d\s]{1,4}[:：=])?\s*(-?\d{1,3}\.\d{2,12})\s*°?\s*[NEne]?(?![\d.])"
)
_LABEL = re.compile(
    r"(?:收货人?|收件人?|联系人|姓名|电话|手机号?码?|联系方式|详细地址|收货地址|所在地区|公司地址|地址|邮政编码|邮编"
    r"|经度|纬度|坐标|lng|lat)\s*[:：=]+\s*", re.I
)  # fmt: skip
_POSTCODE = re.compile(r"(?:(?<=[\s(])|^)\d{6}(?=[\s)]|$)")


class Line(NamedTuple):
    """The normal form and, for each of its characters, its position in the raw text."""

    text: str
    at: tuple[int, ...] | range

    def cut(self, start: int, end: int, by: str = " ") -> Line:
        """Without text[start:end]; a separator stays, so that neighbours do not grow together."""
        at = tuple(self.at)
        return Line(
            self.text[:start] + by + self.text[end:], at[:start] + at[start : start + 1] * len(by) + at[end:]
        )


class Found(NamedTuple):
    """Something that is no part of the address: phone or point, with its place in the raw text."""

    kind: str
    text: str
    start: int
    end: int


class Read(NamedTuple):
    line: Line
    found: tuple[Found, ...]
    point: tuple[float, float] | None
    masked: bool
    long: bool


def number(word: str) -> int | None:
    """A Chinese numeral as a number: 二十八 → 28, 一〇三 → 103; None when it is none."""
    if not word or any(c not in _DIGIT and c not in "十百" for c in word):
        return None
    if not set(word) & {"十", "百"}:
        return int("".join(str(_DIGIT[c]) for c in word))
    total, last = 0, None
    for c in word:
        if c in "十百":
            total += (1 if last is None else last) * (10 if c == "十" else 100)
            last = None
        else:
            last = _DIGIT[c]
    return total + (last or 0)


def _character(c: str) -> str:
    fixed = _FIXED.get(c)
    if fixed is not None:
        return fixed
    if "一" <= c <= "龥" or "0" <= c <= "9" or "A" <= c <= "Z":
        return c
    wide = unicodedata.normalize("NFKC", c)
    if len(wide) == 1 and wide != c:
        return _FIXED.get(wide, wide.upper())
    kinds = {unicodedata.category(x)[0] for x in wide}
    if kinds & {"C", "S", "M"} and wide not in "#*+=~°":
        return "" if "C" in kinds or "M" in kinds else " "
    if wide in "~～":
        return "-"
    return wide.upper() if wide.isascii() else "".join(_FIXED.get(x, x) for x in wide)


_SEEN: dict[str, str] = {}


def line(raw: str) -> Line:
    """Character by character; a character may vanish or become several."""
    out: list[str] = []
    at: list[int] = []
    for position, c in enumerate(raw):
        new = _SEEN.get(c)
        if new is None:
            new = _character(c)
            if len(_SEEN) < 20_000:
                _SEEN[c] = new
        out.append(new)
        if len(new) == 1:
            at.append(position)
        elif new:
            at.extend([position] * len(new))
    return Line("".join(out), tuple(at))


def numerals(given: Line) -> Line:
    """十二号 → 12号; names of roads (五一路, 三里屯) stay as they are."""
    for match in reversed(list(_NUMERAL.finditer(given.text))):
        value = number(match.group())
        if value is None:
            continue
        start, end = match.span()
        digits = str(value)
        at = tuple(given.at)
        span = at[start:end]
        given = Line(
            given.text[:start] + digits + given.text[end:],
            at[:start] + tuple(span[min(n, len(span) - 1)] for n in range(len(digits))) + at[end:],
        )
    return given


def read(raw: str) -> Read:
    """The raw text without phones, coordinates and labels, in normal form."""
    long = len(raw) > LONGEST
    given = raw[:LONGEST]
    found: list[Found] = []
    point = None
    match = _POINT.search(given) if "." in given else None
    if match:
        point = _point(float(match.group(1)), float(match.group(2)))
        if point:
            found.append(Found("point", match.group(), *match.span()))
    now = line(given)
    if found:
        now = _without(now, *match.span()) if match else now
    if ":" in given or "：" in given or "=" in given:
        for label in reversed(list(_LABEL.finditer(given))):
            now = _without(now, *label.span())
    text = now.text
    if any(c.isdigit() for c in text):
        for phone in reversed(list(_PHONE.finditer(text))):
            start, end = phone.span()
            found.append(Found("phone", phone.group(), now.at[start], now.at[end - 1] + 1))
            now = now.cut(start, end)
        for post in reversed(list(_POSTCODE.finditer(now.text))):
            now = now.cut(*post.span())
    masked = "*" in now.text
    return Read(numerals(now), tuple(found), point, masked, long)


def _without(given: Line, start: int, end: int) -> Line:
    """The line without what came from raw[start:end]."""
    inside = [n for n, position in enumerate(given.at) if start <= position < end]
    return given.cut(inside[0], inside[-1] + 1) if inside else given


def _point(first: float, second: float) -> tuple[float, float] | None:
    """Longitude and latitude in China, whichever came first."""
    for lng, lat in ((first, second), (second, first)):
        if 73 <= lng <= 136 and 3 <= lat <= 54:
            return lng, lat
    return None
