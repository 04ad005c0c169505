"""Stock-in receipts put goods on the shelf, each exactly once however often, in whatever version, it is seen."""

from __future__ import annotations

from collections import Counter

from django.db import connection
from django.utils.translation import gettext as _

from inventory.models import Bin, Movement, PutAway
from inventory.operations.codes import note_unknown
from inventory.operations.purchases import count_received
from inventory.operations.receive import RETURN_BINS, shelve
from inventory.providers import stockins
from inventory.queries import find_sku, sku_codes
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations.models import Connection

Piece = tuple[int, int, str, bool, int]  # sku, warehouse, bin's code, sellable, quantity
#: Where goods go whose place the WMS does not name, and where damaged ones go.
ARRIVALS, DAMAGED = "INBOUND", RETURN_BINS["recondition"]


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read kept receipts: one that the ledger has already is parsed without effect, unless it says otherwise now."""
    accounts = Connection.objects.in_bulk({row.connection_id for row in rows})
    houses = stockins.warehouses(accounts.values())
    verdicts: dict[int, Verdict] = {}
    documents: dict[int, stockins.Document] = {}
    pieces: dict[int, list[Piece]] = {}
    unknown: dict[tuple[str, str], tuple[str, int]] = {}
    for row in rows:
        account = accounts[row.connection_id]
        try:
            documents[row.id] = stockins.parse(row.raw)
            pieces[row.id] = _pieces(documents[row.id], account.code, houses[account.id])
        except stockins.Unreadable as error:
            if error.code == "no_sku":
                unknown[account.code, error.about] = (
                    "",
                    unknown.get((account.code, error.about), ("", 0))[1] + 1,
                )
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
    note_unknown(unknown)
    references = {
        row.id: f"stockin:{row.connection_id}:{documents[row.id].number}"[:60]
        for row in rows
        if row.id in pieces
    }
    _lock(sorted(set(references.values())))
    known = _known(set(references.values()))
    bins = _bins({(house, code): good for found in pieces.values() for _s, house, code, good, _n in found})
    shelf: dict[str, list[tuple[int, int, int, str, str]]] = {}
    took: list[PutAway] = []
    for row in rows:
        if row.id not in pieces:
            continue
        reference, document = references[row.id], documents[row.id]
        wanted: Counter[tuple[int, int]] = Counter()
        for sku_id, house, code, _good, quantity in pieces[row.id]:
            wanted[sku_id, bins[house, code]] += quantity
        verdicts[row.id] = Verdict.parsed()
        if reference not in known:
            known[reference] = wanted
            times = document.received_at, document.shelved_at
            if times[0] is not None and times[1] is not None and times[0] <= times[1]:
                took.append(
                    PutAway(
                        reference=reference, warehouse_id=pieces[row.id][0][1], account_id=row.connection_id,
                        purchase=document.purchase[:40], pieces=sum(wanted.values()), received_at=times[0], shelved_at=times[1],
                    )
                )  # fmt: skip
            shelf.setdefault(accounts[row.connection_id].platform, []).extend(
                (*place, quantity, reference, document.purchase) for place, quantity in wanted.items()
            )
        elif known[reference] != wanted:
            text = _(
                "Receipt %(number)s was put on the shelf before with other quantities: count, then correct."
            )
            verdicts[row.id] = Verdict.set_aside("changed", text % {"number": document.number})
    PutAway.objects.bulk_create(took, ignore_conflicts=True)
    for platform, arrived in shelf.items():
        shelve(arrived, Movement.Kind.RECEIVE, platform)
    count_received({(row.connection_id, documents[row.id].purchase) for row in rows if row.id in pieces})
    return verdicts


def _lock(references: list[str]) -> None:
    """Two workers with two versions of one receipt: the second waits, and then sees the first one's ledger lines."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(r, 0)) FROM unnest(%s::text[]) AS r", [references]
        )


def _known(references: set[str]) -> dict[str, Counter[tuple[int, int]]]:
    """What the ledger has of these receipts: pieces by SKU and bin."""
    rows = Movement.objects.filter(kind=Movement.Kind.RECEIVE, reference__in=references)
    found: dict[str, Counter[tuple[int, int]]] = {}
    for reference, sku_id, bin_id, change in rows.values_list(
        "reference", "sku_id", "bin_id", "on_hand_change"
    ):
        found.setdefault(reference, Counter())[sku_id, bin_id] += change
    return found


def _pieces(document: stockins.Document, system: str, houses: dict[str, int]) -> list[Piece]:
    """What goes where; Unreadable where the warehouse or a code is not known."""
    house = houses.get(document.warehouse)
    if house is None:
        raise stockins.Unreadable(
            "no_warehouse", _("Unknown warehouse: %(code)s") % {"code": document.warehouse}
        )
    table = sku_codes()
    found: list[Piece] = []
    for arrived in document.arrived:
        sku_id = find_sku(system, arrived.code, table)
        if sku_id is None:
            text = _("Unknown goods code: %(code)s") % {"code": arrived.code}
            raise stockins.Unreadable("no_sku", text, arrived.code)
        place = DAMAGED if arrived.defect else arrived.position or ARRIVALS
        found.append((sku_id, house, place, not arrived.defect, arrived.quantity))
    return found


def _bins(wanted: dict[tuple[int, str], bool]) -> dict[tuple[int, str], int]:
    """The bins that the WMS names, made where we have none of that name; nothing is sold from the damaged ones."""
    Bin.objects.bulk_create(
        [
            Bin(warehouse_id=house, code=code, sellable=sellable, walk_order=9999)
            for (house, code), sellable in sorted(wanted.items())
        ],
        ignore_conflicts=True,
    )
    rows = Bin.objects.filter(
        warehouse_id__in={house for house, _code in wanted}, code__in={code for _house, code in wanted}
    )
    return {
        (house, code): identity for identity, house, code in rows.values_list("id", "warehouse_id", "code")
    }
