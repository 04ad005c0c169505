"""Who plays in a drill: shops, warehouses with bins and stock, and every account, pointed at the sandbox."""

from __future__ import annotations

import csv
from collections.abc import Iterable
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

    markets: dict[str, Shop]
    own_shop: Shop
    houses: dict[str, Warehouse]
    skus: dict[str, int]
    accounts: dict[str, Connection]

    @property
    def taobao(self) -> Shop:
        return self.markets["taobao"]

    def point(self, channel: str, url: str) -> None:
        """The account of this channel's shop speaks to the sandbox at `url` from now on."""
        Connection.objects.filter(id=self.accounts[channel].id).update(base_url=f"{url}/{channel}")


def set_up(url: str = NOWHERE, *, bins: int = 4, stock: int = 1_000_000) -> Cast:
    """Shops, accounts at `url`, two warehouses, every SKU of the sandbox with `stock` pieces in some bin of each."""
    options: dict[str, dict[str, Any]] = {
        "wangdiantong": {"shop_no": CREDENTIALS["wangdiantong"]["shop_no"]},
        "kingdee": {"customers": {"taobao": "TB001", "own": "OWN001"}, "customer": "ONLINE"},
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
    markets = {
        channel: Shop.objects.create(
            code=channel, name=name, channel=channel, connection=accounts[channel], duplicate_mode="off"
        )
        for channel, name in MARKETS.items()
    }
    own = Shop.objects.create(
        code="own", name="自营店", channel="own_shop", connection=accounts["own_shop"], duplicate_mode="off",
    )  # fmt: skip
    own.payment_connections.add(accounts["alipay"])
    forget()
    return Cast(markets, own, houses, {sku.code: sku.id for sku in made}, accounts)


MARKETS = {"taobao": "淘宝店", "pinduoduo": "拼多多店", "douyin": "抖音店"}
ACCOUNTS = {
    **{channel: f"{channel}-main" for channel in MARKETS},
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


__all__ = ["DATA", "Cast", "end_leases", "forget", "scalar", "set_up"]
