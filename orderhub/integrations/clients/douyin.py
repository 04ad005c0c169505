"""Douyin shop (抖店): one gateway, a canonical JSON body under five signed parameters, fen, a token of a week.

Source: the platform's public SDKs as collected in the protocol notes. Orders are listed newest change first and
pages are counted from 0; receivers come as ciphertext and masks, and both are handed on unopened.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, oauth, signing
from orderhub.integrations.clients.base import utf8
from orderhub.integrations.clients.douyin_waybill import DouyinWaybill, listed
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import loads, member
from orderhub.integrations.models import Connection

DONE, PARTLY = 10000, 10001
#: Main codes; what stands in SUB_CODES says more.
CODES: dict[int, Kind] = {
    20000: "retry",
    20001: "retry",
    30001: "reauthorise",
    30002: "configuration",
    40001: "business",
    40002: "business",
    40003: "business",
    40004: "business",
    50001: "business",
    50002: "business",
    60000: "retry",
    70000: "configuration",
    80000: "configuration",
    90000: "retry",
}
#: Main codes that come from behind the gateway: what was asked for may have happened.
AFTER_THE_GATE = frozenset({20000, 20001, 50001, 90000})
#: sub_codes; the longest matching beginning wins.
SUB_CODES: dict[str, Kind] = {
    "isp.": "retry",
    "dop.authorization": "reauthorise",
    "dop.app-forbidden": "configuration",
    "isv.app-permissions-insufficient": "configuration",
    "isv.signature-invalid": "configuration",
    "isv.timestamp-invalid": "configuration",
    "isv.access-token-": "reauthorise",
}
#: Numbers of isv.business-failed that mean "later", by method.
LATER = frozenset(
    {
        ("logistics.newCreateOrder", "4007"),
        ("logistics.newCreateOrder", "4029"),
        ("logistics.waybillApply", "100106"),
        ("logistics.cancelOrder", "8018"),
        ("order.addressConfirm", "20003"),
    }
)
#: An effect with this idempotency key was made before.
MADE_BEFORE = "isv.idempotent-id-existed"
#: Seconds that a refresh token is good for; the answer does not tell it.
REFRESH_SECONDS = 14 * 86400
#: Why an address change is refused: the parcel is being …
REFUSALS = {"picking": 1001, "allocating": 1002, "in_warehouse": 1003, "leaving": 1004, "shipping": 1005}
#: Answers to an address change that was answered before.
APPROVED_BEFORE, REFUSED_BEFORE = "50040", "50041"
#: There is no application (any more): never asked, or overtaken by a refund.
NOTHING_ASKED = frozenset({"50039", "50042"})
SHIPPED = frozenset({3, 5, 101})
Order = tuple[dict[str, Any], bytes]


class Douyin(DouyinWaybill):
    """Orders, refunds, shipping and address changes of one shop; the e-waybill calls are in `douyin_waybill`."""

    platform = "douyin"

    def call(
        self, method: str, params: Mapping[str, Any] | None = None, *, effect: bool = False
    ) -> dict[str, Any]:
        """The data of one method; an expired token is refreshed once and the call repeated."""
        return self._asked(method, params or {}, effect)[0]

    def changed_count(self, start: datetime, end: datetime) -> int:
        """How many orders changed in the window: read this first, then pages backwards."""
        return int(self._search(start, end, 0, 1).get("total") or 0)

    def changed_page(
        self, start: datetime, end: datetime, page: int, size: int = 100
    ) -> list[dict[str, Any]]:
        """One page (from 0, at most 100 rows) of orders by change, newest first; [] past the end."""
        return listed(self._search(start, end, page, size), "shop_order_list")

    def detail(self, order_id: str) -> Order:
        """One order with its lines, and the exact text of the order in the answer as bytes."""
        data, text = self._asked("order.orderDetail", {"shop_order_id": main_order(order_id)}, False)
        order, exact = data.get("shop_order_detail"), member(text, "data", "shop_order_detail")
        if not isinstance(order, dict) or exact is None:
            raise http.unreadable(effect=False)
        return order, exact.encode("utf-8", "surrogatepass")

    def details(self, order_ids: Iterable[str], threads: int = 4) -> dict[str, Order | PlatformError]:
        """`detail` of many orders by a small pool of threads; one that can't be read carries its error."""
        return self.read_many(order_ids, Douyin.detail, threads)

    def refunds(self, start: datetime, end: datetime, page: int, size: int = 100) -> list[dict[str, Any]]:
        """One page (from 0) of after-sale cases by change: `aftersale_info` with its main order's `shop_order_id`."""
        asked = {
            "update_start_time": unix(start),
            "update_end_time": unix(end),
            "order_by": ["update_time desc"],
            "page": page,
            "size": size,
        }
        found = []
        for row in listed(self.call("afterSale.List", asked), "items"):
            case, order = row.get("aftersale_info"), row.get("order_info")
            if not isinstance(case, dict) or not isinstance(order, dict):
                raise http.unreadable(effect=False)
            found.append({**case, "shop_order_id": str(order.get("shop_order_id") or "")})
        return found

    def ship(
        self, order_id: str, company_code: str, number: str, lines: Sequence[tuple[str, int]] = ()
    ) -> dict[str, Any]:
        """Tells Douyin the parcel; {"already": bool}. An order that already carries this number counts as told.

        `lines` are (sub-order id, pieces) where the parcel holds only a part. A pending refund refuses the call
        (we never ask Douyin to reject it).
        """
        order_id = main_order(order_id)
        try:
            if lines:
                parts = [{"shipped_order_id": line, "shipped_num": count} for line, count in lines]
                pack = {"logistics_code": number, "company_code": company_code, "shipped_order_info": parts}
                asked = {"order_id": order_id, "request_id": f"{order_id}-{number}", "pack_list": [pack]}
                self.call("order.logisticsAddMultiPack", asked, effect=True)
            else:
                asked = {"order_id": order_id, "company_code": company_code, "logistics_code": number}
                self.call("order.logisticsAdd", asked, effect=True)
        except PlatformError as error:
            known = error.kind == "business" and (
                error.code == MADE_BEFORE or number in self.shipped_numbers(order_id)
            )
            if known:
                return {"already": True}
            raise
        return {"already": False}

    def shipped_numbers(self, order_id: str) -> set[str]:
        """The numbers under which Douyin holds the order's parcels as shipped."""
        order, _raw = self.detail(order_id)
        if order.get("order_status") not in SHIPPED:
            return set()
        return {str(row["tracking_no"]) for row in listed(order, "logistics_info") if row.get("tracking_no")}

    def answer_address_change(self, order_id: str, refusal: str = "") -> bool:
        """Agrees to the buyer's new address, or refuses it (`refusal` is a word of REFUSALS); False where none waits.

        Answered the same way before counts as answered; the other way before is a business error.
        """
        asked = {"order_id": main_order(order_id), "is_approved": REFUSALS[refusal] if refusal else 0}
        try:
            self.call("order.addressConfirm", asked, effect=True)
        except PlatformError as error:
            said = error.code.rpartition(":")[2]
            if said == (REFUSED_BEFORE if refusal else APPROVED_BEFORE):
                return True
            if said in NOTHING_ASKED:
                return False
            raise
        return True

    def goods_page(self, page: int, size: int = 100) -> list[dict[str, Any]]:
        """One page (from 1) of products: product_id, name; [] past the end (product.listV2)."""
        return listed(self.call("product.listV2", {"page": page, "size": size}), "data")

    def skus(self, product_id: str) -> list[dict[str, Any]]:
        """SKUs of one product: id, code, stock_num (sku.list, whose data is a list)."""
        return listed(self.call("sku.list", {"product_id": int(product_id)}), "rows")

    def set_stocks(self, product_id: str, stocks: Mapping[str, int]) -> None:
        """Sets the whole numbers of SKUs of one product, all or none (sku.syncStockBatch; sku_type 0 is common stock)."""
        rows = [{"sku_id": int(sku), "sku_type": 0, "stock_num": n} for sku, n in stocks.items()]
        asked = {"product_id": int(product_id), "incremental": False, "sku_sync_list": rows}
        self.call("sku.syncStockBatch", asked, effect=True)

    def set_limit(self, product_id: str, pieces: int) -> None:
        """Sets how many pieces of a product one buyer may have, at once and in all (product.editBuyerLimit).

        The product goes through the platform's audit before buyers meet the new limit; while it is there, another change is
        refused with isp.service-error:2010004. Source: op.jinritemai.com/docs/api-docs/14/1823, as public SDKs of it show.
        """
        asked = {"product_id": int(product_id), "maximum_per_order": pieces, "limit_per_buyer": pieces}
        self.call("product.editBuyerLimit", {**asked, "minimum_per_order": 1}, effect=True)

    def event_is_ours(self, app_id: str, signature: str, body: bytes) -> bool:
        """Whether a pushed message was signed for our app with our secret."""
        text = body.decode("utf-8", "surrogateescape")
        if app_id != self.connection.app_key or not signature:
            return False
        try:
            made = signing.douyin_event(self.connection.app_key, self.secret("app_secret"), text)
        except UnicodeEncodeError:
            return False
        return signing.same(made, signature)

    def shop_key_query(self) -> str:
        """The signed query by which the print component fetches the shop's key; good for five minutes.

        It carries the shop's token: only for a logged-in print station, never stored and never logged.
        """
        return urlencode(self._parameters("logistics.getShopKey", "{}", self.access_token))

    def _search(self, start: datetime, end: datetime, page: int, size: int) -> dict[str, Any]:
        window = {
            "update_time_start": unix(start),
            "update_time_end": unix(end),
            "order_by": "update_time",
            "order_asc": False,
        }
        return self.call("order.searchList", {**window, "page": page, "size": size})

    def _asked(self, method: str, params: Mapping[str, Any], effect: bool) -> tuple[dict[str, Any], str]:
        """Data and exact text of the answer."""
        return self.in_session(lambda: self._once(method, params, effect))

    def _once(self, method: str, params: Mapping[str, Any], effect: bool) -> tuple[dict[str, Any], str]:
        if not self.access_token:
            said = _("The shop has not been connected yet.")
            raise PlatformError("reauthorise", "no_token", said)
        request = self.request(method, params, self.access_token)
        return self._call(
            method, request, effect=effect, read=lambda response: _read(method, response, effect)
        )

    def request(self, method: str, params: Mapping[str, Any], token: str = "") -> http.Outgoing:
        """The signed request of one method; without a token only those that ask for one."""
        body = signing.douyin_json(params)
        query = self._parameters(method, body, token)
        return http.Outgoing(
            "POST",
            f"{self.base_url}/{method.replace('.', '/')}?{urlencode(query)}",
            utf8(body),
            (("Content-Type", "application/json"), ("x-open-no-old-err-code", "1")),
            read_seconds=20.0,
        )

    def _parameters(self, method: str, body: str, token: str) -> dict[str, str]:
        stamp, secret = str(int(time.time())), self.secret("app_secret")
        text = utf8(body).decode()
        whole = {
            "app_key": self.connection.app_key,
            "method": method,
            "timestamp": stamp,
            "v": "2",
            "sign_method": "hmac-sha256",
            "sign": signing.douyin(secret, self.connection.app_key, method, text, stamp),
        }
        return {**whole, "access_token": token} if token else whole


def grant(connection: Connection, form: Mapping[str, str]) -> dict[str, Any]:
    """A token for a code or a refresh token, with the life that Douyin does not tell beside it."""
    kind = form["grant_type"]
    method, name = (
        ("token.create", "code") if kind == "authorization_code" else ("token.refresh", "refresh_token")
    )
    request = Douyin(connection).request(method, {"grant_type": kind, name: form[name]})

    def read(response: httpx.Response) -> dict[str, Any]:
        try:
            data, _text = _read(method, response, effect=False)
        except PlatformError as error:
            if error.kind == "retry":
                raise
            raise oauth.refused(
                error.code, error.message, configuration=error.kind == "configuration"
            ) from error
        if not data.get("access_token"):
            raise http.unreadable(effect=False)
        return {"re_expires_in": REFRESH_SECONDS, **data}

    return http.call(connection, f"oauth.{kind}", request, effect=False, read=read)


def _read(method: str, response: httpx.Response, effect: bool) -> tuple[dict[str, Any], str]:
    """The data of an answer. A partly good one (10001) is an answer too: its rows say which failed."""
    text = response.content.decode("utf-8-sig")
    answer = loads(text)
    if not isinstance(answer, dict):
        raise http.unreadable(effect)
    code = answer.get("code")
    good = code in (DONE, PARTLY) or (code is None and answer.get("err_no") == 0)
    if not good:
        raise refusal(method, answer, effect)
    data = answer.get("data")
    if data is None:
        data = {}
    if isinstance(data, list):
        data = {"rows": data}
    if not isinstance(data, dict):
        raise http.unreadable(effect)
    return data, text


def refusal(method: str, answer: Mapping[str, Any], effect: bool) -> PlatformError:
    """The PlatformError of an answer: sub_code before code, unknown ones never repeated by themselves."""
    sub = str(answer.get("sub_code") or "")
    number = str(answer.get("code") or answer.get("err_no") or "")
    message = str(answer.get("sub_msg") or answer.get("msg") or answer.get("message") or "")
    message = message or _("Douyin refused the call.")
    main = int(number) if number.isdigit() else 0
    kind = CODES.get(main)
    beginnings = [begin for begin in SUB_CODES if sub.startswith(begin)]
    if beginnings:
        kind = SUB_CODES[max(beginnings, key=len)]
    elif (method, sub.removeprefix("isv.business-failed:")) in LATER:
        kind = "retry"
    behind = main in AFTER_THE_GATE or sub.startswith("isp.")
    if kind is None or (effect and behind and kind in ("retry", "business")):
        # Nobody knows this code, or what stands behind the gateway may have done it before it failed.
        kind = "unknown" if effect else "business"
    wait = (60.0 if main == 60000 else 10.0) if kind == "retry" else None
    return PlatformError(kind, sub or number or "no_code", message, wait)


def unix(moment: datetime) -> int:
    """An aware moment as the whole seconds that Douyin takes."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return int(moment.timestamp())


def main_order(order_id: str) -> str:
    """The main order's number as calls want it: older faces carry a trailing "A"."""
    return order_id.removesuffix("A")
