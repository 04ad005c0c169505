"""Rows of a file with plain receivers: opened one by one, each written on its order's timeline before the file has it.

Only what is ours to know is opened (the own shop's); a platform's masked receiver stays masked. Plain text is in no
statement: it is opened here and goes straight into the file.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext as _

from orderhub import crypto
from orderhub.exports import files
from orderhub.exports.columns import Column, harmless, select
from orderhub.integrations.errors import PlatformError
from orderhub.jobs.models import Job
from orders.exporting import FROM, columns

PIECE = 2_000
ASK, APPROVE = "orders.add_plainrequest", "orders.approve_plainrequest"
#: Once an order and file, however often a piece is written.
_REVEALED = """INSERT INTO orders_event (order_id, code, occurred_at, recorded_at, actor_kind, actor_name, actor_user_id, data)
    SELECT r.order_id, 'revealed', now(), now(), 'person', %(who)s, %(user)s, %(data)s::jsonb FROM orders_receiver r
    WHERE r.order_id = ANY (%(ids)s) AND r.visibility = 'plain' AND r.plain_enc IS NOT NULL AND NOT EXISTS (
        SELECT FROM orders_event e WHERE e.order_id = r.order_id AND e.code = 'revealed' AND e.data->'file' = %(file)s::jsonb)"""


def allowed(job: Job) -> int:
    """How many orders a second person allowed; PlatformError where nobody did, or who asked may have it no more."""
    from orders.models import PlainRequest

    asked = PlainRequest.objects.filter(pk=job.params["plain"], state=PlainRequest.State.APPROVED, job=job)
    found = asked.select_related("asked_by").first()
    if (
        found is None
        or found.asked_by_id in (None, found.decided_by_id)
        or found.asked_by_id != job.requested_by_id
    ):
        raise PlatformError("configuration", "not_allowed", _("Nobody allowed this file."))
    if not found.asked_by.is_active or not found.asked_by.has_perm(ASK):
        raise PlatformError(
            "configuration", "right", _("Who asked for it may no longer have plain receivers.")
        )
    return found.orders


def no_more(count: int, most: int) -> None:
    """PlatformError where the filters find more orders than were allowed: a tag set since then lets nobody in."""
    if count > most:
        text = _("%(most)s orders were allowed, the filters find more by now: ask again.")
        raise PlatformError("configuration", "more", text % {"most": most})


def append(path: Path, size: int, heads: Sequence[Column], ids: list[int], job: Job) -> tuple[int, int]:
    """Like `files.append`: (the new size, rows added). Two statements."""
    data = {"reason": job.params["reason"], "file": job.pk}
    user = job.requested_by
    said = {
        "who": user.get_username() if user else "", "user": job.requested_by_id, "data": json.dumps(data, ensure_ascii=False),
        "ids": ids, "file": json.dumps(job.pk),
    }  # fmt: skip
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REVEALED, said)
        sealed = ("r.visibility", "r.plain_enc")
        cursor.execute(select(heads, FROM, long_as_text=True, beside=sealed), [ids])
        rows = cursor.fetchall()
    places = {name: place for place, name in enumerate(columns())}
    parts = {"name": places["receiver"], "phone": places["phone"], "address": places["address"]}
    return files.append_rows(path, size, [_opened(row, parts) for row in rows]), len(rows)


def _opened(row: Sequence[Any], parts: dict[str, int]) -> list[Any]:
    visibility, sealed, *cells = row
    if visibility == "plain" and sealed:
        plain = json.loads(crypto.decrypt(bytes(sealed)))
        for part, place in parts.items():
            cells[place] = harmless(str(plain.get(part) or "")) or cells[place]
    return cells
