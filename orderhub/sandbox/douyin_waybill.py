"""Douyin's e-waybills: a number belongs to (carrier, order, pack) and to the order's present ciphertext."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from typing import Any

from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.douyin_errors import Refused, business, missing, wrong
from orderhub.sandbox.douyin_orders import COMPANIES, Orders
from orderhub.sandbox.places import CARRIERS
from orderhub.sandbox.world import SourceOrder, World

BALANCE = 120_000
SENDERS = (  # the two warehouses of our own, as the shop's outlets spell them
    {"country_code": "CHN", "province_name": "浙江省", "city_name": "杭州市", "district_name": "滨江区",
     "street_name": "长河街道", "detail_address": "江陵路88号2幢1楼"},
    {"country_code": "CHN", "province_name": "上海市", "city_name": "上海市", "district_name": "青浦区",
     "street_name": "华新镇", "detail_address": "华腾路1288号1号库"},
)  # fmt: skip
SITES = {  # code: (outlet code, outlet, type, number prefix, digits after it)
    "zhongtong": ("57120", "杭州滨江网点", 2, "75", 12),
    "yuantong": ("571120", "杭州滨江一部", 2, "YT8", 12),
    "shentong": ("310020", "杭州滨江", 2, "772", 12),
    "yunda": ("311120", "杭州滨江网点", 2, "46", 13),
    "shunfeng": ("571", "杭州分部", 1, "SF3", 12),
}
#: Provinces to which a carrier does not deliver, from the start; a drive adds districts and towns.
GAPS = {"yunda": ("西藏自治区", "新疆维吾尔自治区"), "shentong": ("西藏自治区",)}
TAOBAO_CODES = {word: code for code, (word, _name) in CARRIERS.items()}
SHIPPABLE = (2, 3, 101)
PACK = re.compile(r"[A-Za-z0-9_]{1,15}")
Params = dict[str, Any]


class Waybills:
    """Seven methods; ``methods`` is mounted by the gateway."""

    def __init__(self, world: World, orders: Orders) -> None:
        self.world = world
        self.orders = orders
        self.methods: dict[str, Callable[[Params], Params]] = {
            "logistics.listShopNetsite": self.netsites,
            "logistics.newCreateOrder": self.create,
            "logistics.waybillApply": self.apply,
            "logistics.updateOrder": self.update,
            "logistics.cancelOrder": self.cancel,
            "logistics.getOutRange": self.out_range,
            "logistics.templateList": self.templates,
            "logistics.getShopKey": lambda params: {"key": self._opaque("shop-key", 24)},
        }

    def netsites(self, params: Params) -> Params:
        used = self.world.ledger.recall("douyin", "waybills_used", {})
        given_back = self.world.ledger.recall("douyin", "waybills_back", {})
        rows = [
            {
                "netsite_code": site,
                "netsite_name": name,
                "amount": str(BALANCE - used.get(code, 0)),
                "allocated_quantity": used.get(code, 0),
                "cancelled_quantity": given_back.get(code, 0),
                "recycled_quantity": -1,
                "company": code,
                "company_type": kind,
                "sender_address": list(SENDERS),
            }
            for code, (site, name, kind, _, _) in SITES.items()
            if params.get("logistics_code") in ("", None, code)
        ]
        return {"netsites": rows}

    def create(self, params: Params) -> Params:
        carrier, rows = params.get("logistics_code"), params.get("order_infos")
        if carrier not in SITES:
            raise business(10711, "店铺未与该快递公司签约")
        if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
            raise missing("order_infos")
        if len(rows) > 50:
            raise wrong("order_infos", "一次最多取50个面单号")
        self._check_sender(params.get("sender_info"))
        good: list[Params] = []
        bad: list[Params] = []
        with self.world.lock:
            for row in rows:
                try:
                    good.append(self._number(carrier, row))
                except Refused as error:
                    bad.append(
                        {
                            "order_id": row.get("order_id"),
                            "pack_id": row.get("pack_id") or "",
                            "err_code": error.sub_code,
                            "err_msg": error.sub_msg,
                        }
                    )
        return {"ebill_infos": good, "err_infos": bad}

    def apply(self, params: Params) -> Params:
        asked = params.get("waybill_applies")
        if not isinstance(asked, list) or not asked:
            raise missing("waybill_applies")
        if len(asked) > 10:
            raise wrong("waybill_applies", "一次最多10个")
        good: list[Params] = []
        bad: list[Params] = []
        for row in asked:
            number = str(row.get("track_no") or "")
            kept, waybill = self._kept(number), self.world.waybill(number)
            if kept is None or waybill is None or waybill["state"] == "cancelled":
                said = {"err_code": "isv.business-failed:1003", "err_msg": "运单号不存在或已取消"}
                bad.append({"track_no": number, "order_id": "", **said})
                continue
            seal = f"{number}:{kept['version']}"
            good.append(
                {
                    "order_id": kept["order"],
                    "track_no": number,
                    "print_data": self._opaque(seal, 240),
                    "sign": self._opaque("sign" + seal, 40),
                }
            )
        return {"waybill_infos": good, "err_infos": bad}

    def update(self, params: Params) -> Params:
        number = str(params.get("track_no") or "")
        with self.world.lock:
            kept = self._live(number, params.get("logistics_code"))
            order = self.orders.orders[kept["order"]]
            if params.get("receiver_info"):
                self._check_receiver(order, params["receiver_info"])
            kept = {**kept, "version": kept["version"] + 1, "to": self._to(order)}
            self.world.ledger.remember("douyin", "number:" + number, kept)
        return self._sorting(kept)

    def cancel(self, params: Params) -> Params:
        number = str(params.get("track_no") or "")
        with self.world.lock:
            waybill = self.world.waybill(number)
            if self._kept(number) is not None and waybill and waybill["state"] == "cancelled":
                self.world.ledger.record("douyin", "waybill.cancel", number, {"again": True}, effect=False)
                raise business(1102, "运单已取消，请勿重复取消")
            kept = self._live(number, params.get("logistics_code"))
            if self._picked_up(kept["order"]):
                raise business(1105, "运单已揽收，不可取消")
            self.world.cancel_waybill(number)
            back = self.world.ledger.recall("douyin", "waybills_back", {})
            back[kept["carrier"]] = back.get(kept["carrier"], 0) + 1
            with self.world.ledger.together():
                self.world.ledger.remember("douyin", "waybills_back", back)
                self.world.ledger.record("douyin", "waybill.cancel", number, {"number": kept["order"]})
        return {"cancel_result": {"success": True}}

    def out_range(self, params: Params) -> Params:
        carrier, kind, to = params.get("logistics_code"), params.get("type"), params.get("receiver_address")
        if carrier not in COMPANIES:
            raise wrong("logistics_code", "快递公司编码不存在")
        if kind not in (0, 1, 2):
            raise wrong("type", "type 取值为 0、1、2")
        to = to if isinstance(to, dict) else {}
        if kind != 1 and not (to.get("province_name") and to.get("detail_address")):
            raise missing("receiver_address")
        if kind != 2 and not isinstance(params.get("sender_address"), dict):
            raise missing("sender_address")
        parts = ("province_name", "city_name", "district_name", "street_name")
        out = kind != 1 and self._gap(carrier, *(str(to.get(part) or "") for part in parts))
        return {"is_out_range": out, "out_range_reason": "4" if out else ""}

    def templates(self, params: Params) -> Params:
        rows = [
            {
                "logistics_code": code,
                "template_infos": [
                    {
                        "template_id": 100 + n,
                        "template_code": f"{code}_one_76x130",
                        "template_name": f"{COMPANIES[code]}一联单",
                        "template_url": f"https://sf3-ttcdn-tos.pstatp.com/obj/logistics-davinci/template/{code}.xml",
                        "version": 3,
                        "template_type": 1,
                        "perview_url": "",
                    }
                ],
            }
            for n, code in enumerate(SITES)
            if params.get("logistics_code") in ("", None, code)
        ]
        return {"template_data": rows}

    def shut(self, carrier: str, names: list[str]) -> None:
        """From now on the carrier delivers to no place of these names, at whichever level."""
        with self.world.lock:
            self.world.ledger.remember("douyin", "gaps:" + carrier, names)

    def _gap(self, carrier: str, *names: str) -> bool:
        shut = {*GAPS.get(carrier, ()), *self.world.ledger.recall("douyin", "gaps:" + carrier, [])}
        return not shut.isdisjoint(names)

    def _check_sender(self, sender: Any) -> None:
        if not isinstance(sender, dict) or not isinstance(sender.get("address"), dict):
            raise missing("sender_info")
        contact = sender.get("contact") or {}
        if not contact.get("name") or not (contact.get("mobile") or contact.get("phone")):
            raise Refused(40004, "业务参数不合法", "isv.parameter-invalid:4006", "寄件人姓名或电话缺失")
        if {name: sender["address"].get(name) or "" for name in SENDERS[0]} not in SENDERS:
            raise Refused(
                40004, "业务参数不合法", "isv.parameter-invalid:1000", "发货地址与网点签约地址不一致"
            )

    def _check_receiver(self, order: SourceOrder, to: Any) -> None:
        """Plain text is refused and so is ciphertext of an address that has changed since."""
        if not isinstance(to, dict) or not isinstance(to.get("address"), dict):
            raise missing("receiver_info")
        address, contact, sealed = to["address"], to.get("contact") or {}, self.orders.sealed(order)
        given = (contact.get("name"), contact.get("mobile"), address.get("detail_address"))
        if given != (sealed["receiver"], sealed["tel"], sealed["detail"]):
            raise business(1000, "收件人信息与订单密文不一致，请重新获取订单")
        real = self.orders.receiver(order)
        names = (address.get("province_name"), address.get("city_name"), address.get("district_name"))
        if names != (real.province, real.city, real.district):
            raise business(1000, "收件地址省市区与订单不一致")
        if bool(address.get("street_name")) != bool(address.get("street_code")):
            raise business(1000, "街道名称与街道编码需同时传入")

    def _order(self, row: Params) -> SourceOrder:
        number = str(row.get("order_id") or "")
        order = self.orders.orders.get(number)
        if order is None:
            raise business(15002, f"订单 {number} 不存在")
        if self.orders.status(order) not in SHIPPABLE:
            raise business(15002, "订单状态不允许取号")
        return order

    def _number(self, carrier: str, row: Params) -> Params:
        """The old number for the same order and pack, else a new one."""
        order = self._order(row)
        pack = row.get("pack_id") or ""
        if pack and not PACK.fullmatch(str(pack)):
            raise wrong("pack_id", "pack_id 最长15位字母、数字、下划线")
        items = row.get("items")
        if not isinstance(items, list) or not items or not all(i.get("item_name") for i in items):
            raise missing("items")
        if row.get("extra") == "null":
            raise wrong("extra", "extra 不能为 null")
        orders, merged = [order.number], row.get("combine_orders") or []
        if merged and order.number not in merged:
            raise business(10003, "合并订单中应包含主订单")
        for other in merged:
            mate = self._order({"order_id": other})
            if self.orders.address_id(mate) != self.orders.address_id(order):
                raise business(10003, "合并订单的收件人不一致")
            orders.append(mate.number)
        self._check_receiver(order, row.get("receiver_info"))
        to = self.orders.receiver(order)
        if self._gap(carrier, to.province, to.city, to.district, to.town):
            raise business(10724, "收件地址超出派送范围")
        ledger, key = self.world.ledger, f"{carrier}:{order.number}/{pack}"
        number = ledger.recall("douyin", "pack:" + key)
        if number:
            again = {"waybill_code": number, "again": True}
            ledger.record("douyin", "waybill.number", key, again, effect=False)
        else:
            number = self._take(carrier, order, key, sorted(set(orders)))
        kept = self._kept(number)
        assert kept is not None
        return {
            "order_id": order.number,
            "pack_id": pack,
            "track_no": number,
            "company": carrier,
            **self._sorting(kept),
            "sub_waybill_codes": "",
            "extra_resp": "",
            "shipping_code": "",
            "hint_msg": "",
        }

    def _take(self, carrier: str, order: SourceOrder, key: str, orders: list[str]) -> str:
        ledger = self.world.ledger
        used = ledger.recall("douyin", "waybills_used", {})
        used[carrier] = used.get(carrier, 0) + 1
        *_, prefix, digits = SITES[carrier]
        tail = hashlib.sha256(f"{self.world.seed}:{key}:{used[carrier]}".encode()).digest()
        number = prefix + f"{used[carrier]:06d}" + f"{int.from_bytes(tail[:8], 'big'):020d}"[: digits - 6]
        with ledger.together():
            ledger.remember("douyin", "waybills_used", used)
            ledger.remember("douyin", "pack:" + key, number)
            kept = {"carrier": carrier, "order": order.number, "version": 1, "to": self._to(order)}
            ledger.remember("douyin", "number:" + number, kept)
            self.world.take_waybill(number, TAOBAO_CODES[carrier], order.number, "douyin", orders=orders)
            ledger.record(
                "douyin", "waybill.number", key, {"waybill_code": number, "orders": orders, "sealed": True}
            )
        return number

    def _kept(self, number: str) -> Params | None:
        found: Params | None = self.world.ledger.recall("douyin", "number:" + number)
        return found

    def _live(self, number: str, carrier: Any) -> Params:
        kept = self._kept(number)
        if kept is None or kept["carrier"] != carrier:
            raise business(8018, "运单对应的订单信息不存在")
        return kept

    def _to(self, order: SourceOrder) -> list[str]:
        to = self.orders.receiver(order)
        return [to.city, to.district]

    def _sorting(self, kept: Params) -> Params:
        city, district = kept["to"]
        lot = int.from_bytes(hashlib.sha256((city + district).encode()).digest()[:3], "big")
        return {
            "sort_code": f"{lot % 900 + 100}-{lot // 900 % 90 + 10}-{lot // 81000 % 90 + 10:03d}",
            "package_center_code": f"{lot % 900 + 100}",
            "package_center_name": f"{city}集包",
            "short_address_code": f"{lot % 9000 + 1000}",
            "short_address_name": f"{city.removesuffix('市')} {district}",
        }

    def _picked_up(self, number: str) -> bool:
        """An order reported as shipped whose pick-up lies in the past."""
        if not self.orders.state(number).parcels:
            return False
        return self.world.schedule(number).happened("picked_up", self.world.now()) is not None

    def _opaque(self, what: str, size: int) -> str:
        seed = hashlib.sha512(f"{self.world.seed}:{DOUYIN['shop_id']}:{what}".encode()).digest()
        return base64.b64encode(seed * (size // 48 + 1)).decode()[:size]
