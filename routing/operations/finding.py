"""Asking for places that an address may mean, in the order that spends least quota: our own, kept answers, tips, search.

Asking stops as soon as one place is clearly meant. A provider that refuses, times out or talks nonsense leaves the
others' answers standing and says so; "could not be asked" never looks like "nothing found". No transaction is open.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext as _

from orderhub.integrations.errors import PlatformError
from routing.addresses import candidates, judge, phrases
from routing.addresses.parse import parse
from routing.addresses.words import Candidate, Hint, Parsed, Phrase, Poi, Threshold, Verdict
from routing.models import AddressPolicy, AddressThreshold
from routing.providers import amap, local

#: Questions for one address: tips, then searches. A provider that needs longer than this is done without.
MOST_TIPS, MOST_SEARCHES, LONGEST = 3, 2, 8.0
#: Candidates that are kept with an item.
KEPT = 8


@dataclass(slots=True)
class Found:
    """What the providers gave for one address. `failed` where one that should have been asked could not be."""

    candidates: list[Candidate] = field(default_factory=list)
    failed: bool = False
    trouble: str = ""


def available() -> bool:
    """Whether there is anybody to ask; without, addresses go on as they are."""
    return amap.connected() is not None or local.known()


def find(parsed: Parsed, threshold: Threshold | float) -> Found:
    """Candidates for an address, best first; stops when the first is over the threshold."""
    found, pois = Found(), list(local.search(parsed))
    found.candidates = candidates.rank(parsed, pois)

    def enough() -> bool:
        verdict = judge.judge(found.candidates, threshold, False, parsed)
        return verdict.code == "accept"

    if not enough():
        _ask(parsed, phrases.phrases(parsed), pois, found, enough)
    found.candidates = found.candidates[:KEPT]
    return found


def search(text: str, parsed: Parsed, *, outside: bool = True) -> Found:
    """A person's own words about an address: as they are, within its district and then its city.

    `outside` says whether a map service may be asked: never for a masked receiver.
    """
    text = text.strip()
    if len(text) < 2:
        return Found()
    hint = Hint(parsed.province, parsed.city, parsed.district, parsed.town)
    wanted = parse(text, hint)
    pois = list(local.search(wanted))
    found = Found(candidates.rank(parsed, pois))
    area = parsed.adcode
    asked = [Phrase(text[:80], area, parsed.city, "full"), Phrase(text[:80], "", parsed.city, "anywhere")]
    if outside:
        _ask(wanted, asked, pois, found, lambda: len(pois) >= 5)
    found.candidates = candidates.rank(wanted, pois)[:KEPT]
    return found


def judged(found: Found, parsed: Parsed, threshold: Threshold | float) -> Verdict:
    """What is to be done with it. Nothing good, while one could not be asked, is not yet "nothing found"."""
    verdict = judge.judge(found.candidates, threshold, found.failed, parsed)
    if found.failed and verdict.reason in ("no_candidates", "weak_candidates"):
        return replace(verdict, code="failed", reason="provider_failed")
    return verdict


def thresholds() -> Callable[[str], Threshold | float]:
    """The threshold of a city (code), by its own picks, else by all, else the policy's; never more error than allowed."""
    policy = AddressPolicy.current()
    rows = {
        row.city: Threshold(row.value, row.error, row.coverage, row.picks, row.city)
        for row in AddressThreshold.objects.all()
        if row.error <= 1 - policy.precision
    }

    def of(city: str) -> Threshold | float:
        return rows.get(city) or rows.get("") or policy.threshold

    return of


def _ask(
    parsed: Parsed, wanted: list[Phrase], pois: list[Poi], found: Found, enough: Callable[[], bool]
) -> None:
    account = amap.connected()
    if account is None:
        return
    end = time.monotonic() + LONGEST
    for ask, most in ((amap.tips, MOST_TIPS), (amap.search, MOST_SEARCHES)):
        for phrase in wanted[:most]:
            if time.monotonic() > end:
                found.failed, found.trouble = True, _("The map service is too slow.")
                return
            try:
                pois += ask(account, phrase)
            except PlatformError as error:
                found.failed, found.trouble = True, f"{error.message} ({error.code})"[:200]
                return
            found.candidates = candidates.rank(parsed, pois)
            if enough():
                return
