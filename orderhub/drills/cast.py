"""Who plays in a drill: shops, warehouses with bins and stock, and every account, pointed at the sandbox."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connection

import inventory.queries
from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from orderhub import modules
from orderhub.models import Connection
from orderhub.sandbox.credentials import CREDENTIALS
from orderhub.testing.connections import connection as account
from orders.models import Shop

DATA = Path(__file__).resolve().parents[1] / "sandbox" / "data"
NOWHERE = "http://127.0.0.1:1"
#: code, name, kind, district, priority, WMS
HOUSES = (
    ("HZ01", "杭州自建仓", "own", "萧山区", 10, "wangdiantong"),
    ("YH01", "余杭合作仓", "partner", "余杭区", 20, "wangdiantong"),
)


@dataclass
class Cast:
    """The named ones."""

    taobao: Shop
    own_shop: Shop
    houses: dict[str, Warehouse]
    skus: dict[str, int]
    accounts: dict[str, Connection]


def set_up(url: str = NOWHERE, *, bins: int = 4, stock: int = 1_000_000) -> Cast:
    """Shops, accounts at `url`, two warehouses, every SKU of the sandbox with `stock` pieces in some bin of each."""
    options: dict[str, dict[str, Any]] = {
        "wangdiantong": {"shop_no": CREDENTIALS["wangdiantong"]["shop_no"]},
        "kingdee": {"customers": {"taobao": "TB001", "own": "OWN001"}},
        "aliyun_sms": {"template_pickup_overdue": CREDENTIALS["aliyun_sms"]["template_pickup_overdue"]},
    }
    accounts = {
        name: account(name, url, code=code, options=options.get(name, {})) for name, code in ACCOUNTS.items()
    }
    houses = {
        code: Warehouse.objects.create(
            code=code, name=name, kind=kind, province="浙江省", city="杭州市", district=district, address="科技大道1号",
            contact="仓管", manager_phone="13800000001", priority=priority, wms=accounts[wms],
        )
        for code, name, kind, district, priority, wms in HOUSES
    }  # fmt: skip
    with (DATA / "skus.csv").open(encoding="utf-8") as file:
        goods = list(csv.DictReader(file))
    made = Sku.objects.bulk_create(
        Sku(code=row["code"], name=row["name_zh"][:120], weight_g=int(row["weight_g"])) for row in goods
    )
    shelves = {
        code: Bin.objects.bulk_create(Bin(warehouse=house, code=f"A-{n:02}") for n in range(1, bins + 1))
        for code, house in houses.items()
    }
    opening([(sku.id, row[n % bins].id, stock) for n, sku in enumerate(made) for row in shelves.values()])
    taobao = Shop.objects.create(
        code="taobao", name="淘宝店", channel="taobao", connection=accounts["taobao"], duplicate_mode="off"
    )
    own = Shop.objects.create(
        code="own", name="自营店", channel="own_shop", connection=accounts["own_shop"], duplicate_mode="off",
    )  # fmt: skip
    own.payment_connections.add(accounts["alipay"])
    forget()
    return Cast(taobao, own, houses, {sku.code: sku.id for sku in made}, accounts)


ACCOUNTS = {
    "taobao": "taobao-main",
    "own_shop": "own-shop",
    "alipay": "alipay-main",
    "wangdiantong": "wdt-main",
    "qimen": "qimen-main",
    "zto": "zto-main",
    "kuaidi100": "kuaidi100-main",
    "kingdee": "kingdee-main",
    "aliyun_sms": "sms-main",
}


def forget() -> None:
    """Drop what this process remembers of another database."""
    inventory.queries._codes = None
    modules.forget()


def end_leases(*tables: str) -> int:
    """Leases of killed workers end now, as they would by waiting: a drill lasts a minute, not an hour."""
    ended = 0
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                f"UPDATE {table} SET lease_until = now() - interval '1 second' WHERE lease_until > now()"
            )
            ended += cursor.rowcount
    return ended


def scalar(sql: str, params: Iterable[Any] = ()) -> Any:
    """One value of one row."""
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        row = cursor.fetchone()
    return row[0] if row else None


def sandbox_trades(ledger: Path) -> dict[str, str]:
    """{trade number: when it was changed last, "" where never} as the sandbox's own ledger has it."""
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as memory:
        numbers = [
            row[0]
            for row in memory.execute(
                "select key from entry where kind = 'source.order' and platform = 'taobao'"
            )
        ]
        changed = dict(
            memory.execute(
                "select substr(key, 7), json_extract(body, '$.modified') from state"
                " where platform = 'taobao' and key like 'trade:%'"
            ).fetchall()
        )
    return {number: changed.get(number) or "" for number in numbers}


__all__ = ["DATA", "Cast", "end_leases", "forget", "sandbox_trades", "scalar", "set_up"]
