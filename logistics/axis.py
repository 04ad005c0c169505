"""The carrier's axis, derived from all scans of a parcel at once: order of arrival and repetition cannot matter.

The last word is the newest terminal scan (signed, returned) if there is one, else the newest scan. Numbers of
the carrier's states are not ordinal; only meanings and times are compared.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

TERMINAL = frozenset({"signed", "returned"})
#: A delivery that did not work; each spoils the first attempt when it comes before the signature.
FAILED = frozenset({"problem", "refused", "damaged", "returning", "returned"})
#: Scans that need a person, and the ticket's kind.
TROUBLE = {"refused": "refused", "returning": "returning", "returned": "returned", "damaged": "damaged"}


@dataclass(frozen=True, slots=True)
class Seen:
    """One stored scan."""

    at: dt.datetime
    code: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the carrier says the parcel is."""

    tracking: str = ""
    picked_up_at: dt.datetime | None = None
    first_attempt_at: dt.datetime | None = None
    first_attempt_ok: bool | None = None
    signed_at: dt.datetime | None = None
    returned_at: dt.datetime | None = None
    last_trace_at: dt.datetime | None = None
    trouble: str = ""


def derive(scans: Iterable[Seen]) -> Axis:
    """The axis of these scans, whatever their order and however often each is given."""
    rows = sorted({(s.at, s.meaning, s.code) for s in scans if s.meaning not in ("ordered", "unknown")})
    if not rows:
        return Axis()
    times: dict[str, list[dt.datetime]] = {}
    for at, meaning, _code in rows:
        times.setdefault(meaning, []).append(at)
    last = max(rows, key=lambda row: (row[1] in TERMINAL, row[0], row[1]))
    # any scan shows that the carrier has it: a lost pick-up scan does not make a delivered parcel "not picked up"
    picked = times.get("picked_up", [rows[0][0]])[0]
    signed = times.get("signed", [None])[0]
    tries = times.get("delivering", []) + ([signed] if signed else [])
    first = min(tries) if tries else None
    trouble = next((TROUBLE[meaning] for _at, meaning, _c in reversed(rows) if meaning in TROUBLE), "")
    return Axis(
        tracking=last[1],
        picked_up_at=picked,
        first_attempt_at=first,
        first_attempt_ok=_first_ok(rows, first, signed),
        signed_at=signed,
        returned_at=times.get("returned", [None])[-1],
        last_trace_at=rows[-1][0],
        trouble=trouble,
    )


def _first_ok(
    rows: list[tuple[dt.datetime, str, str]], first: dt.datetime | None, signed: dt.datetime | None
) -> bool | None:
    """True: signed with nothing going wrong after it set out; False: something did; None: not known yet."""
    if first is None:
        return None
    failed = any(m in FAILED and at >= first and (signed is None or at <= signed) for at, m, _c in rows)
    if failed:
        return False
    return True if signed is not None else None
