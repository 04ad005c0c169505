"""Addresses that came up for review in the past, for trying a draft of the review's rule. Reads only, no address in it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from orderhub.rules.points import Effect, Past
from routing.models.address import FIGURES, AddressPolicy
from routing.operations.judging import SHANGHAI

_ITEMS = """
    SELECT a.id, a.order_id, o.number, a.sure, a.created_at, a.state FROM routing_addressreview a
    JOIN orders_order o ON o.id = a.order_id
    WHERE a.created_at >= %(since)s AND a.created_at < %(until)s AND a.id > %(after)s
      AND (%(ids)s::bigint[] IS NULL OR a.order_id = ANY(%(ids)s)) ORDER BY a.id LIMIT %(limit)s"""


def items(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Addresses with what the first candidate's confidence was; two statements."""
    kept = AddressPolicy.objects.filter(pk=1).first() or AddressPolicy(pk=1)
    own = {f"own_{name}": getattr(kept, name) for name in FIGURES}
    chosen = None if ids is None else list(ids)
    asked: dict[str, Any] = {"since": since, "until": until, "after": after_id, "ids": chosen, "limit": limit}
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS, asked)
        rows = cursor.fetchall()
    made = []
    for identity, order_id, number, sure, at, state in rows:
        local = at.astimezone(SHANGHAI)
        known = {**own, "hour": local.hour, "weekday": local.isoweekday()}
        made.append(Past(identity, number, known, {"sure": sure, "state": state}, order_id))
    return made


def effects(
    pasts: Sequence[Past], before: Sequence[dict[str, Any]], after: Sequence[dict[str, Any]]
) -> list[Effect]:
    """Whether the address would be taken without a person, by the rule's figure alone (a calibrated one may be stricter)."""

    def said(past: Past, answer: dict[str, Any]) -> str:
        return (
            _("taken without a person") if past.became["sure"] >= answer["threshold"] else _("a person looks")
        )

    made = []
    for past, one, other in zip(pasts, before, after, strict=True):
        frm, to = said(past, one), said(past, other)
        made.append(Effect(frm != to, frm, to))
    return made
