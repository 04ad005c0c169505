"""Purchase orders as the WMS tells them become ours: the newest version stands, and what is received is what the ledger says."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.db import connection
from django.utils.translation import gettext as _

from inventory.models import Supplier
from inventory.providers import purchases, stockins
from inventory.queries import find_sku, sku_codes
from orderhub.inbound.processing import PayloadRow, Verdict
from orderhub.integrations.models import Connection

Key = tuple[int, str]  # connection, number


def take_in(rows: list[PayloadRow]) -> dict[int, Verdict]:
    """Read kept purchase orders; an older version than the one that stands changes nothing. Constant SQL."""
    accounts = Connection.objects.in_bulk({row.connection_id for row in rows})
    houses = stockins.warehouses(accounts.values())
    table = sku_codes()
    verdicts: dict[int, Verdict] = {}
    newest: dict[Key, tuple[purchases.Purchase, int, dict[int, purchases.Ordered]]] = {}
    for row in rows:
        account = accounts[row.connection_id]
        try:
            found = purchases.parse(row.raw)
            house = houses[account.id].get(found.warehouse)
            if house is None:
                raise stockins.Unreadable(
                    "no_warehouse", _("Unknown warehouse: %(code)s") % {"code": found.warehouse}
                )
            lines = _lines(found.lines, account.code, table)
        except stockins.Unreadable as error:
            verdicts[row.id] = Verdict.set_aside(error.code, error.text)
            continue
        verdicts[row.id] = Verdict.parsed()
        key = (account.id, found.number)
        if key not in newest or newest[key][0].changed <= found.changed:
            newest[key] = (found, house, lines)
    if newest:
        _write(newest)
        count_received(newest)
    return verdicts


def _lines(
    told: Iterable[purchases.Ordered], system: str, table: dict[tuple[str, str], int]
) -> dict[int, purchases.Ordered]:
    """{sku: line}; two lines of one SKU are one. Unreadable for a code that is not known."""
    made: dict[int, purchases.Ordered] = {}
    for line in told:
        sku_id = find_sku(system, line.code, table)
        if sku_id is None:
            raise stockins.Unreadable("no_sku", _("Unknown goods code: %(code)s") % {"code": line.code})
        before = made.get(sku_id)
        made[sku_id] = line if before is None else purchases.Ordered(
            line.code, before.quantity + line.quantity, before.stopped + line.stopped, line.price or before.price
        )  # fmt: skip
    return made


def _write(newest: dict[Key, tuple[purchases.Purchase, int, dict[int, purchases.Ordered]]]) -> None:
    suppliers = {found.supplier: found.supplier_name for found, _house, _lines in newest.values()}
    Supplier.objects.bulk_create(
        [Supplier(code=code, name=name or code) for code, name in sorted(suppliers.items())],
        ignore_conflicts=True,
    )
    ids = dict(Supplier.objects.filter(code__in=suppliers).values_list("code", "id"))
    columns = list(zip(*(
        (key[0], found.number, ids[found.supplier], house, found.state, found.ordered_at, found.expected_at, found.changed)
        for key, (found, house, _lines) in sorted(newest.items())
    ), strict=True))  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO inventory_purchaseorder AS kept
                   (connection_id, number, supplier_id, warehouse_id, state, ordered_at, expected_at, changed)
               SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[],
                                    %s::timestamptz[], %s::text[])
               ON CONFLICT (connection_id, number) DO UPDATE SET supplier_id = EXCLUDED.supplier_id,
                   warehouse_id = EXCLUDED.warehouse_id, state = EXCLUDED.state, ordered_at = EXCLUDED.ordered_at,
                   expected_at = EXCLUDED.expected_at, changed = EXCLUDED.changed
               WHERE kept.changed <= EXCLUDED.changed
               RETURNING id, connection_id, number""",
            [list(column) for column in columns],
        )
        written = {(account, number): identity for identity, account, number in cursor.fetchall()}
        told = [
            (written[key], sku_id, line.quantity, line.stopped, line.price)
            for key, (_found, _house, lines) in sorted(newest.items())
            if key in written
            for sku_id, line in sorted(lines.items())
        ]
        cursor.execute(
            """DELETE FROM inventory_purchaseline WHERE order_id = ANY(%s)
               AND (order_id, sku_id) NOT IN (SELECT * FROM unnest(%s::bigint[], %s::bigint[]))""",
            [list(written.values()), [t[0] for t in told], [t[1] for t in told]],
        )
        cursor.execute(
            """INSERT INTO inventory_purchaseline (order_id, sku_id, ordered, stopped, price, received)
               SELECT *, 0 FROM unnest(%s::bigint[], %s::bigint[], %s::int[], %s::int[], %s::numeric[])
               ON CONFLICT (order_id, sku_id) DO UPDATE SET ordered = EXCLUDED.ordered, stopped = EXCLUDED.stopped,
                   price = EXCLUDED.price""",
            [list(column) for column in zip(*told, strict=True)] if told else [[], [], [], [], []],
        )


def count_received(keys: Collection[Key]) -> None:
    """Make `received` what the ledger says of these purchase orders; a receipt seen twice is in the ledger once.

    Also when a receipt came before its order. One statement.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH asked AS (
                   SELECT p.id, p.connection_id, p.number FROM inventory_purchaseorder p
                   JOIN unnest(%s::bigint[], %s::text[]) AS k (account, number)
                     ON p.connection_id = k.account AND p.number = k.number)
               UPDATE inventory_purchaseline l SET received = coalesce((
                   SELECT sum(m.on_hand_change) FROM inventory_movement m
                   WHERE m.sku_id = l.sku_id AND m.kind = 'receive' AND m.reason = a.number
                     AND m.reference LIKE 'stockin:' || a.connection_id || ':%%'), 0)
               FROM asked a WHERE l.order_id = a.id""",
            [[key[0] for key in keys], [key[1] for key in keys]],
        )
