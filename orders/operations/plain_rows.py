"""Rows of a file with plain receivers: opened one by one, each written on its order's timeline before the file has it.

Only what is ours to know is opened (the own shop's); a platform's masked receiver stays masked. Plain text is in no
statement: it is opened here and goes straight into the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from orderhub import crypto
from orderhub.exports import files
from orderhub.exports.columns import Column, harmless, select
from orderhub.integrations.errors import PlatformError
from orderhub.jobs.models import Job
from orders.exporting import FROM, columns
from orders.models import Order, PlainRequest

PIECE = 2_000
#: One piece of a set: the last order's id, how many orders, the digest of their ids.
Piece = tuple[int, int, str]
ASK, APPROVE = "orders.add_plainrequest", "orders.approve_plainrequest"
#: Once an order and file, however often a piece is written.
_REVEALED = """INSERT INTO orders_event (order_id, code, occurred_at, recorded_at, actor_kind, actor_name, actor_user_id, data)
    SELECT r.order_id, 'revealed', now(), now(), 'person', %(who)s, %(user)s, %(data)s::jsonb FROM orders_receiver r
    WHERE r.order_id = ANY (%(ids)s) AND r.visibility = 'plain' AND r.plain_enc IS NOT NULL AND NOT EXISTS (
        SELECT FROM orders_event e WHERE e.order_id = r.order_id AND e.code = 'revealed' AND e.data->'file' = %(file)s::jsonb)"""


def allowed(job: Job) -> list[Piece]:
    """The set that a second person allowed; PlatformError where nobody did, or who asked may have it no more."""
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
    return [(last, count, kept) for last, count, kept in found.pieces]


def pieces_of(ids: Iterable[int]) -> Iterator[Piece]:
    """Ids that ascend as pieces of `PIECE`; one piece of them is held at a time."""
    rest = iter(ids)
    while piece := list(islice(rest, PIECE)):
        yield piece[-1], len(piece), digest(piece)


def digest(ids: Iterable[int]) -> str:
    """SHA-256 of ids, in hexadecimal."""
    return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()


def ascending(orders: QuerySet[Order]) -> Iterator[int]:
    """Ids of orders through a cursor of the database: as many at a time as a piece has."""
    return orders.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=PIECE)


def same(orders: QuerySet[Order], pieces: Sequence[Piece]) -> int:
    """How many orders there are, where they are those of the pieces and no others; PlatformError where the set has moved."""
    found = ascending(orders)
    for last, count, kept in pieces:
        ids = list(islice(found, count))
        if not ids or ids[-1] != last or digest(ids) != kept:
            raise moved()
    if not pieces or next(found, None) is not None:
        raise moved()
    return sum(count for _last, count, _kept in pieces)


def piece_at(orders: QuerySet[Order], pieces: Sequence[Piece], after: int) -> list[int]:
    """The ids of the allowed piece behind a key, [] behind the last one; PlatformError where the filters find others."""
    piece = next((one for one in pieces if one[0] > after), None)
    if piece is None:
        return []
    last, count, kept = piece
    near = orders.filter(pk__gt=after, pk__lte=last).order_by("pk")
    ids = list(near.values_list("pk", flat=True)[: count + 1])
    if digest(ids) != kept:
        raise moved()
    return ids


def moved() -> PlatformError:
    """The filters find other orders than were allowed: a tag set since then lets nobody in."""
    text = _("The filters find other orders by now than those that were allowed: ask again.")
    return PlatformError("configuration", "moved", text)


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
