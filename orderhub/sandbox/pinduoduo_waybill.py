"""Pinduoduo's e-waybills: a number belongs to (carrier, orders, package), a masked receiver to its own cipher text."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.frame import dumps
from orderhub.sandbox.pinduoduo_orders import Orders
from orderhub.sandbox.pinduoduo_signing import Refused, business
from orderhub.sandbox.world import World

BALANCE = 120_000
#: After so many days an unused number comes back to the balance: given back by hand, or just never seen by the carrier.
CANCELLED_DAYS, UNSEEN_DAYS = 15, 30
SENDERS = (  # the warehouses, as the subscription spells them
    {"province": "浙江省", "city": "杭州市", "district": "滨江区", "detail": "江陵路88号2幢1楼", "country": "中国"},
    {"province": "浙江省", "city": "嘉兴市", "district": "南湖区", "detail": "亚太路1号3号库", "country": "中国"},
    {"province": "浙江省", "city": "杭州市", "district": "余杭区", "detail": "龙潭路18号2号库", "country": "中国"},
)  # fmt: skip
PLACE = ("province", "city", "district", "detail")
CARRIERS = {  # code: (outlet code, outlet, number prefix, digits after it)
    "ZTO": ("57106", "杭州乔司", "76", 12),
    "YTO": ("571088", "杭州临平一部", "YT9", 12),
    "STO": ("310013", "杭州余杭", "773", 12),
    "YUNDA": ("311100", "杭州仓前", "46", 13),
}
PLAIN_PHONE = re.compile(r"1\d{10}")


class Waybills:
    """Four calls; `calls` is mounted by the gateway. Parameters are already parsed."""

    def __init__(self, world: World, orders: Orders) -> None:
        self.world, self.orders = world, orders
        self.calls: dict[str, tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
            "pdd.waybill.search": ("pdd_waybill_search_response", self.search),
            "pdd.waybill.get": ("pdd_waybill_get_response", self.get),
            "pdd.waybill.query.by.waybillcode": ("pdd_waybill_query_by_waybillcode_response", self.query),
            "pdd.waybill.cancel": ("pdd_waybill_cancel_response", self.cancel),
        }

    def now(self) -> datetime:
        """This service's time; the drive `pinduoduo_days` moves it forward."""
        return self.world.now() + timedelta(days=int(self.world.ledger.recall("pinduoduo", "days", 0)))

    def search(self, params: dict[str, Any]) -> dict[str, Any]:
        wanted = params.get("wp_code")
        rows = []
        for code, (outlet, name, _, _) in CARRIERS.items():
            if wanted and wanted != code:
                continue
            mine = [kept for kept in self._numbers() if kept["carrier"] == code]
            cancelled = sum(bool(kept["cancelled"]) for kept in mine)
            back = sum(self._recycled(kept) for kept in mine)
            rows.append(
                {
                    "wp_code": code,
                    "wp_type": 2,
                    "branch_account_cols": [
                        {
                            "branch_code": outlet,
                            "branch_name": name,
                            "quantity": BALANCE - len(mine) + back,
                            "allocated_quantity": len(mine),
                            "cancel_quantity": cancelled,
                            "recycled_quantity": back,
                            "service_info_cols": [],
                            "shipp_address_cols": list(SENDERS),
                        }
                    ],
                }
            )
        return {"waybill_apply_subscription_cols": rows}

    def get(self, params: dict[str, Any]) -> dict[str, Any]:
        order = params.get("param_waybill_cloud_print_apply_new_request")
        if not isinstance(order, dict):
            raise Refused(21002, "业务参数为空：param_waybill_cloud_print_apply_new_request")
        carrier, parcels = str(order.get("wp_code", "")), order.get("trade_order_info_dtos")
        if not isinstance(parcels, list) or not 0 < len(parcels) <= 10:
            raise Refused(21001, "业务参数错误：trade_order_info_dtos 应有 1 到 10 项")
        if carrier not in CARRIERS:
            raise business("isv.invalid-parameter:wp_code", f"没有{carrier}的电子面单订购关系")
        self._check_sender(order.get("sender"))
        for parcel in parcels:
            self._check_parcel(parcel)
        with self.world.lock:
            return {"modules": [self._number(carrier, parcel) for parcel in parcels]}

    def query(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = []
        for row in params.get("param_list") or []:
            kept = self._kept(str(row.get("waybill_code", "")))
            if kept is None or kept["carrier"] != row.get("wp_code"):
                raise business("isv.invalid-parameter:waybill_code", "面单号不存在或不属于该商家")
            answer = self._answer(kept, str(row.get("object_id", "")))
            rows.append({"waybill_cloud_print_response": answer})
        return {"modules": rows}

    def cancel(self, params: dict[str, Any]) -> dict[str, Any]:
        code = str(params.get("waybill_code", ""))
        with self.world.lock:
            kept, waybill = self._kept(code), self.world.waybill(code)
            if kept is None or waybill is None or kept["carrier"] != params.get("wp_code"):
                raise business("isv.waybill-not-exist", "面单号不存在")
            if kept["cancelled"]:
                self.world.ledger.record("pinduoduo", "waybill.cancel", code, {"again": True}, effect=False)
                raise business("isv.waybill-already-cancelled", "面单号已取消")
            if self._recycled(kept) or self._picked_up(kept):
                raise business("isv.waybill-cancel-fail", "面单号已揽收、签收或回收，不能取消")
            self.world.cancel_waybill(code)
            self.world.ledger.remember("pinduoduo", f"package:{kept['key']}", "")
            self._keep(code, {**kept, "cancelled": self.now().isoformat()})
            self.world.ledger.record("pinduoduo", "waybill.cancel", code, {"orders": kept["orders"]})
        return {"cancel_result": True}

    def _check_sender(self, sender: Any) -> None:
        address = sender.get("address") if isinstance(sender, dict) else None
        if not isinstance(address, dict) or not sender.get("name"):
            raise Refused(21002, "业务参数为空：sender")
        if not (sender.get("mobile") or sender.get("phone")):
            raise Refused(21002, "业务参数为空：sender.mobile")
        given = [address.get(name) or "" for name in PLACE]
        if given not in [[place[name] for name in PLACE] for place in SENDERS]:
            raise business("isv.invalid-parameter:sender", "发货地址与订购关系中的地址不一致")

    def _check_parcel(self, parcel: Any) -> None:
        for name in ("object_id", "order_info", "package_info", "template_url", "user_id"):
            if not isinstance(parcel, dict) or not parcel.get(name):
                raise Refused(21002, f"业务参数为空：{name}")
        if str(parcel["user_id"]) != PINDUODUO["mall_id"]:
            raise business("isv.invalid-parameter:user_id", "user_id 与授权店铺不一致")
        info, items = parcel["order_info"], parcel["package_info"].get("items")
        numbers = info.get("trade_order_list")
        if not isinstance(numbers, list) or not 0 < len(numbers) <= 100:
            raise Refused(21001, "业务参数错误：trade_order_list 应有 1 到 100 项")
        if (
            not isinstance(items, list)
            or not 0 < len(items) <= 100
            or not all(item.get("name") and item.get("count") for item in items)
        ):
            raise Refused(21001, "业务参数错误：package_info.items")
        to = parcel.get("recipient") or {}
        if info.get("order_channels_type") == "PDD":
            self._check_masked(to, numbers)
        elif any(number in self.orders.orders for number in numbers):
            raise business("isv.invalid-parameter:order_channels_type", "拼多多订单的渠道类型应为 PDD")
        elif not to.get("name") or not (to.get("address") or {}).get("detail"):
            raise business("isv.invalid-parameter:recipient", "非拼多多订单请传收件人")

    def _check_masked(self, to: dict[str, Any], numbers: list[str]) -> None:
        """Every order exists and may go; a recipient is its very cipher text, or left out."""
        if (
            len({self.orders.address_id(self.orders.orders[n]) for n in numbers if n in self.orders.orders})
            > 1
        ):
            raise business("isv.invalid-parameter:trade_order_list", "收货地址不同的订单不能合并取号")
        for number in numbers:
            order = self.orders.orders.get(number)
            if order is None:
                raise business("isv.invalid-parameter:trade_order_list", "订单不存在或不属于该店铺")
            if self.orders.risk(order):
                raise business("isv.service-forbidden", "订单风控审核中，不允许取号")
        if not to:
            return
        phone = str(to.get("mobile") or to.get("phone") or "")
        given = {
            "name": str(to.get("name") or ""),
            "phone": phone,
            "address": str((to.get("address") or {}).get("detail") or ""),
        }
        if PLAIN_PHONE.fullmatch(phone):
            raise business("isv.invalid-parameter:recipient", "拼多多订单不支持明文收件人")
        if given != self.orders.ciphers(self.orders.orders[numbers[0]]):
            raise business(
                "isv.invalid-parameter:recipient", "收件人密文与订单不一致，地址可能已变更，请重新获取订单"
            )

    def _number(self, carrier: str, parcel: dict[str, Any]) -> dict[str, Any]:
        """The old number for the same carrier, orders and package, else a new one."""
        ledger, numbers = self.world.ledger, parcel["order_info"]["trade_order_list"]
        key = f"{carrier}:{','.join(sorted(numbers))}/{parcel['package_info'].get('id', '')}"
        code = ledger.recall("pinduoduo", f"package:{key}")
        kept = self._kept(code) if code else None
        if kept is not None:
            ledger.record(
                "pinduoduo", "waybill.number", key, {"waybill_code": code, "again": True}, effect=False
            )
            return self._answer(kept, str(parcel["object_id"]))
        serial = int(ledger.recall("pinduoduo", "serial", 0)) + 1
        _, _, prefix, digits = CARRIERS[carrier]
        secret = hashlib.sha256(f"{self.world.seed}:{key}:{serial}".encode()).digest()
        code = f"{prefix}{serial:06d}" + str(int.from_bytes(secret[:8], "big"))[: digits - 6]
        kept = {
            "code": code,
            "key": key,
            "carrier": carrier,
            "orders": numbers,
            "template": parcel["template_url"],
            "at": self.now().isoformat(),
            "cancelled": "",
        }
        with ledger.together():
            ledger.remember("pinduoduo", "serial", serial)
            ledger.remember("pinduoduo", f"package:{key}", code)
            self._keep(code, kept)
            self.world.take_waybill(code, carrier, numbers[0], "pinduoduo", orders=numbers)
            body = {"waybill_code": code, "orders": numbers, "masked": bool(parcel.get("recipient"))}
            ledger.record("pinduoduo", "waybill.number", key, body)
        return self._answer(kept, str(parcel["object_id"]))

    def _answer(self, kept: dict[str, Any], object_id: str) -> dict[str, Any]:
        secret = hashlib.sha512(f"{self.world.seed}:{kept['code']}".encode()).digest()
        data = {
            "encryptedData": base64.b64encode(secret * 6).decode(),
            "signature": base64.b64encode(secret[:32]).decode(),
            "templateUrl": kept["template"],
            "ver": "3",
            "userid": int(PINDUODUO["mall_id"]),
        }
        return {
            "object_id": object_id,
            "waybill_code": kept["code"],
            "parent_waybill_code": "",
            "print_data": dumps(data),
        }

    def _numbers(self) -> list[dict[str, Any]]:
        return list(self.world.ledger.recall_all("pinduoduo", "number:").values())

    def _kept(self, code: str) -> dict[str, Any] | None:
        return self.world.ledger.recall("pinduoduo", f"number:{code}")

    def _keep(self, code: str, kept: dict[str, Any]) -> None:
        self.world.ledger.remember("pinduoduo", f"number:{code}", kept)

    def _recycled(self, kept: dict[str, Any]) -> bool:
        """Cancelled fifteen days ago, or taken thirty days ago and never seen by the carrier."""
        if kept["cancelled"]:
            return datetime.fromisoformat(kept["cancelled"]) + timedelta(days=CANCELLED_DAYS) <= self.now()
        old = datetime.fromisoformat(kept["at"]) + timedelta(days=UNSEEN_DAYS) <= self.now()
        return old and not self._sent(kept)

    def _sent(self, kept: dict[str, Any]) -> bool:
        return any(entry["effect"] for entry in self.world.ledger.find("channel.ship", kept["orders"][0]))

    def _picked_up(self, kept: dict[str, Any]) -> bool:
        """Reported as shipped, and its pick-up lies in the past."""
        schedule = self.world.schedule(kept["orders"][0])
        return self._sent(kept) and schedule.happened("picked_up", self.world.now()) is not None
