"""The cast of the parcel tests: a routed order of the own shop and one of Taobao, three kinds of warehouses."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from inventory.models import Bin, Movement, Sku, Stock, Warehouse
from inventory.operations.receive import opening
from logistics.models import Parcel
from orderhub import crypto, modules
from orderhub.models import Connection
from orders.models import Line, Order, Receiver, Shop

_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def fresh_caches() -> None:
    modules.forget()


class House:
    """Accounts, shops, warehouses and goods; `order()` makes one order in the state one asks for."""

    def __init__(self, url: str = "http://127.0.0.1:1") -> None:
        self.accounts = {
            platform: Connection.objects.create(
                code=code, platform=platform, name=platform, base_url=f"{url}/{platform}", options=options
            )
            for platform, code, options in (
                ("taobao", "taobao-main", {"user_id": "2200000000001"}),
                ("own_shop", "own-shop", {}),
                ("wangdiantong", "wdt-main", {"sid": "s", "shop_no": "OWN-SHOP"}),
                ("qimen", "qimen-main", {"customerId": "c1", "ownerCode": "OWNER"}),
                ("zto", "zto-main", {}),
                ("kuaidi100", "kuaidi100-main", {"salt": "pinch"}),
                ("aliyun_sms", "sms-main", {"sign_name": "晴川", "template_pickup_overdue": "SMS_1"}),
            )
        }
        self.shops = {
            channel: Shop.objects.create(
                code=channel, name=channel, channel=channel, connection=self.accounts[channel]
            )
            for channel in ("taobao", "own_shop")
        }
        wdt = self.accounts["wangdiantong"]
        common = {
            "province": "浙江省",
            "city": "杭州市",
            "district": "滨江区",
            "address": "江陵路88号",
            "contact": "李仓",
        }
        self.houses = {
            "HZ01": Warehouse.objects.create(
                code="HZ01", name="杭州自建仓", wms=wdt, manager_phone="13900000001", **common
            ),
            "SH01": Warehouse.objects.create(
                code="SH01", name="上海小仓", manager_phone="13900000002", **common
            ),
        }
        self.bins = {
            code: Bin.objects.create(warehouse=house, code=f"{code}-A-01", walk_order=5)
            for code, house in self.houses.items()
        }
        self.sku = Sku.objects.create(code="CUP-1", name="马克杯", weight_g=300)
        opening([(self.sku.id, place.id, 1000) for place in self.bins.values()])

    def order(
        self, channel: str = "own_shop", warehouse: str = "HZ01", state: str = "routed", **columns: Any
    ) -> Order:
        n = next(_numbers)
        now = timezone.now()
        made = Order.objects.create(
            **{
                "number": f"OH26{n:07d}", "shop": self.shops[channel], "channel_number": f"35000000000{n:08d}",
                "state": state, "channel_state": "PAID", "channel_version": now, "ordered_at": now - dt.timedelta(hours=3),
                "paid_at": now - dt.timedelta(hours=3), "goods_amount": Decimal("24.00"), "payable": Decimal("29.00"),
                "freight": Decimal("5.00"), "piece_count": 2, "line_count": 1, "adcode": "330110",
                "warehouse": self.houses[warehouse], "carrier": "ZTO", "outlet_code": "ZTO-330110-1",
                **columns,
            }
        )  # fmt: skip
        line = Line.objects.create(
            order=made, channel_line="1", sku=self.sku, seller_code="CUP-1", title="马克杯", quantity=2,
            unit_price=Decimal("12.00"), payable=Decimal("29.00"), freight_share=Decimal("5.00"),
        )  # fmt: skip
        masked = channel == "taobao"
        plain = {"name": "王小明", "phone": "13812345678", "address": "文一西路969号3栋201"}
        Receiver.objects.create(
            order=made, visibility="masked" if masked else "plain", name_mask="王**", phone_mask="1**********",
            address_mask="****", province="浙江省", city="杭州市", district="余杭区", town="仓前街道", adcode="330110",
            plain_enc=None if masked else crypto.encrypt(json.dumps(plain).encode()),
            opaque_enc=crypto.encrypt(json.dumps({"oaid": f"oaid{n}"}).encode()) if masked else None,
        )  # fmt: skip
        self.reserve(line, warehouse)
        return made

    def reserve(self, line: Line, warehouse: str, sku: Sku | None = None) -> None:
        from inventory.models import Reservation

        place, goods = self.bins[warehouse], sku or self.sku
        Reservation.objects.create(
            reference=line.uuid,
            sku=goods,
            bin=place,
            warehouse_id=place.warehouse_id,
            quantity=line.quantity,
        )
        Movement.objects.create(
            sku=goods, bin=place, kind="reserve", reserved_change=line.quantity, reference=str(line.uuid)
        )
        stock = Stock.objects.get(sku=goods, bin=place)
        Stock.objects.filter(id=stock.id).update(reserved=stock.reserved + line.quantity)

    def parcel(self, order: Order, state: str = "planned", **columns: Any) -> Parcel:
        """A parcel of that order in that state, as planning and its steps would have left it."""
        from logistics.operations.plan import plan

        if not Parcel.objects.filter(order=order).exclude(state="voided").exists():
            plan()
        made = Parcel.objects.filter(order=order).exclude(state="voided").latest("id")
        n = next(_numbers)
        now = timezone.now()
        values: dict[str, Any] = {"state": state, **columns}
        if state != "planned":
            values.setdefault("waybill_no", f"7800000{n:07d}")
        if state in ("shipped", "signed"):
            values.setdefault("shipped_at", now - dt.timedelta(days=1))
        Parcel.objects.filter(id=made.id).update(**values)
        made.refresh_from_db()
        return made


@pytest.fixture
def house(db: None) -> House:
    return House()


@pytest.fixture
def open_gate(monkeypatch: pytest.MonkeyPatch) -> dict[int, Any]:
    """The channels' answer at the gate: everything may go on, but for what the test writes into the dict."""
    from orders.operations import recheck

    said: dict[int, Any] = {}

    def states(order_ids: list[int]) -> dict[int, recheck.ChannelState]:
        return {identity: said.get(identity, recheck.ChannelState(True)) for identity in order_ids}

    monkeypatch.setattr(recheck, "channel_states", states)
    return said
