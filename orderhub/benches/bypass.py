"""The chain with its rules left out: what the code did before there were rules, so that their cost can be measured.

Only for measurements; the product has no such switch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from orderhub.rules import engine, registry, shaping
from orders.operations.figures import Figures
from routing.operations import judging
from routing.plan import POLICY


class _Open:
    """No SKU is ever locked."""

    near: frozenset[int] = frozenset()

    def __init__(self, *_: Any) -> None:
        pass

    def of(self, _skus: Any) -> dict[int, Any]:
        return {}

    def finish(self, _writer: Any) -> None:
        pass


def _promised(asked: Any) -> list[dt.datetime]:
    return [paid_at + dt.timedelta(hours=known["shop_hours"]) for known, paid_at in asked]


def _duplicates(asked: Any) -> list[Figures]:
    return [Figures(shop.duplicate_minutes, shop.duplicate_mode) for shop, _plain in asked]


def _routed(rows: Any, spots: Any, *_rest: Any) -> judging.Judged:
    """Every order by the figures that ship."""
    answer = shaping.defaults(registry.point("routing"))
    decided = engine.Decided("routing", [answer], None, "chain", said={id(answer): (None, {})})
    ids = [row.id for row in rows if row.id in spots]
    return judging.Judged(decided, dict.fromkeys(ids, POLICY), dict.fromkeys(ids, answer), {id(answer)})


#: Where rules are asked, and what stood there before.
BEFORE = {
    "orders.operations.risk.judge": lambda rows, writer: None,
    "orders.operations.stock_lock.Locks": _Open,
    "orders.operations.figures.promised": _promised,
    "orders.operations.figures.duplicates": _duplicates,
    "routing.operations.judging.judge": _routed,
}


@contextmanager
def without_rules() -> Iterator[None]:
    """Inside, the chain decides by the shops' own figures and asks no rule."""
    with ExitStack() as stack:
        for name, before in BEFORE.items():
            stack.enter_context(patch(name, before))
        yield
