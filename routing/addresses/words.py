"""What the address engine's functions take and give: plain values, no model, no request, no network.

The chain, each step a pure function:

    parse.parse(text: str, hint: Hint | None = None) -> Parsed
    phrases.phrases(parsed: Parsed) -> list[Phrase]            then a provider answers Pois
    candidates.rank(parsed: Parsed, pois: Iterable[Poi], picks: Picks | None = None) -> list[Candidate]
    judge.judge(candidates: Sequence[Candidate], threshold: Threshold | float, failed: bool = False,
                parsed: Parsed | None = None) -> Verdict
    judge.confidence(candidates: Sequence[Candidate]) -> float  what judge compares and calibrate learns from
    memory.key(parsed: Parsed) -> str                           "" where nothing may be remembered
    calibrate.calibrate(picks: Iterable[tuple[str, float, bool]], precision: float = 0.98) -> dict[str, Threshold]
    retrieve.Book(pois).search(parsed: Parsed, limit: int = 20) -> list[Poi]   a POI file in memory, for local providers
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

PartName = Literal[
    "province", "city", "district", "town", "road", "number", "lane", "building", "unit", "room", "poi",
    "phone", "person", "point", "rest",
]  # fmt: skip
MarkKind = Literal["matched", "changed", "missing", "added", "plain"]
VerdictCode = Literal["accept", "confirm", "number", "fix", "failed"]


@dataclass(frozen=True, slots=True)
class Hint:
    """What a channel gives apart from the text: names of divisions, as it writes them; the text goes before it."""

    province: str = ""
    city: str = ""
    district: str = ""
    town: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of the raw text: `raw[start:end]` is what the buyer wrote for it, `text` its normal form."""

    name: PartName
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """An address in parts. Empty text means: not given. Numbers are normal forms: `288`, `甲3`, `12-1`, `B`.

    `number` is the 号 of a road, `lane` its 弄/巷 (上海: 288弄), `building` the 幢/栋/号楼/座, `unit` the 单元, `room` the
    室 or floor. `number_kind` says what stood behind the number: `号`, or nothing for a bare 288 that may be either.
    """

    raw: str = ""
    text: str = ""  # normalised, without phone, person and repeated regions
    province: str = (
        ""  # full official names (浙江省), also where the buyer left them out and they were inferred
    )
    city: str = ""
    district: str = ""
    town: str = ""
    adcode: str = ""  # six digits of the deepest of province, city, district; "" when none is known
    town_code: str = ""
    road: str = ""
    number: str = ""
    number_kind: str = ""
    lane: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    poi: str = ""  # the name of an estate, company, school … as written
    rest: str = ""  # what belongs to no part
    lng: float | None = None  # coordinates that the buyer typed into the address; datum unknown
    lat: float | None = None
    #: What a person should know, as codes of `UNSURE`; empty when the parser is sure.
    unsure: tuple[str, ...] = ()
    #: The names of levels that were not written but concluded (`province`, `city`, `district`, `town`).
    inferred: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()

    @property
    def level(self) -> str:
        """How deep the place is known: `building`, `number`, `road`, `poi`, `town`, `district`, `city`, `province` or ``""``."""
        for name in ("building", "number", "lane", "poi", "road", "town", "district", "city", "province"):
            if getattr(self, name):
                return "number" if name == "lane" else name
        return ""


#: Codes of `Parsed.unsure`; the sentences are in `routing.address_words`.
UNSURE = (
    "empty",  # nothing to read, or no letter in it
    "too_short",  # one character
    "too_long",  # cut after the first 400 characters that can be an address
    "foreign",  # no Chinese in it
    "masked",  # * stand where parts were
    "coordinates",  # coordinates as text
    "two_addresses",  # a second address begins in it; the first is read
    "no_division",  # neither province nor city nor district is known
    "no_district",  # the city is known, the district is not
    "district_ambiguous",  # several districts have this name
    "district_typo",  # a name was read with a slip of the pen
    "levels_disagree",  # province, city, district and town do not lie in one another
    "old_name",  # an abolished name, mapped to its successor
    "only_poi",  # no road and no number, only a name
    "no_road",
    "no_number",
    "number_or_lane",  # a bare 288: 号 or 弄
)


@dataclass(frozen=True, slots=True)
class Phrase:
    """One question for a provider. Ask them in order and stop as soon as the answers are good enough."""

    text: str
    adcode: str = ""  # ask within this district or city; "" everywhere
    city: str = ""
    purpose: str = ""  # full / number / lane / bare / road / poi / anywhere: why it is asked


@dataclass(frozen=True, slots=True)
class Poi:
    """A place as a provider tells it. `datum` is the system of lng and lat: `gcj02` or `wgs84`."""

    id: str
    name: str
    address: str = ""
    adcode: str = ""
    lng: float | None = None
    lat: float | None = None
    datum: str = "gcj02"
    source: str = ""  # amap / local / memory
    type: str = ""
    town: str = ""
    rank: int = 0  # its place in the provider's answer, from 0
    district: str = ""  # its name, where the provider gives no code

    @property
    def label(self) -> str:
        """Address and name as one line that ends with the name; `Candidate.pieces` cut exactly this text.

        What the end of the address and the beginning of the name share stands once.
        """
        shared = overlap(self.address, self.name)
        head = self.address[: len(self.address) - shared].rstrip()
        return f"{head} {self.name}" if head else self.name


def overlap(head: str, tail: str) -> int:
    """How many characters the end of `head` and the beginning of `tail` share, at least two."""
    return next((n for n in range(min(len(head), len(tail)), 1, -1) if head.endswith(tail[:n])), 0)


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a candidate's label and how it compares; the pieces' texts joined are the label."""

    text: str
    kind: MarkKind
    part: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part, compared: what the buyer wrote and what the candidate offers.

    matched: the same · changed: both, not the same · missing: the buyer's only · added: the candidate's only.
    """

    part: PartName
    kind: MarkKind
    wrote: str = ""
    offers: str = ""


@dataclass(frozen=True, slots=True)
class Feature:
    """Why a candidate has its score: `value` in 0..1, `points` what it adds (or takes, when negative)."""

    name: str  # division / road / number / lane / building / name / grams / pinyin / rank / picks
    value: float
    points: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A place that may be meant. `score` in 0..1; best first in a ranking."""

    poi: Poi
    score: float
    features: tuple[Feature, ...] = ()
    differences: tuple[Difference, ...] = ()
    pieces: tuple[Piece, ...] = ()
    merged: tuple[str, ...] = ()  # ids of other POIs that are the same place
    metres: float | None = None  # from the best candidate

    def difference(self, part: str) -> Difference | None:
        """How this part compares, or None where neither side has it."""
        return next((d for d in self.differences if d.part == part), None)


@dataclass(frozen=True, slots=True)
class Verdict:
    """accept 采用 · confirm 确认 · number 补门牌 · fix 改址 · failed 查询失败, with the reason's code (`REASONS`)."""

    code: VerdictCode
    reason: str
    sure: float = 0.0  # the confidence that is compared with the threshold
    threshold: float = 1.0
    candidate: Candidate | None = None


#: Codes of `Verdict.reason`.
REASONS = (
    "clear_winner",
    "below_threshold",
    "close_second",  # the second is nearly as good, and not the same place
    "number_differs",
    "district_differs",
    "building_unknown",  # several buildings, the text names none of them
    "no_number",  # the buyer gave no number where the place needs one
    "no_candidates",
    "weak_candidates",  # answers came, none resembles the text
    "unreadable",  # empty, foreign, masked, one character
    "two_addresses",
    "provider_failed",
)


@dataclass(frozen=True, slots=True)
class Threshold:
    """What `calibrate` gives: accept from `value` on; `error` is the upper bound of the expected share of wrong ones."""

    value: float
    error: float
    coverage: float  # the share of past picks that it would have accepted
    picks: int  # how many picks it is made from
    city: str = ""  # the city's code; "" for all cities


#: {poi id or memory key: how often people picked it for addresses like this}
Picks = Mapping[str, int]
Answers = Iterable[Poi]
__all__ = [
    "REASONS", "UNSURE", "Answers", "Candidate", "Difference", "Feature", "Hint", "MarkKind", "Parsed", "Part", "PartName",
    "Phrase", "Picks", "Piece", "Poi", "Threshold", "Verdict", "VerdictCode",
]  # fmt: skip
