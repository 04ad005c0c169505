"""Check and take in one step: a buyer's pieces between the basket and the order, and no more than the rules let one have.

Claims of a SKU, and of sets that it is part of, are made one after the other (advisory locks), so that neither the
limit nor the shown number is passed however many ask at once; the stock's own rows are locked as by every reservation.
What lies on the shelf is held there; what does not is sold of what is on the way, and the buyer is told from which day
before paying.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory import availability
from inventory.judgements import CODE
from inventory.models import Claim
from inventory.operations.release import release
from inventory.operations.reserve import FAR, Book
from inventory.queries import heads, parts_of
from orderhub import crypto
from orderhub.actors import CLOCK
from orderhub.rules import engine

#: The advisory locks of claims, apart from all others.
LOCKS = 0x636C
MOST_PIECES = 10_000
#: The hashes in which a buyer is counted.
COUNTED = ("ip_hash", "phone_hash", "buyer_hash")
#: The buyer is not known any more when nothing counts him.
_FORGET = """UPDATE inventory_claim SET ip_hash = '', phone_hash = '', buyer_hash = ''
    WHERE id IN (SELECT id FROM inventory_claim WHERE counts_until < now()
                 AND (ip_hash <> '' OR phone_hash <> '' OR buyer_hash <> '') LIMIT 5000)"""


@dataclass(frozen=True, slots=True)
class Buyer:
    """Who asks, as the shop knows him; "" where it does not. Only keyed hashes of it are kept."""

    ip: str = ""
    phone: str = ""
    account: str = ""

    def hashes(self) -> dict[str, str]:
        """{column: keyed hash}. Of an IPv6 address its network (/64) counts: one line has the whole of it."""
        kinds = zip(
            COUNTED,
            (_network(self.ip), "".join(filter(str.isdigit, self.phone))[-11:], self.account),
            strict=True,
        )
        return {column: crypto.keyed_hash(f"{column}|{text}") if text else "" for column, text in kinds}


def _network(ip: str) -> str:
    try:
        address = ipaddress.ip_address(ip.strip())
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.IPv6Network((address, 64), strict=False))
    return str(address)


class Refused(Exception):
    """Nothing was taken. `code` is limit, sold_out or key; `left` is what this buyer can still have."""

    def __init__(self, code: str, text: str, left: int = 0) -> None:
        super().__init__(text)
        self.code, self.text, self.left = code, text, left


@dataclass(frozen=True, slots=True)
class Sale:
    """What the rules say of a SKU now: pieces a buyer may have (None: no limit), and how long they count, are held."""

    most: int | None
    counted: dt.timedelta
    held: dt.timedelta


def sales(numbers: dict[int, availability.Shown]) -> dict[int, Sale]:
    """{sku: how it is sold} for {sku: its numbers}. At most one statement."""
    asked = engine.uses(CODE)
    codes = heads(numbers) if "sku" in asked else {}
    names = [name for name in ("shown", "free", "coming", "sku") if name in asked]
    alike: dict[tuple[object, ...], list[int]] = {}
    for identity, n in numbers.items():
        facts = (codes.get(identity, "") if name == "sku" else getattr(n, name) for name in names)
        alike.setdefault(tuple(facts), []).append(identity)
    answers = engine.decide(CODE, [dict(zip(names, facts, strict=True)) for facts in alike]).answers
    said: dict[int, Sale] = {}
    for identities, answer in zip(alike.values(), answers, strict=True):
        sale = Sale(
            int(answer["most"]) if answer["limited"] else None,
            dt.timedelta(hours=float(answer["hours"])),
            dt.timedelta(minutes=float(answer["hold_minutes"])),
        )
        said.update(dict.fromkeys(identities, sale))
    return said


def claim(account_id: int, key: str, sku_id: int, pieces: int, buyer: Buyer) -> Claim:
    """Take pieces for a buyer; the same key is one effect and answers the same. Raises Refused, ValueError."""
    if not 1 <= pieces <= MOST_PIECES:
        raise ValueError("pieces")
    with transaction.atomic():
        _one_by_one(f"claim {account_id} {key}")
        known = Claim.objects.filter(account_id=account_id, key=key).first()
        if known is not None:
            if (known.sku_id, known.quantity) != (sku_id, pieces):
                raise Refused("key", _("This key was used for something else: send a new one."))
            return known
        return _take(account_id, key, sku_id, pieces, buyer)


def _one_by_one(name: str) -> None:
    """Whoever sends the same key waits until its first claim is decided."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])


def lock(sku_ids: Iterable[int]) -> None:
    """Claims of these SKUs wait for each other, a set's for those of its parts, too; always in the same order."""
    with connection.cursor() as cursor:
        for sku_id in sorted({identity % 2**31 for identity in sku_ids}):
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s::int)", [LOCKS, sku_id])


def _take(account_id: int, key: str, sku_id: int, pieces: int, buyer: Buyer) -> Claim:
    demand = {part: count * pieces for part, count in parts_of([sku_id]).get(sku_id, {sku_id: 1}).items()}
    lock({sku_id, *demand})
    book = Book.lock(demand)
    numbers = availability.for_sale([sku_id])
    number = numbers.get(sku_id) or availability.Shown(0, 0, 0, 0, None)
    sale = sales({sku_id: number})[sku_id]
    hashes, now = buyer.hashes(), timezone.now()
    if sale.most is not None:
        allowed = sale.most - _had(sku_id, hashes, now)
        if pieces > allowed:
            left = max(0, min(allowed, number.shown))
            words = _("Limited purchase: at most %(most)d a buyer; %(left)d can still be had.")
            raise Refused("limit", words % {"most": sale.most, "left": left}, left)
    if pieces > number.shown:
        raise Refused("sold_out", _("Only %(left)d can be had.") % {"left": number.shown}, number.shown)
    reference = uuid.uuid4()
    until = now + sale.held
    house = None
    if book.spare(demand, (FAR, 0)):
        house = next((w for w in book.warehouses if book.can_serve(demand, w)), None)
    if house is None and number.later_on is None:
        raise Refused("sold_out", _("They do not lie in one place: fewer can be had at once."), 0)
    if house is not None:
        for part, count in demand.items():
            book.take(str(reference), part, count, house, until, "unpaid")
        book.write(f"claim:{account_id}")
        book.count()
    return Claim.objects.create(
        reference=reference, account_id=account_id, key=key, sku_id=sku_id, quantity=pieces, limited=sale.most is not None,
        later_on=None if house is not None else number.later_on, expires_at=until, counts_until=now + sale.counted,
        **hashes,
    )  # fmt: skip


def _had(sku_id: int, hashes: dict[str, str], now: dt.datetime) -> int:
    """The most pieces that count against the buyer, by address, telephone or account. One statement."""
    known = {column: text for column, text in hashes.items() if text}
    if not known:
        return 0
    sums = ", ".join(f"coalesce(sum(quantity) FILTER (WHERE {column} = %s), 0)" for column in known)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT greatest({sums}) FROM inventory_claim
                WHERE sku_id = %s AND counts_until > %s AND state <> 'ended'""",
            [*known.values(), sku_id, now],
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def give_back(account_id: int, reference: uuid.UUID) -> bool:
    """The buyer takes it out of the basket; whether there was something to give back."""
    return bool(
        _end("account_id = %s AND reference = %s", [account_id, reference], "taken out of the basket")
    )


def expire(limit: int = 500) -> int:
    """Give back claims that nobody ordered in time, and forget whose purchases count no more; how many claims ended."""
    ended = _end(
        "id IN (SELECT id FROM inventory_claim WHERE state = 'open' AND expires_at < now() ORDER BY expires_at LIMIT %s)",
        [limit], "not ordered in time",
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_FORGET)
    return ended


def _end(which: str, values: list[Any], reason: str) -> int:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE inventory_claim SET state = 'ended' WHERE {which} AND state = 'open' RETURNING reference",
                values,
            )
            references = [row[0] for row in cursor.fetchall()]
        if references:
            release(references, CLOCK.name, reason)
    return len(references)


def end_bought(references: Sequence[uuid.UUID]) -> None:
    """Orders that are cancelled before they left: their pieces count against no limit any more. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_claim SET state = 'ended' WHERE reference = ANY(%s) AND state = 'bought'",
            [list(references)],
        )


def bought_again(references: Sequence[uuid.UUID]) -> None:
    """Such an order comes back to life: they count again. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_claim SET state = 'bought' WHERE reference = ANY(%s) AND state = 'ended'",
            [list(references)],
        )


def fitting(wanted: Sequence[tuple[int, uuid.UUID, int, int, dt.datetime | None]]) -> set[uuid.UUID]:
    """Of what `buy` would be asked, the claims that are open and fit, locked. One statement, none where nothing is wanted."""
    if not wanted:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT c.reference FROM inventory_claim c
               JOIN unnest(%s::bigint[], %s::uuid[], %s::bigint[], %s::int[]) AS a(account, reference, sku, pieces)
                   ON a.reference = c.reference AND c.account_id = a.account AND c.sku_id = a.sku AND c.quantity = a.pieces
               WHERE c.state = 'open' ORDER BY c.id FOR UPDATE OF c""",
            [list(column) for column in zip(*(row[:4] for row in wanted), strict=True)],
        )
        return {row[0] for row in cursor.fetchall()}


def buy(wanted: Sequence[tuple[int, uuid.UUID, int, int, dt.datetime | None]]) -> dict[uuid.UUID, bool]:
    """Claims that an order's lines name: (account, reference, sku, pieces, the order's own end) in the caller's transaction.

    {reference: whether goods are held by it} of those that are open and fit; the order holds them now, until its end.
    Two statements, none where nothing is wanted.
    """
    if not wanted:
        return {}
    columns = [list(column) for column in zip(*wanted, strict=True)]
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH asked AS (SELECT * FROM unnest(%s::bigint[], %s::uuid[], %s::bigint[], %s::int[], %s::timestamptz[])
                    AS a(account, reference, sku, pieces, until)),
                 mine AS (SELECT c.id, a.until FROM inventory_claim c JOIN asked a ON a.reference = c.reference
                    WHERE c.state = 'open' AND c.account_id = a.account AND c.sku_id = a.sku AND c.quantity = a.pieces
                    ORDER BY c.id FOR UPDATE OF c)
               UPDATE inventory_claim c SET state = 'bought', expires_at = greatest(c.expires_at, m.until)
               FROM mine m WHERE c.id = m.id RETURNING c.reference, c.later_on IS NULL, c.expires_at""",
            columns,
        )
        bought = cursor.fetchall()
        held = [(reference, until) for reference, here, until in bought if here]
        if held:
            cursor.execute(
                """UPDATE inventory_reservation r SET expires_at = v.until FROM unnest(%s::uuid[], %s::timestamptz[])
                       AS v(reference, until) WHERE r.reference = v.reference AND r.state = 'active'""",
                [[row[0] for row in held], [row[1] for row in held]],
            )
    return {reference: here for reference, here, _until in bought}
