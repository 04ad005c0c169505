"""C11: goods come back. A receipt is counted once by its key, however often it is told, and whoever tells it.

The stock follows the goods and not the money: sellable pieces go back to a sellable bin, the others to bins
that are not sold from. A receipt looks for its case (by number, then the open return, then one that was
refunded first) and opens one where nobody did. A closed order stays as it is: its return is in the case, the
ledger and the timeline.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.operations import receive
from inventory.queries import shipped
from orderhub.actors import Actor, platform
from orderhub.copying import update_rows
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.lifecycle import Outcome, Refusal, Writer, apply
from orders.cases import COLUMNS, LIVE, TABLE, next_number
from orders.lifecycle import BEFORE_SHIPPING, LIFECYCLE
from orders.models import Case, Line
from orders.providers import returns

#: What may become of a returned piece; `wrong` (not what we sold) and `missing` touch no stock.
DISPOSITIONS = ("resell", "recondition", "scrap", "wrong", "missing")
_NO_STOCK = ("wrong", "missing")
FOREVER = dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class Piece:
    """So many of one order line, and what becomes of them; of a bundle's part where `sku_id` names it."""

    line: uuid.UUID
    quantity: int
    disposition: str
    sku_id: int | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """One receipt of one order: `key` names it, `case` is the refund's number where somebody told it."""

    key: str
    at: dt.datetime
    warehouse_id: int
    pieces: tuple[Piece, ...]
    case: str = ""


@dataclass(slots=True)
class _Known:
    """What the database knows about the orders of a batch."""

    cases: dict[int, list[Case]] = field(default_factory=dict)
    lines: dict[int, dict[uuid.UUID, tuple[int | None, int]]] = field(
        default_factory=dict
    )  # line: (sku, sold)
    made: dict[uuid.UUID, dict[int, int]] = field(default_factory=dict)  # bundle's line: {part: pieces}
    taken: set[str] = field(default_factory=set)  # case numbers that other orders have


def receive_one(
    order_id: int, pieces: Sequence[Piece], warehouse_id: int, actor: Actor, *, case: str = "", key: str = ""
) -> Outcome:
    """Take one order's goods in by hand. A `key` that was used before is refused as known."""
    now = timezone.now()
    receipt = Receipt(key or f"hand-{now:%Y%m%d%H%M%S%f}", now, warehouse_id, tuple(pieces), case)
    return receive_many({order_id: receipt}, actor)


def receive_many(receipts: dict[int, Receipt], actor: Actor) -> Outcome:
    """Take one receipt an order in, in one transaction."""
    at = {order_id: receipt.at for order_id, receipt in receipts.items()}
    return apply(
        LIFECYCLE, "receive_return", list(receipts), actor=actor, params={"receipts": receipts}, occurred=at
    )


def receive_return(live: list[Any], writer: Writer) -> None:
    """The operation of the touch: cases, stock and event of each order's receipt.

    `writer.params["receipts"]` is {order id: Receipt}. Refused are: a receipt that is known, that names lines or
    dispositions which do not exist, or brings more pieces than were sold.
    """
    receipts: dict[int, Receipt] = writer.params.get("receipts", {})
    known = _read([row.id for row in live], [receipt.case for receipt in receipts.values() if receipt.case])
    changed: dict[int, dict[str, Any]] = {}
    shelf: list[tuple[int, int, int, str, str]] = []
    for row in live:
        receipt = receipts.get(row.id)
        cases, lines = known.cases.get(row.id, []), known.lines.get(row.id, {})
        refusal = _objection(receipt, cases, lines, known.made)
        if refusal is not None or receipt is None:
            writer.refuse({row.id: refusal or Refusal("no_receipt", _("Say what came back."), FOREVER)})
            continue
        came = [
            {
                "line": str(piece.line),
                "quantity": piece.quantity,
                "disposition": piece.disposition,
                "receipt": receipt.key,
                **({"sku": piece.sku_id} if piece.sku_id is not None else {}),
            }
            for piece in receipt.pieces
        ]
        case = _case_of(receipt, cases)
        if case is None:
            free = bool(receipt.case) and len(receipt.case) <= 40 and receipt.case not in known.taken
            number = receipt.case if free else next_number(row.number, cases)
            known.taken.add(number)
            reason = _("Goods came back without a case")
            writer.copy(TABLE, (*COLUMNS, "received_at"),
                        (number, row.id, "return", "received", 0, came, reason, receipt.key, receipt.at))  # fmt: skip
        else:
            number = case.number
            changed[case.id] = {
                "lines": [*case.lines, *came], "receipt_key": receipt.key, "received_at": receipt.at,
                "state": str(Case.State.RECEIVED if case.state == Case.State.OPEN else case.state),
            }  # fmt: skip
        for place, piece in enumerate(receipt.pieces):
            if piece.disposition not in _NO_STOCK:
                for sku_id, count in _goods(piece, lines, known.made).items():
                    name = f"{receipt.key}/{place}" + (f"/{sku_id}" if piece.line in known.made else "")
                    reference = f"{uuid.uuid5(piece.line, name)}"
                    shelf.append((sku_id, receipt.warehouse_id, count, reference, piece.disposition))
        writer.context.setdefault("data", {})[row.id] = {
            "case": number, "receipt": receipt.key, "pieces": sum(piece.quantity for piece in receipt.pieces),
            "dispositions": sorted({piece.disposition for piece in receipt.pieces}),
        }  # fmt: skip

    def put_away() -> None:
        update_rows(TABLE, "id", changed)
        if shelf:
            receive.receive_return(shelf, writer.actor.name)

    writer.finish(put_away)


def _read(order_ids: list[int], numbers: list[str]) -> _Known:
    known = _Known(taken=set(Case.objects.filter(number__in=numbers).values_list("number", flat=True)))
    for case in Case.objects.filter(order_id__in=order_ids).order_by("id"):
        known.cases.setdefault(case.order_id, []).append(case)
    rows = Line.objects.filter(order_id__in=order_ids).values_list("order_id", "uuid", "sku_id", "quantity")
    for order_id, line, sku_id, quantity in rows:
        known.lines.setdefault(order_id, {})[line] = (sku_id, quantity)
    known.made = parts_sold(order_ids)
    return known


def parts_sold(order_ids: Sequence[int]) -> dict[uuid.UUID, dict[int, int]]:
    """{line of a bundle: {part: pieces}} as the ledger has it leave the house. Two statements."""
    line_of: dict[uuid.UUID, uuid.UUID] = {}
    sold: dict[uuid.UUID, int | None] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT l.uuid, l.uuid, l.sku_id FROM orders_line l WHERE l.order_id = ANY(%(ids)s)
               UNION ALL SELECT h.reference, l.uuid, l.sku_id FROM orders_share h JOIN orders_line l ON l.uuid = h.line_id
               WHERE h.order_id = ANY(%(ids)s)""",
            {"ids": list(order_ids)},
        )
        for reference, line, sku_id in cursor.fetchall():
            line_of[reference], sold[line] = line, sku_id
    made: dict[uuid.UUID, dict[int, int]] = {}
    for reference, pieces in shipped(line_of).items():
        mine = made.setdefault(line_of[reference], {})
        for sku_id, count in pieces.items():
            mine[sku_id] = mine.get(sku_id, 0) + count
    return {line: pieces for line, pieces in made.items() if set(pieces) != {sold[line]}}


def _goods(
    piece: Piece,
    lines: dict[uuid.UUID, tuple[int | None, int]],
    made: dict[uuid.UUID, dict[int, int]],
) -> dict[int, int]:
    """{sku: pieces} behind a returned piece: the line's own goods, or a bundle's parts; {} where none is known."""
    sku_id, sold = lines[piece.line]
    if piece.sku_id is not None:
        return {piece.sku_id: piece.quantity}
    if piece.line in made:
        return {part: count * piece.quantity // sold for part, count in made[piece.line].items()}
    return {} if sku_id is None else {sku_id: piece.quantity}


def _objection(
    receipt: Receipt | None,
    cases: list[Case],
    lines: dict[uuid.UUID, tuple[int | None, int]],
    made: dict[uuid.UUID, dict[int, int]],
) -> Refusal | None:
    if receipt is None or not receipt.pieces:
        return Refusal("no_receipt", _("Say what came back."), FOREVER)
    back: dict[tuple[uuid.UUID, int], int] = {}

    def count(piece: Piece) -> bool:
        """Whether there is still room for the piece among what was sold."""
        goods = _goods(piece, lines, made) or {0: piece.quantity}
        room = made.get(piece.line) or {next(iter(goods)): lines[piece.line][1]}
        for sku_id, pieces in goods.items():
            back[piece.line, sku_id] = back.get((piece.line, sku_id), 0) + pieces
        return all(back[piece.line, sku_id] <= room.get(sku_id, 0) for sku_id in goods)

    for case in cases:
        for entry in case.lines:
            if "receipt" in entry:
                if entry["receipt"] == receipt.key:
                    return Refusal("known", _("This receipt was taken in before."), FOREVER)
                if uuid.UUID(entry["line"]) in lines:
                    count(Piece(uuid.UUID(entry["line"]), int(entry["quantity"]), "", entry.get("sku")))
    for piece in receipt.pieces:
        if piece.line not in lines or piece.quantity < 1:
            return Refusal("no_such_line", _("The order has no such line."), FOREVER)
        if piece.sku_id is not None and piece.sku_id not in made.get(piece.line, {}):
            return Refusal("no_such_line", _("The order has no such line."), FOREVER)
        if piece.disposition not in DISPOSITIONS:
            return Refusal(
                "no_such_disposition",
                _("Unknown disposition: %(word)s") % {"word": piece.disposition},
                FOREVER,
            )
        if not count(piece):
            return Refusal("too_many", _("More pieces came back than were sold."), FOREVER)
    return None


def _case_of(receipt: Receipt, cases: list[Case]) -> Case | None:
    goods = [case for case in cases if case.kind != Case.Kind.REFUND]
    named = [case for case in cases if receipt.case and case.number == receipt.case]
    waiting = [case for case in goods if case.state in LIVE]
    paid_first = [case for case in goods if case.state == Case.State.DONE and case.received_at is None]
    return next(iter([*named, *waiting, *paid_first]), None)


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read the WMS's return receipts: matched to their orders by number, to their lines by line or code."""
    verdicts: dict[int, Verdict] = {}
    documents: dict[int, returns.Document] = {}
    for row in rows:
        try:
            documents[row.id] = returns.parse(row.raw)
        except returns.Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
    orders = _orders({number for document in documents.values() for number in document.numbers()})
    systems = returns.systems({row.connection_id for row in rows})
    every = sorted({order_id for found in orders.values() for order_id, _state in found})
    lines, bundles = _lines(every), parts_sold(every)
    rounds: list[dict[int, tuple[int, Receipt]]] = []
    for row in rows:
        if row.id not in documents:
            continue
        document = documents[row.id]
        matched = {hit for number in document.numbers() for hit in orders.get(number, ())}
        if len(matched) != 1:
            text = _("No order is known under %(number)s.") % {"number": document.order_number}
            several = _("Several orders are known under %(number)s.") % {"number": document.order_number}
            verdicts[row.id] = (
                Verdict.set_aside("ambiguous", several) if matched else Verdict.wait("no_order", text)
            )
            continue
        order_id, state = matched.pop()
        if state in BEFORE_SHIPPING:
            text = _("Goods came back of an order that is not shipped here yet.")
            verdicts[row.id] = Verdict.wait("not_shipped", text)
            continue
        try:
            receipt = returns.receipt_of(
                document, lines.get(order_id, []), systems[row.connection_id], bundles
            )
        except returns.Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text, order_id)
            continue
        made = Receipt(
            document.key,
            document.at,
            receipt[0],
            tuple(Piece(*piece) for piece in receipt[1]),
            document.refund,
        )
        place = next((one for one in rounds if order_id not in one), None)
        if place is None:
            rounds.append(place := {})
        place[order_id] = (row.id, made)
    for one in rounds:
        outcome = receive_many(
            {order_id: made for order_id, (_id, made) in one.items()}, platform("wangdiantong")
        )
        for order_id, (payload_id, _made) in one.items():
            verdicts[payload_id] = _verdict(order_id, outcome)
    return verdicts


def _verdict(order_id: int, outcome: Outcome) -> Verdict:
    refusal = outcome.refused.get(order_id)
    if refusal is None or refusal.code == "known":
        return Verdict.parsed(order_id)
    if refusal.code == "module_off":
        return Verdict.wait(refusal.code, refusal.text)
    return Verdict.set_aside(refusal.code, refusal.text, order_id)


def _orders(numbers: set[str]) -> dict[str, list[tuple[int, str]]]:
    """{number: [(order id, state)]} by our own or the channel's number."""
    found: dict[str, list[tuple[int, str]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT number, id, state FROM orders_order WHERE number = ANY(%s)
               UNION SELECT channel_number, id, state FROM orders_order WHERE channel_number = ANY(%s)""",
            [list(numbers), list(numbers)],
        )
        for number, order_id, state in cursor.fetchall():
            found.setdefault(number, []).append((order_id, state))
    return found


def _lines(order_ids: list[int]) -> dict[int, list[returns.SoldLine]]:
    rows = Line.objects.filter(order_id__in=order_ids).values_list(
        "order_id", "uuid", "channel_line", "sku_id", "seller_code", "quantity"
    )
    found: dict[int, list[returns.SoldLine]] = {}
    for order_id, line, channel_line, sku_id, seller_code, quantity in rows:
        sold = returns.SoldLine(line, channel_line, sku_id, seller_code, quantity)
        found.setdefault(order_id, []).append(sold)
    return found
