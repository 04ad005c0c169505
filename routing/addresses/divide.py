"""Province, city, district and town out of free text: an automaton over the table of divisions, then the likeliest chain.

Names that may begin at a place (full, short, old, 恩施州 for 恩施土家族苗族自治州) are found by walking a trie; a chain is
a row of them that lie in one another, repeated ones allowed. The chain that explains most wins; towns decide between districts
of one name. Where a district or town was misspelt, the children of what is known are compared by character and by sound.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from routing.addresses import regions, sound
from routing.addresses.lexicon import LIKELIEST, ROADLIKE, Hit, hits, near_names, sounds_like, within
from routing.addresses.words import Hint

_SKIP = re.compile(
    r"[ ,.\-/()\\_+]+|市辖区|中国|省直辖县级行政区划|县(?=[一-龥]{2,}[县区])|自治区直辖县级行政区划"
)
_WRITTEN = re.compile(r"([一-龥]{1,6}?)(新区|林区|特区|自治县|区|县|市|旗)")
_TOWN = re.compile(r"[一-龥]{1,7}?(?:街道办事处|街道|民族乡|镇|乡|苏木)(?!企业|政府)")
_ZONE = re.compile(
    r"(?:高新|开发|工业|园|经开|经济|度假|保税|示范|管理|小|社|校|风景|厂|片|商务|科技|产业|旅游|技术|物流|港|住宅|生活|"
    r"办公|金融|自贸|试验|集聚|集中|功能|安置)$|^[老北南东西新城郊中景院]$"
)
_NAMED = re.compile(r"[一-龥]{1,6}?(?:新区|林区|特区|自治县|省|区|县|市|旗)")
_MUNICIPAL = ("北京", "天津", "上海", "重庆")


class Division(NamedTuple):
    """What was read. `spans` are (level name, start, end) in the given text; `end` is where the rest begins."""

    region: regions.Region | None
    end: int
    spans: tuple[tuple[str, int, int], ...]
    written: frozenset[str]
    unsure: tuple[str, ...]
    second: int = -1  # where another address begins, or -1


_NOTHING = Division(None, 0, (), frozenset(), ("no_division",))
_LEVELS = ("province", "city", "district", "town")


class _Chain(NamedTuple):
    score: float
    hits: tuple[Hit, ...]
    end: int
    code: str
    town: tuple[str, int, int, bool]  # code, start, end, full name


_NO_TOWN = ("", 0, 0, False)


def _skip(text: str, position: int) -> int:
    match = _SKIP.match(text, position)
    while match and match.end() > position:
        position = match.end()
        match = _SKIP.match(text, position)
    return position


def _chains(text: str, position: int, code: str, depth: int = 0) -> list[_Chain]:
    """All rows of names from here on that lie in `code`."""
    out = [_Chain(0.0, (), position, code, _NO_TOWN)]
    if depth >= 7:
        return out
    for hit in hits(text, _skip(text, position))[:14]:
        entry = hit.entry
        if not code or (entry.code != code and within(entry.code, code)):
            gain, now = (2.0, 3.0, 4.0)[entry.level] * entry.weight, entry.code
            if entry.code in LIKELIEST:
                gain += 0.2
        elif within(code, entry.code):
            gain, now = 0.4 * entry.weight, code
        elif entry.level == 2 and entry.weight >= 0.95 and _siblings(code, entry.code):
            gain, now = 0.5, entry.code  # 永康市武义县: the later one is meant
        else:
            continue
        gain += 0.05 * (hit.end - hit.start)
        for chain in _chains(text, hit.end, now, depth + 1):
            out.append(_Chain(gain + chain.score, (hit, *chain.hits), chain.end, chain.code, _NO_TOWN))
    return out


def _siblings(one: str, other: str) -> bool:
    table = regions.divisions()
    return table[one][2] == table[other][2] == 2 and table[one][1] == table[other][1] and one != other


def _town_at(text: str, at: int, code: str) -> tuple[str, int, int, bool]:
    """A town of the district, or of the city where only one of its districts has it."""
    if not regions.town_begins(code, text[at : at + 2]):
        return _NO_TOWN
    for size in range(min(9, len(text) - at), 1, -1):
        word = text[at : at + size]
        found, is_full = regions.town_of(code, word)
        plain = word[-1] not in "路街巷" and not _ZONE.search(word)
        if found and (is_full or (plain and ROADLIKE.match(text, at + size) is None)):
            return found, at, at + size, is_full
    return _NO_TOWN


def _starts(text: str) -> list[int]:
    """Where an address may begin: at a token, or at a full name of a division."""
    starts = [0] + [n + 1 for n, c in enumerate(text[:-1]) if c in " ,()/-" and text[n + 1] not in " ,()/-"]
    for n in range(1, min(len(text), 60)):
        if n not in starts and any(
            (hit.entry.weight >= 0.95 and hit.end - n > 2) or hit.entry.level == 1 for hit in hits(text, n)
        ):
            starts.append(n)
    return starts


def _best(text: str) -> tuple[_Chain, int] | None:
    """The chain that explains most, with its start."""
    first = _top(text, 0)
    if first.hits and first.hits[0].start == _skip(text, 0) and len(first.code) >= 6 and first.score >= 6:
        return first, 0
    best, where = (first, 0) if first.hits else (None, 0)
    value = first.score if first.hits else 0.0
    for start in _starts(text)[1:12]:
        chain = _top(text, start)
        if not chain.hits:
            continue
        lost = 0.4 + 0.03 * start - _vouched(text[:start], chain.code)
        if any(
            hit.end > start and hit.entry.weight >= 0.8
            for back in (1, 2)
            if start >= back
            for hit in hits(text, start - back)
        ):
            lost += 1.2  # 东兴区 in 浦东兴区, 西湖区 in 东西湖区: it begins inside another name
        if chain.score - lost > value:
            best, where, value = chain, start, chain.score - lost
    return (best, where) if best else None


def _top(text: str, start: int) -> _Chain:
    """The best chain from here; towns decide between those that are nearly as good."""
    chains = _chains(text, start, "")
    limit = max(chain.score for chain in chains) - 3.0
    best = chains[0]
    for chain in chains:
        if chain.score < limit or not chain.hits:
            continue
        town = _town_at(text, _skip(text, chain.end), chain.code)
        if town[0]:
            chain = chain._replace(score=chain.score + (2.5 if town[3] else 1.0), town=town)
        if (chain.score, chain.end) > (best.score, best.end):
            best = chain
    return best


def _heal(text: str) -> tuple[str, bool]:
    """The text with names at its head that only sound like a division (务锡市, 建东区) written right; no longer, no shorter."""
    at, code, slips = _skip(text, 0), "", False
    for _ in range(4):
        known = hits(text, at)
        if known:
            code = known[0].entry.code if not code or within(known[0].entry.code, code) else code
            at = known[0].end
            if known[0].entry.level == 1 and _wrong_kind(text, at):  # 深圳时福田区
                text, slips = f"{text[:at]}市{text[at + 1 :]}", True
                at += 1
            at = _skip(text, at)
            continue
        match = _NAMED.match(text, at)
        meant = sounds_like(match.group(), code) if match and not _ZONE.search(match.group()[:-1]) else None
        if match is None or meant is None:
            break
        text, slips, code = text[:at] + meant[0] + text[match.end() :], True, meant[1]
        at = _skip(text, match.end())
    return text, slips


def _wrong_kind(text: str, at: int) -> bool:
    """Whether a character that only sounds like 市 stands between a city and its district."""
    return (
        at + 1 < len(text)
        and text[at] != "市"
        and sound.syllable(text[at]) == "si"
        and bool(hits(text, at + 1))
    )


def _vouched(before: str, code: str) -> float:
    """What stands before a chain may be its parents, misspelt: 折江省杭州市."""
    gain = 0.0
    for word in re.findall(r"[一-龥]{2,8}?(?:省|市|区)", before[-12:]):
        for parent in _parents(code):
            if sound.slip(word, regions.divisions()[parent][0]):
                gain += 1.2
    return gain


def _parents(code: str) -> list[str]:
    table, out = regions.divisions(), []
    while code in table:
        code = table[code][1]
        if code in table:
            out.append(code)
    return out


def divide(text: str, hint: Hint | None = None) -> Division:
    """The divisions of a text in normal form (see `normal`)."""
    hinted = regions.find(hint.province, hint.city, hint.district, hint.town) if hint else None
    text, slips = _heal(text)
    found = _best(text)
    if found is None:
        return _alone(text, hinted)
    chain, where = found
    unsure = ["district_typo"] if slips else []
    if where and any(
        hit.entry.weight > 0.7 and not within(chain.code, hit.entry.code)
        for hit in hits(text, _skip(text, 0))
    ):
        unsure.append("levels_disagree")
    spans = [(_LEVELS[hit.entry.level], hit.start, hit.end) for hit in chain.hits]
    code, town, end = chain.code, chain.town, chain.end
    old = next((hit.entry.old for hit in chain.hits if hit.entry.code == code and hit.entry.old), "")
    if hinted is not None and not _agree(code, hinted):
        if all(hit.entry.weight <= 0.7 for hit in chain.hits):  # a short name inside another word
            return _alone(text, hinted)
        unsure.append("levels_disagree")
    elif hinted is not None and len(hinted.adcode.rstrip("0")) > len(code):
        deeper = regions.code_of(hinted)
        code = deeper if deeper and within(deeper, code) else code
        town = town if town[0] else _town_at(text, _skip(text, end), code)
    table = regions.divisions()
    if spans and spans[-1][0] == "district" and text.startswith("新区", end):  # 坪山新区, 光明新区
        end += 2
        spans[-1] = ("district", spans[-1][1], end)
    if table[code][2] < 2 and not town[0]:
        code, end, typo = _misspelt(text, end, code, spans, unsure)
        if typo:
            unsure.append("district_typo")
            town = _town_at(text, _skip(text, end), code)
    words = _words(code)
    name = town_name = ""
    if town[0]:
        end = town[2]
        spans.append(("town", town[1], town[2]))
        town_name = table[town[0]][0]
        if table[code][2] < 2 or not town[0].startswith(code[:6]):
            words = _words(table[town[0]][1])
    elif table[code][2] == 2 or len(code) == 4:
        match = _TOWN.match(text, _skip(text, end))
        if match:
            known = _near_town(match.group(), code)
            name = table[known][0] if known else match.group()
            town_name = name
            end = match.end()
            spans.append(("town", match.start(), match.end()))
    region = regions.find(words[0], words[1], old or words[2], town_name)
    if region is None or (old and region.adcode == regions.code6(table.get(code, ("", "", 0))[1] or code)):
        region = regions.find(*words, town_name)
    if (region is not None and region.old_name) or old:
        unsure.append("old_name")
    if region is not None and not region.district:
        unsure.append("no_district")
    first = chain.hits[0]
    alike = {
        hit.entry.code for hit in hits(text, first.start) if hit.end == first.end and hit.entry.weight > 0.6
    }
    if len(alike) > 1 and table[first.entry.code][2] == 2 and not town[3]:
        unsure.append("district_ambiguous")
    if region is not None and (
        region.city.startswith("重庆") or (not region.city and region.province[:2] in _MUNICIPAL)
    ):
        region = region._replace(city=region.province)
    written = frozenset(level for level, _, _ in spans)
    return Division(
        region, end, tuple(spans), written, tuple(dict.fromkeys(unsure)), _second(text, end, code)
    )


def _words(code: str) -> tuple[str, str, str]:
    table, words = regions.divisions(), ["", "", ""]
    step = code
    while step in table:
        name, above, depth = table[step]
        if depth <= 2:
            words[depth] = name
        step = above
    if words[1].startswith("重庆"):
        words[1] = "重庆市"
    return words[0], words[1], words[2]


def _agree(code: str, region: regions.Region) -> bool:
    other = regions.code_of(region)
    return not other or within(code, other) or within(other, code)


def _alone(text: str, hinted: regions.Region | None) -> Division:
    """No province, city or district is written: the hint, or a town that exists once in the country."""
    start = _skip(text, 0)
    if hinted is not None:
        town = _town_at(text, start, regions.code_of(hinted))
        region = (
            regions.find(hinted.province, hinted.city, hinted.district, regions.divisions()[town[0]][0])
            if town[0]
            else hinted
        )
        spans = [("town", town[1], town[2])] if town[0] else []
        return Division(region or hinted, town[2] if town[0] else 0, tuple(spans), frozenset(), ())
    meant, end = _nameless(text, start)
    if meant:
        town = _town_at(text, _skip(text, end), meant)
        words = _words(meant)
        spans = [("district", start, end)] + ([("town", town[1], town[2])] if town[0] else [])
        region = regions.find(*words, regions.divisions()[town[0]][0] if town[0] else "")
        if region is not None and region.city.startswith("重庆"):
            region = region._replace(city=region.province)
        return Division(
            region, town[2] if town[0] else end, tuple(spans), frozenset({"district"}), ("district_typo",)
        )
    match = _TOWN.match(text, start)
    code = regions.town_alone(match.group()) if match else ""
    if match and code:
        words = _words(regions.divisions()[code][1])
        region = regions.find(*words, match.group())
        return Division(region, match.end(), (("town", match.start(), match.end()),), frozenset({"town"}), ())
    return _NOTHING


def _nameless(text: str, start: int) -> tuple[str, int]:
    """A district with a slip and no parents (吴星区飞英街道): its town tells."""
    match = _WRITTEN.match(text, start)
    if (
        not match
        or len(match.group()) < 3
        or _ZONE.search(match.group(1))
        or _ZONE.search(match.group()[:-1])
    ):
        return "", start
    word = match.group()
    at = _skip(text, match.end())
    towned = [code for code in sorted(_one_off(word)) if _town_at(text, at, code)[3]]
    return (towned[0], match.end()) if len(towned) == 1 else ("", start)


def _one_off(word: str) -> set[str]:
    """Districts whose name differs in one character of the stem."""
    return {
        code for n in range(len(word) - 1) for code in near_names().get(f"{word[:n]}*{word[n + 1 :]}", ())
    }


def _misspelt(
    text: str, end: int, code: str, spans: list[tuple[str, int, int]], unsure: list[str]
) -> tuple[str, int, bool]:
    """The child of `code` that was meant by a name that nobody has; zones (高新区) are no district."""
    at = _skip(text, end)
    match = _WRITTEN.match(text, at)
    word = match.group() if match else ""
    if not match or _ZONE.search(match.group(1)) or _ZONE.search(word[:-1]):
        return code, end, False
    level = regions.divisions()[code][2]
    known = [hit for hit in hits(text, at) if hit.end == match.end() and hit.entry.weight >= 0.9]
    if known:
        unsure.append("levels_disagree")
        return code, end, False
    near = [child for child in regions.below(code, 2) if sound.slip(word, regions.divisions()[child][0])]
    near = near or sorted(child for child in _one_off(word) if within(child, code))
    if len(near) > 1:
        near = [child for child in near if sound.same(word, regions.divisions()[child][0])]
    if len(near) != 1:
        return code, end, False
    spans.append(("district" if level else "city", at, match.end()))
    return near[0], match.end(), True


def _near_town(word: str, code: str) -> str:
    """The town that was meant: another kind of the same name (江口镇 for 江口街道), or a slip of nobody's name."""
    table = regions.divisions()
    stem = regions.shorten(word, 3)
    towns = regions.below(code, 3)
    alike = [town for town in towns if regions.shorten(table[town][0], 3) == stem]
    if not alike and not regions.is_town(word):
        alike = [town for town in towns if sound.slip(word, table[town][0])]
    return alike[0] if len(alike) == 1 else ""


def _second(text: str, end: int, code: str) -> int:
    """Where another address begins: a city or province further on, after something like a number."""
    if len(text) - end < 12:
        return -1
    for match in re.finditer(r"[ ,(/](?=[一-龥]{2})|或者?(?=[一-龥]{2})", text[end + 4 :]):
        at = end + 4 + match.end()
        if any(
            hit.entry.level <= 2 and hit.entry.weight >= 0.7 and hit.end - hit.start >= 2 and re.search(r"\d", text[end:at])
            and (chain := _top(text, at)).hits and re.search(r"\d", text[chain.end :]) and chain.score >= 4
            for hit in hits(text, at)[:1]
        ):  # fmt: skip
            return at
    return -1
