"""Figures that are a rule's to say: how soon to ship, how near duplicates are, how long to wait for more orders.

Each is asked for a whole batch or for all shops at once. The shop's own figure goes in and is the shipped answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from orderhub.rules import engine
from orders.models import Shop

SHANGHAI = ZoneInfo("Asia/Shanghai")


def promised(asked: Sequence[tuple[Mapping[str, Any], dt.datetime]]) -> list[dt.datetime]:
    """When each order must leave: [(of_shop() with amount and pieces, paid at)]; no statement of its own."""
    inputs = [dated(known, paid_at) for known, paid_at in asked]
    answers = engine.decide("promise", inputs).answers
    return [
        paid_at + dt.timedelta(hours=answer["hours"])
        for (_known, paid_at), answer in zip(asked, answers, strict=True)
    ]


def dated(known: Mapping[str, Any], paid_at: dt.datetime) -> dict[str, Any]:
    """A promise's input with when it was paid."""
    local = paid_at.astimezone(SHANGHAI)
    return {**known, "hour": local.hour, "weekday": local.isoweekday()}


def promise_input(
    code: str, channel: str, hours: int, amount: Decimal | None = None, pieces: int | None = None
) -> dict[str, Any]:
    """What a promise is made of."""
    return {"shop": code, "channel": channel, "shop_hours": hours, "amount": amount, "pieces": pieces}


def amber(shops: Sequence[Shop] | None = None) -> dict[int, dt.timedelta]:
    """{shop: how long before its promise an order turns amber}. One statement, none where the caller has the shops."""
    if shops is None:
        shops = list(Shop.objects.order_by("id").only("id", "code", "channel", "promise_hours"))
    decided = engine.decide("promise", [promise_input(s.code, s.channel, s.promise_hours) for s in shops])
    return {
        shop.id: dt.timedelta(minutes=answer["amber_minutes"])
        for shop, answer in zip(shops, decided.answers, strict=True)
    }


@dataclass(frozen=True, slots=True)
class Figures:
    """A window in minutes and what is done."""

    minutes: float
    mode: str


def duplicates(asked: Iterable[tuple[Shop, bool]]) -> list[Figures]:
    """Of (shop, receiver is readable): when and how a newcomer counts as a duplicate. No statement of its own."""
    inputs = [
        {
            "channel": shop.channel,
            "shop": shop.code,
            "shop_minutes": shop.duplicate_minutes,
            "shop_mode": shop.duplicate_mode,
            "plain": plain,
        }
        for shop, plain in asked
    ]
    return [Figures(a["minutes"], a["mode"]) for a in engine.decide("duplicates", inputs).answers]


@dataclass(frozen=True, slots=True)
class Together:
    """Of every shop, what is merged: `modes` {shop: mode}, `waits` {shop: minutes} where an order waits for further ones."""

    modes: dict[int, str]
    waits: dict[int, float]

    def of(self, modes: Iterable[str]) -> list[int]:
        """The shops that merge in one of these modes."""
        wanted = set(modes)
        return [shop for shop, mode in self.modes.items() if mode in wanted]


def together() -> Together:
    """How the shops ship orders together, and whose orders wait for it. One statement, however many shops."""
    shops = list(Shop.objects.order_by("id"))
    inputs = [
        {
            "channel": s.channel, "shop": s.code, "shop_minutes": s.merge_minutes, "shop_mode": s.merge_mode,
        }
        for s in shops
    ]  # fmt: skip
    merges = engine.decide("merge", inputs).answers
    twins = duplicates([(shop, plain) for shop in shops for plain in (False, True)])
    modes, waits = {}, {}
    for place, (shop, answer) in enumerate(zip(shops, merges, strict=True)):
        modes[shop.id] = answer["mode"]
        joins = any(twin.mode == Shop.DuplicateMode.MERGE for twin in twins[2 * place : 2 * place + 2])
        if answer["mode"] == Shop.MergeMode.AUTO or joins:
            waits[shop.id] = answer["minutes"]
    return Together(modes, waits)
