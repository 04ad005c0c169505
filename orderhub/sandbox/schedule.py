"""When the warehouse and the carrier did what for an order: the same answer for the same seed and number, always."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

NEAR = ("浙江省", "上海市", "江苏省")


def lot(seed: int, *words: object) -> random.Random:
    """A random source that depends on the seed and the words only."""
    text = ":".join(str(word) for word in (seed, *words))
    return random.Random(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


@dataclass(frozen=True)
class Schedule:
    """Moments of one order; None where it never happens. A moment later than the real now has not happened yet."""

    waved: datetime
    packed: datetime
    printed: datetime
    shipped: datetime
    picked_up: datetime | None
    transit: tuple[datetime, ...]
    out_for_delivery: datetime | None
    signed: datetime | None
    returned: datetime | None
    first_attempt_ok: bool

    def happened(self, name: str, now: datetime) -> datetime | None:
        """The moment called ``name`` when it lies not after ``now``, else None."""
        moment = getattr(self, name)
        return moment if moment is not None and moment <= now else None


def schedule(
    seed: int, number: str, paid_at: datetime, *, province: str = "", scenario: str = "", warehouse: str = ""
) -> Schedule:
    """Warehouse: hours; carrier: about a day nearby, two to three elsewhere. ``warehouse`` draws another lot."""
    draw = lot(seed, "schedule", number, warehouse)
    near = province in NEAR
    waved = paid_at + timedelta(minutes=draw.uniform(8, 70))
    packed = waved + timedelta(minutes=draw.uniform(20, 150))
    printed = packed + timedelta(minutes=draw.uniform(1, 15))
    shipped = printed + timedelta(minutes=draw.uniform(5, 90))
    picked_up = shipped + timedelta(minutes=draw.uniform(30, 300))
    travel = timedelta(hours=draw.uniform(13, 27) if near else draw.uniform(26, 66))
    if draw.random() < (0.06 if near else 0.12):
        travel += timedelta(hours=draw.uniform(12, 48))
    arrived = picked_up + travel
    transit = (picked_up + timedelta(hours=draw.uniform(1.5, 4)), picked_up + travel * 0.55, arrived)
    first_attempt_ok = draw.random() < 0.93
    out = arrived + timedelta(hours=draw.uniform(0.5, 2.5))
    signed = out + timedelta(hours=draw.uniform(0.5, 6))
    if not first_attempt_ok:
        signed += timedelta(hours=draw.uniform(18, 26))
    returned = signed + timedelta(days=draw.uniform(2.0, 3.5)) if scenario == "return" else None
    if scenario == "pickup_overdue":
        return Schedule(waved, packed, printed, shipped, None, (), None, None, None, first_attempt_ok)
    return Schedule(
        waved, packed, printed, shipped, picked_up, transit, out, signed, returned, first_attempt_ok
    )
