"""Taobao Open Platform: one gateway, form parameters, an MD5 over all of them, a session per shop.

Source: the platform's public pages and clients as collected in the protocol notes (TOP).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import beijing
from orderhub.integrations.clients.cainiao import Cainiao
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import loads, member

#: Error codes of the platform layer. 15, 40, 41, 50 are looked at by sub_code first.
CODES: dict[int, Kind] = {
    3: "retry",
    7: "retry",
    9: "configuration",
    10: "retry",
    11: "configuration",
    12: "configuration",
    15: "business",
    22: "configuration",
    23: "configuration",
    25: "configuration",
    26: "reauthorise",
    27: "reauthorise",
    28: "configuration",
    29: "configuration",
    30: "configuration",
    31: "configuration",
    40: "business",
    41: "business",
    50: "retry",
}
#: sub_codes that say more than the code; the longest matching beginning wins.
SUB_CODES: dict[str, Kind] = {
    "isp.": "retry",
    "isv.": "business",
    "invalid-sessionkey": "reauthorise",
    "isv.invalid-session": "reauthorise",
    "isv.session-expired": "reauthorise",
    "session-expired": "reauthorise",
    "isv.invalid-timestamp": "configuration",
    "isv.permission": "configuration",
    "isv.invalid-signature": "configuration",
}
DAY_QUOTA = "accesscontrol.limited-by-app-access-count"
BAN = re.compile(r"ban will last for ([0-9]{1,5}) more seconds")
#: Other types than these would be left out silently if the parameter were absent.
TYPES = (
    "fixed,auction,guarantee_trade,auto_delivery,ec,cod,step,nopaid,fenxiao,independent_simple_trade,"
    "independent_shop_trade,game_equipment,netcn_trade,external_trade,instant_trade,b2c_cod,hotel_trade,"
    "super_market_trade,super_market_cod_trade,taohua,waimai,eticket,tmall_i18n,o2o_offlinetrade"
)
LIST_FIELDS = "tid,tid_str,status,modified,created,type"
DETAIL_FIELDS = (
    "tid,tid_str,status,type,payment,total_fee,post_fee,discount_fee,adjust_fee,received_payment,coupon_fee,"
    "step_trade_status,step_paid_fee,created,pay_time,modified,consign_time,end_time,buyer_message,seller_memo,"
    "seller_flag,buyer_open_uid,receiver_name,receiver_state,receiver_city,receiver_district,receiver_town,"
    "receiver_address,receiver_zip,receiver_mobile,receiver_phone,oaid,orders.oid,orders.oid_str,orders.title,"
    "orders.num_iid,orders.sku_id,orders.outer_iid,orders.outer_sku_id,orders.sku_properties_name,orders.num,"
    "orders.price,orders.total_fee,orders.payment,orders.divide_order_fee,orders.part_mjz_discount,"
    "orders.discount_fee,orders.adjust_fee,orders.refund_status,orders.refund_id,orders.status,"
    "orders.logistics_company,orders.invoice_no"
)
#: The trade is not in a state to be shipped: shipped already, closed or refunded.
WRONG_STATE = "isv.logistics-offline-service-error:B04"
SHIPPED = frozenset(
    {"WAIT_BUYER_CONFIRM_GOODS", "TRADE_BUYER_SIGNED", "TRADE_FINISHED", "SELLER_CONSIGNED_PART"}
)
Trade = tuple[dict[str, Any], bytes]


class Taobao(Cainiao):
    """Trades and shipping of one shop; the e-waybill calls are in `cainiao`."""

    platform = "taobao"

    def call(self, method: str, *, effect: bool = False, **params: Any) -> dict[str, Any]:
        """The inner answer of one method; an expired session is refreshed once and the call repeated."""
        return self._top(method, params, effect)[0]

    def sold_count(self, start: datetime, end: datetime) -> int:
        """How many trades were modified in the window (at most a day): read this first, then pages backwards."""
        return self._count("taobao.trades.sold.increment.get", "modified", start, end)

    def sold_page(self, start: datetime, end: datetime, page: int, size: int = 100) -> list[dict[str, Any]]:
        """One page of trades by modification, newest first; [] past the end. Basic fields only."""
        return self._page("taobao.trades.sold.increment.get", "modified", start, end, page, size)

    def created_count(self, start: datetime, end: datetime) -> int:
        """How many trades were created in the window (at most three months back)."""
        return self._count("taobao.trades.sold.get", "created", start, end)

    def created_page(
        self, start: datetime, end: datetime, page: int, size: int = 100
    ) -> list[dict[str, Any]]:
        """One page of trades by creation, newest first; [] past the end. Basic fields only."""
        return self._page("taobao.trades.sold.get", "created", start, end, page, size)

    def fullinfo(self, tid: str) -> Trade:
        """One trade with its lines, and the exact text of the trade in the answer as bytes."""
        inner, text = self._top(
            "taobao.trade.fullinfo.get",
            {"tid": tid, "fields": DETAIL_FIELDS, "include_oaid": "include_oaid"},
            False,
        )
        trade = inner.get("trade")
        exact = member(text, "trade_fullinfo_get_response", "trade")
        if not isinstance(trade, dict) or exact is None:
            raise http.unreadable(effect=False)
        return trade, exact.encode("utf-8", "surrogatepass")

    def fullinfo_many(self, tids: Iterable[str], threads: int = 4) -> dict[str, Trade | PlatformError]:
        """`fullinfo` of many trades by a small pool of threads; a trade that can't be read carries its error."""
        return self.read_many(tids, Taobao.fullinfo, threads)

    def offline_send(
        self, tid: str, company_code: str, out_sid: str, sub_tids: Sequence[str] = ()
    ) -> dict[str, Any]:
        """Tells Taobao the parcel; {"already": bool}. A trade that already carries this number counts as told."""
        params: dict[str, Any] = {"tid": tid, "company_code": company_code, "out_sid": out_sid}
        if sub_tids:
            params |= {"sub_tid": ",".join(sub_tids), "is_split": 1}
        try:
            inner = self.call("taobao.logistics.offline.send", effect=True, **params)
        except PlatformError as error:
            if error.code == WRONG_STATE and self.shipped_with(tid, sub_tids) in (out_sid, ""):
                return {"already": True}
            raise
        if not _truth(inner.get("shipping", {}).get("is_success")):
            raise PlatformError("business", "not_shipped", _("Taobao did not accept the shipment."))
        return {"already": False}

    def oaid_merge(self, pairs: Sequence[tuple[str, str]]) -> list[list[str]]:
        """Which of these (tid, oaid), at most 100, go to one address: parts of tids that may ship together."""
        asked = [{"oaid": oaid, "tid": tid} for tid, oaid in pairs]
        inner = self.call("taobao.top.oaid.merge", merge_list=json.dumps(asked, separators=(",", ":")))
        said = inner.get("tid_list")
        rows = said.get("string") if isinstance(said, dict) else said
        if rows is None:
            return []
        if not isinstance(rows, list) or not all(isinstance(row, str) for row in rows):
            raise http.unreadable(effect=False)
        return [[tid for tid in row.split(",") if tid] for row in rows]

    def shipped_with(self, tid: str, sub_tids: Sequence[str] = ()) -> str | None:
        """The number under which Taobao holds the trade (or these lines of it) as shipped; None if unshipped.

        "" where the whole trade is shipped and shows no number; a line without a number is not shipped.
        """
        trade, _raw = self.fullinfo(tid)
        if trade.get("status") not in SHIPPED:
            return None
        lines = listed(trade, "orders", "order")
        if sub_tids:
            mine = [
                str(li.get("invoice_no") or "")
                for li in lines
                if str(li.get("oid_str") or li.get("oid")) in sub_tids
            ]
            return mine[0] if mine and mine[0] else None
        numbers = [str(line.get("invoice_no") or "") for line in lines]
        return next((number for number in numbers if number), "")

    def goods_page(self, page: int, size: int = 200) -> list[dict[str, Any]]:
        """One page (from 1) of items on sale: num_iid, title, outer_id; [] past the end (taobao.items.onsale.get)."""
        inner = self.call(
            "taobao.items.onsale.get", fields="num_iid,title,outer_id", page_no=page, page_size=size
        )
        return listed(inner, "items", "item")

    def skus(self, num_iids: Sequence[str]) -> list[dict[str, Any]]:
        """SKUs of at most 40 items: sku_id, num_iid, outer_id, quantity (taobao.item.skus.get)."""
        fields = "sku_id,num_iid,outer_id,quantity"
        return listed(
            self.call("taobao.item.skus.get", fields=fields, num_iids=",".join(num_iids)), "skus", "sku"
        )

    def set_quantities(self, num_iid: str, quantities: Mapping[str, int]) -> None:
        """Sets the whole number of at most 20 SKUs of one item (taobao.skus.quantity.update, type 1 as in TOP's own clients)."""
        pairs = ";".join(f"{sku}:{n}" for sku, n in quantities.items())
        self.call("taobao.skus.quantity.update", effect=True, num_iid=num_iid, skuid_quantities=pairs, type=1)

    def _count(self, method: str, by: str, start: datetime, end: datetime) -> int:
        window: dict[str, Any] = {f"start_{by}": beijing(start), f"end_{by}": beijing(end)}
        asked: dict[str, Any] = {
            "fields": "tid",
            "page_no": 1,
            "page_size": 1,
            "type": TYPES,
            "use_has_next": "false",
        }
        return int(self.call(method, **asked, **window).get("total_results") or 0)

    def _page(
        self, method: str, by: str, start: datetime, end: datetime, page: int, size: int
    ) -> list[dict[str, Any]]:
        window: dict[str, Any] = {f"start_{by}": beijing(start), f"end_{by}": beijing(end)}
        asked: dict[str, Any] = {
            "fields": LIST_FIELDS,
            "page_no": page,
            "page_size": size,
            "type": TYPES,
            "use_has_next": "false",
        }
        return listed(self.call(method, **asked, **window), "trades", "trade")

    def _top(self, method: str, params: dict[str, Any], effect: bool) -> tuple[dict[str, Any], str]:
        """Inner answer and exact text."""
        return self.in_session(lambda: self._once(method, params, effect))

    def _once(self, method: str, params: dict[str, Any], effect: bool) -> tuple[dict[str, Any], str]:
        whole = {
            "method": method,
            "app_key": self.connection.app_key,
            "session": self.access_token,
            "timestamp": beijing(timezone.now()),
            "format": "json",
            "v": "2.0",
            "sign_method": self.option("sign_method", "md5"),
        } | {name: _text(value) for name, value in params.items()}
        whole = {name: value for name, value in whole.items() if value != ""}
        whole["sign"] = signing.top(self.secret("app_secret"), whole, str(whole["sign_method"]))
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/router/rest",
            urlencode(whole).encode(),
            (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
            read_seconds=20.0,
        )
        return self._call(
            method, request, effect=effect, read=lambda response: _read(method, response, effect)
        )


def _read(method: str, response: httpx.Response, effect: bool) -> tuple[dict[str, Any], str]:
    text = response.content.decode("utf-8-sig")
    answer = loads(text)
    if not isinstance(answer, dict):
        raise http.unreadable(effect)
    if isinstance(answer.get("error_response"), dict):
        raise refusal(answer["error_response"], effect)
    inner = answer.get(method.removeprefix("taobao.").replace(".", "_") + "_response")
    if not isinstance(inner, dict):
        raise http.unreadable(effect)
    return inner, text


def refusal(error: dict[str, Any], effect: bool) -> PlatformError:
    """The PlatformError of an error_response: sub_code before code, unknown ones never repeated by themselves."""
    sub = str(error.get("sub_code") or "")
    number = str(error.get("code") or "")
    message = str(error.get("sub_msg") or error.get("msg") or _("Taobao refused the call."))
    code = sub or number
    known = CODES.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 9 else None
    if number == "7":
        ban = BAN.search(message)
        wait = float(ban.group(1)) if ban else 3600.0 if DAY_QUOTA in sub else 60.0
        return PlatformError("retry", code, message, wait)
    if known in ("reauthorise", "configuration"):
        return PlatformError(known, code, message)
    beginnings = [begin for begin in SUB_CODES if sub.lower().startswith(begin)]
    kind: Kind | None = SUB_CODES[max(beginnings, key=len)] if beginnings else known
    if kind is None:
        kind = "unknown" if effect else "business"
    if kind == "retry" and effect and number in ("15", "50"):
        kind = "unknown"  # the remote service behind the gateway may have done it before it failed
    return PlatformError(kind, code, message, 10.0 if kind == "retry" else None)


def listed(answer: dict[str, Any], outer: str, inner: str) -> list[dict[str, Any]]:
    """A list that TOP wraps one level deeper and leaves out when empty."""
    wrapped = answer.get(outer)
    rows = wrapped.get(inner) if isinstance(wrapped, dict) else wrapped
    if rows in (None, ""):
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise http.unreadable(effect=False)
    return rows


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
