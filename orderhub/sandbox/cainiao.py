"""Cainiao e-waybills behind the TOP gateway: a number belongs to (carrier, orders, package) and to a true oaid."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.frame import dumps
from orderhub.sandbox.taobao_errors import Refused, business
from orderhub.sandbox.taobao_trades import Trades
from orderhub.sandbox.world import World

TAOBAO_FAMILY = ("TB", "TM")
BALANCE = 200_000
SENDERS = (  # the three warehouses, as the subscription spells them
    {
        "province": "浙江省",
        "city": "杭州市",
        "district": "滨江区",
        "town": "长河街道",
        "detail": "江陵路88号2幢1楼",
        "waybill_address_id": 9001,
    },
    {
        "province": "浙江省",
        "city": "嘉兴市",
        "district": "南湖区",
        "town": "大桥镇",
        "detail": "亚太路1号3号库",
        "waybill_address_id": 9002,
    },
    {
        "province": "浙江省",
        "city": "杭州市",
        "district": "余杭区",
        "town": "仓前街道",
        "detail": "龙潭路18号2号库",
        "waybill_address_id": 9003,
    },
)
CARRIERS = {  # code: (outlet code, outlet, kind of carrier, number prefix, digits after it)
    "ZTO": ("57106", "杭州乔司", 2, "78", 12),
    "YTO": ("571088", "杭州临平一部", 2, "YT", 13),
    "STO": ("310013", "杭州余杭", 2, "77", 13),
    "YUNDA": ("311100", "杭州仓前", 2, "43", 13),
}
NEEDED = {
    "object_id": "请求id",
    "order_info": "订单信息",
    "package_info": "包裹信息",
    "recipient": "收件人",
    "template_url": "模板",
    "user_id": "使用者id",
}
ORDER_NUMBER = re.compile(r"[A-Za-z0-9_-]+")


class Cainiao:
    """Five methods; ``methods`` is mounted by the gateway."""

    def __init__(self, world: World, trades: Trades) -> None:
        self.world = world
        self.trades = trades
        self.methods: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "cainiao.waybill.ii.search": self.search,
            "cainiao.waybill.ii.get": self.get,
            "cainiao.waybill.ii.query.by.tradecode": self.query_by_trade,
            "cainiao.waybill.ii.query.by.waybillcode": self.query_by_number,
            "cainiao.waybill.ii.cancel": self.cancel,
        }

    def search(self, params: dict[str, str]) -> dict[str, Any]:
        wanted = params.get("cp_code")
        used = self.world.ledger.recall("cainiao", "used", {})
        rows = [
            {
                "cp_code": code,
                "cp_type": kind,
                "branch_account_cols": {
                    "waybill_branch_account": [
                        {
                            "branch_code": outlet,
                            "branch_name": name,
                            "branch_status": 0,
                            "quantity": BALANCE - used.get(code, 0),
                            "allocated_quantity": used.get(code, 0),
                            "cancel_quantity": 0,
                            "print_quantity": used.get(code, 0),
                            "seller_id": int(TAOBAO["seller_id"]),
                            "segment_code": "NORMAL",
                            "shipp_address_cols": {"address_dto": list(SENDERS)},
                        }
                    ]
                },
            }
            for code, (outlet, name, kind, _, _) in CARRIERS.items()
            if not wanted or wanted == code
        ]
        return {"waybill_apply_subscription_cols": {"waybill_apply_subscription_info": rows}}

    def get(self, params: dict[str, str]) -> dict[str, Any]:
        order = _json(params, "param_waybill_cloud_print_apply_new_request", dict)
        carrier = str(order.get("cp_code", ""))
        parcels = order.get("trade_order_info_dtos")
        if not isinstance(parcels, list) or not parcels:
            raise business("isv.param-error", "trade_order_info_dtos 不能为空")
        if len(parcels) > 10:
            raise business("isv.param-error", "一次最多取10个面单号")
        if carrier not in CARRIERS:
            raise business("isv.no-subscription", f"没有与{carrier}的订购关系")
        self._check_sender(order.get("sender"))
        for parcel in parcels:
            self._check_parcel(parcel)
        packages = [str(parcel["package_info"].get("id", "")) for parcel in parcels]
        orders = [tuple(parcel["order_info"]["trade_order_list"]) for parcel in parcels]
        if len(set(zip(orders, packages, strict=True))) < len(parcels):
            raise business("isv.param-error", "同一批次中包裹id重复")
        with self.world.lock:
            rows = [self._number(carrier, parcel, order["sender"]) for parcel in parcels]
        return {"modules": {"waybill_cloud_print_response": rows}}

    def query_by_trade(self, params: dict[str, str]) -> dict[str, Any]:
        """By object_id (what the caller named the parcel) or biz_sub_code (an order number)."""
        rows = []
        for row in _json(params, "param_list", list):
            carrier = str(row.get("cp_code", ""))
            number = self.world.ledger.recall("cainiao", f"object:{carrier}:{row.get('object_id')}")
            number = number or self.world.ledger.recall(
                "cainiao", f"order:{carrier}:{row.get('biz_sub_code')}"
            )
            rows.append(self._found(row, number))
        return {"modules": {"waybill_cloud_print_with_result_desc_response": rows}}

    def query_by_number(self, params: dict[str, str]) -> dict[str, Any]:
        rows = [
            self._found(row, str(row.get("waybill_code", ""))) for row in _json(params, "param_list", list)
        ]
        return {"modules": {"waybill_cloud_print_with_result_desc_response": rows}}

    def cancel(self, params: dict[str, str]) -> dict[str, Any]:
        code = params.get("waybill_code", "")
        with self.world.lock:
            kept = self.world.ledger.recall("cainiao", "number:" + code)
            waybill = self.world.waybill(code)
            if kept is None or waybill is None or waybill["carrier"] != params.get("cp_code"):
                raise business("isv.waybill-not-exist", "运单号不存在")
            if waybill["state"] == "cancelled":
                self.world.ledger.record("cainiao", "waybill.cancel", code, {"again": True}, effect=False)
                raise business("isv.waybill-cancelled", "该运单号已取消")
            if self._picked_up(waybill["number"]):
                raise business("isv.waybill-picked-up", "该运单号已揽收，不能取消")
            self.world.cancel_waybill(code)
            for key in kept["keys"]:
                self.world.ledger.remember("cainiao", key, "")
            self.world.ledger.record("cainiao", "waybill.cancel", code, {"number": waybill["number"]})
        return {"cancel_result": True}

    def _check_sender(self, sender: Any) -> None:
        if not isinstance(sender, dict) or not isinstance(sender.get("address"), dict):
            raise business("isv.param-error", "发件人不能为空")
        if not sender.get("name") or not (sender.get("mobile") or sender.get("phone")):
            raise business("isv.param-error", "发件人姓名和电话不能为空")
        names = ("province", "city", "district", "town", "detail")
        given = {name: sender["address"].get(name) or "" for name in names}
        if given not in [{name: address[name] for name in names} for address in SENDERS]:
            raise business(
                "isv.sender-not-subscribed", "发件地址与订购关系中的地址不一致，请以查询接口返回的地址为准"
            )

    def _check_parcel(self, parcel: Any) -> None:
        for name, words in NEEDED.items():
            if not isinstance(parcel, dict) or not parcel.get(name):
                raise business("isv.param-error", f"{words}（{name}）不能为空")
        if str(parcel["user_id"]) != TAOBAO["seller_id"]:
            raise business("isv.param-error", "user_id 与授权店铺不一致")
        info, package, to = parcel["order_info"], parcel["package_info"], parcel["recipient"]
        numbers = info.get("trade_order_list")
        if not isinstance(numbers, list) or not 0 < len(numbers) <= 100:
            raise business("isv.param-error", "trade_order_list 应有 1 到 100 个订单号")
        if any(not isinstance(number, str) or not ORDER_NUMBER.fullmatch(number) for number in numbers):
            raise business("isv.param-error", "订单号只能包含字母、数字、下划线和短横线")
        if not isinstance(package.get("items"), list) or not 0 < len(package["items"]) <= 100:
            raise business("isv.param-error", "package_info.items 应有 1 到 100 项")
        address = to.get("address")
        if not isinstance(address, dict) or not address.get("province") or not address.get("detail"):
            raise business("isv.param-error", "收件地址不完整")
        if info.get("order_channels_type") in TAOBAO_FAMILY:
            self._check_masked(to, numbers)
        elif to.get("oaid") or "*" in f"{to.get('name')}{to.get('mobile')}{to.get('phone')}":
            raise business("isv.recipient-error", "非淘系订单请使用明文收件人")
        elif any(number in self.trades.orders for number in numbers):
            raise business("isv.recipient-error", "淘系订单的渠道类型应为 TB")

    def _check_masked(self, to: dict[str, Any], numbers: list[str]) -> None:
        tid, oaid = str(to.get("tid") or ""), to.get("oaid")
        if not oaid or not tid:
            raise business("isv.oaid-missing", "淘系订单不支持明文收件人，请传 oaid 和 tid")
        if re.fullmatch(r"1\d{10}", str(to.get("mobile") or "")):
            raise business("isv.recipient-error", "淘系订单不支持明文收件人")
        order = self.trades.orders.get(tid)
        if order is None or tid not in numbers:
            raise business("isv.oaid-mismatch", "oaid 与 tid 不匹配：订单不存在")
        if oaid != self.trades.oaid(order):
            raise business("isv.oaid-mismatch", "oaid 与 tid 不匹配：收件地址已变更，请重新获取订单")
        if self.trades.status(order) not in (
            "WAIT_SELLER_SEND_GOODS",
            "SELLER_CONSIGNED_PART",
            "WAIT_BUYER_CONFIRM_GOODS",
        ):
            raise business("isv.trade-closed", "订单状态不允许取号")

    def _number(self, carrier: str, parcel: dict[str, Any], sender: dict[str, Any]) -> dict[str, Any]:
        """The old number for the same carrier, orders and package, else a new one."""
        ledger = self.world.ledger
        numbers = parcel["order_info"]["trade_order_list"]
        key = f"{carrier}:{','.join(sorted(numbers))}/{parcel['package_info'].get('id', '')}"
        code = ledger.recall("cainiao", "package:" + key)
        if code:
            ledger.record(
                "cainiao", "waybill.number", key, {"waybill_code": code, "again": True}, effect=False
            )
            return self._answer(code, str(parcel["object_id"]))
        used = ledger.recall("cainiao", "used", {})
        used[carrier] = used.get(carrier, 0) + 1
        _, _, _, prefix, digits = CARRIERS[carrier]
        lot = hashlib.sha256(f"{self.world.seed}:{key}:{used[carrier]}".encode()).digest()
        code = prefix + f"{used[carrier]:06d}" + str(int.from_bytes(lot[:8], "big"))[: digits - 6]
        to = parcel["recipient"]["address"]
        keys = [
            "package:" + key,
            f"object:{carrier}:{parcel['object_id']}",
            *(f"order:{carrier}:{number}" for number in numbers),
        ]
        with ledger.together():
            ledger.remember("cainiao", "used", used)
            for each in keys:
                ledger.remember("cainiao", each, code)
            ledger.remember(
                "cainiao",
                "number:" + code,
                {
                    "keys": keys,
                    "carrier": carrier,
                    "template": parcel["template_url"],
                    "to": to.get("district") or "",
                    "city": to.get("city") or to["province"],
                    "from": sender["address"]["district"],
                },
            )
            self.world.take_waybill(code, carrier, numbers[0], "cainiao", orders=numbers)
            ledger.record(
                "cainiao",
                "waybill.number",
                key,
                {
                    "waybill_code": code,
                    "orders": numbers,
                    "oaid": bool(parcel["recipient"].get("oaid")),
                },
            )
        return self._answer(code, str(parcel["object_id"]))

    def _answer(self, code: str, object_id: str) -> dict[str, Any]:
        kept = self.world.ledger.recall("cainiao", "number:" + code)
        secret = hashlib.sha512(f"{self.world.seed}:{code}".encode()).digest()
        area = int.from_bytes(hashlib.sha256((kept["city"] + kept["to"]).encode()).digest()[:2], "big")
        short = f"{area % 900 + 100}-{kept['to'].rstrip('区县市') or kept['city'].rstrip('市')} {area % 90 + 10:02d}"
        return {
            "object_id": object_id,
            "waybill_code": code,
            "cp_code": kept["carrier"],
            "real_cp_code": kept["carrier"],
            "parent_waybill_code": "",
            "print_data": dumps(
                {
                    "encryptedData": "AES:" + base64.b64encode(secret * 6).decode(),
                    "signature": "MD:" + base64.b64encode(secret[:16]).decode(),
                    "templateURL": kept["template"],
                    "ver": "waybill_print_secret_version_1",
                }
            ),
            "extra_info": dumps(
                {"sortingCode": short, "bagAddr": f"{kept['city']}集散", "origin": kept["from"]}
            ),
        }

    def _found(self, row: Any, code: str | None) -> dict[str, Any]:
        object_id = str(row.get("object_id", ""))
        waybill = self.world.waybill(code) if code else None
        if not code or waybill is None or self.world.ledger.recall("cainiao", "number:" + code) is None:
            return {
                "object_id": object_id,
                "success": False,
                "error_code": "isv.waybill-not-exist",
                "error_message": "没有取到过面单号",
            }
        if waybill["state"] == "cancelled":
            return {
                "object_id": object_id,
                "success": False,
                "error_code": "isv.waybill-cancelled",
                "error_message": "该运单号已取消",
            }
        return {
            "object_id": object_id,
            "success": True,
            "waybill_cloud_print_response": self._answer(code, object_id),
        }

    def _picked_up(self, number: str) -> bool:
        """A parcel reported as shipped whose pick-up lies in the past."""
        if not any(entry["effect"] for entry in self.world.ledger.find("channel.ship", number)):
            return False
        return self.world.schedule(number).happened("picked_up", self.world.now()) is not None


def _json(params: dict[str, str], name: str, kind: type) -> Any:
    if not params.get(name):
        raise Refused(40, f"Missing required arguments:{name}", f"isv.missing-parameter:{name}")
    try:
        value: Any = json.loads(params[name])
    except ValueError:
        raise Refused(
            41, f"Invalid arguments:{name}", f"isv.invalid-parameter:{name}", "不是合法的 JSON"
        ) from None
    rows = value if isinstance(value, list) else [value]
    if not isinstance(value, kind) or not all(isinstance(row, dict) for row in rows):
        raise Refused(41, f"Invalid arguments:{name}", f"isv.invalid-parameter:{name}", "JSON 结构不正确")
    return value
