"""Wangdiantong flagship: positional JSON arguments, signed query, pages from 0, time counted from 2012 in Beijing."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client, beijing, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

#: 2012-01-01 00:00 in Beijing: the zero of this platform's timestamps.
EPOCH = 1_325_347_200
#: Most orders of one push, most numbers of one stock-out question.
MAX_PUSH = 100
#: status → kind for (calls with effect, calls that read); 0 is success, 100 is looked at by its text.
STATUS: dict[int, tuple[Kind, Kind]] = {
    1: ("configuration", "configuration"),
    2: ("configuration", "configuration"),
    3: ("configuration", "configuration"),
    4: ("unknown", "retry"),
    5: ("unknown", "retry"),
    6: ("configuration", "configuration"),
    7: ("configuration", "configuration"),
    8: ("configuration", "configuration"),
    99: ("unknown", "business"),
    100: ("business", "business"),
}
#: Texts of status 100 that mean "too fast", not "no".
TOO_FAST = ("超过每分钟最大调用频率限制", "超过每分钟最大并发次数限制")
#: Members of `data` that hold the rows, in the order they are looked for.
ROWS = ("order", "orders", "detail_list", "details_list", "list")


class Page(NamedTuple):
    """One page of rows and how many there are in all (None where the platform does not say)."""

    rows: list[dict[str, Any]]
    total: int | None


class Wangdiantong(Client):
    """Order push, stock and read-backs of one account (sid)."""

    platform = "wangdiantong"

    def push_orders(
        self, shop_no: str, trades: Sequence[dict[str, Any]], lines: Sequence[dict[str, Any]]
    ) -> dict[str, Any]:
        """Pushes own-shop orders (at most 100); a tid pushed again is an update.

        {"new": n, "changed": n, "errors": {tid: message}}: a call that succeeds may still refuse single orders.
        """
        if not 0 < len(trades) <= MAX_PUSH:
            raise ValueError(f"one push takes 1 to {MAX_PUSH} orders")
        data = self.call("sales.RawTrade.pushSelf2", [shop_no, list(trades), list(lines)], effect=True)
        if not isinstance(data, dict):
            raise http.unreadable(effect=True)
        errors = {str(row.get("no")): str(row.get("error") or "") for row in data.get("error_list") or []}
        return {
            "new": int(data.get("new_count") or 0),
            "changed": int(data.get("chg_count") or 0),
            "errors": errors,
        }

    def stockouts(self, src_order_nos: Sequence[str]) -> list[dict[str, Any]]:
        """Stock-out documents of these order numbers, whatever their time; one request a number."""
        found: list[dict[str, Any]] = []
        for number in dict.fromkeys(src_order_nos):
            page = self._page(
                "wms.stockout.Sales.queryWithDetail",
                {"src_order_no": number, "need_pick_position": 1},
                0,
                200,
            )
            found += page.rows
        return found

    def stockouts_between(
        self, start: datetime, end: datetime, page: int = 0, size: int = 200, status_type: int = 0
    ) -> Page:
        """Stock-outs by time, at most an hour; status_type 0 = delayed and done by consign time, 1–3 by modified."""
        return self._page(
            "wms.stockout.Sales.queryWithDetail",
            {**_window(start, end), "status_type": status_type, "need_pick_position": 1},
            page,
            size,
        )

    def stock(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        spec_nos: Sequence[str] = (),
        warehouse_no: str = "",
        page: int = 0,
        size: int = 500,
    ) -> Page:
        """Stock per SKU and warehouse, by last change (at most 30 days) or by SKU codes."""
        if spec_nos:
            asked: dict[str, Any] = {"spec_nos": list(spec_nos)}
        elif start is not None and end is not None:
            asked = dict(_window(start, end))
        else:
            raise ValueError("ask for a time window or for SKU codes")
        return self._page(
            "wms.StockSpec.search2",
            asked | ({"warehouse_no": warehouse_no} if warehouse_no else {}),
            page,
            size,
        )

    def stock_bins(self, rec_ids: Sequence[str | int], page: int = 0, size: int = 500) -> Page:
        """Stock per bin and batch of rows that `stock` gave (their rec_id)."""
        ids = ",".join(str(number) for number in rec_ids)
        return self._page("wms.StockSpec.stockDetailSearch", {"stock_spec_id_list": ids}, page, size)

    def refund_stockins(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Returned goods taken in, by modification, at most 30 days."""
        return self._page("wms.stockin.Refund.queryWithDetail", dict(_window(start, end)), page, size)

    def purchase_orders(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Purchase orders with their lines, by modification, at most 30 days."""
        return self._page("purchase.PurchaseOrder.queryWithDetail", dict(_window(start, end)), page, size)

    def purchase_stockins(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Purchased goods taken in, by modification, at most 30 days."""
        return self._page("wms.stockin.Purchase.queryWithDetail", dict(_window(start, end)), page, size)

    def shipped_numbers(self, shop_no: str, page: int = 0, size: int = 200) -> Page:
        """Waybill numbers of own-platform orders that left and that the shop has not acknowledged; pages from 0."""
        return self._page(
            "sales.LogisticsSync.getSyncListExt", {"shop_no": shop_no, "is_own_platform": True}, page, size
        )

    def acknowledge_numbers(self, rows: Sequence[dict[str, Any]]) -> None:
        """`rows` {sync_id, status: 0 taken · −100 comes again · 2 failed, error_msg}; repeating changes nothing."""
        self.call("sales.LogisticsSync.update", [list(rows)], effect=False)

    def call(
        self, method: str, args: Sequence[Any], *, effect: bool, page: int | None = None, size: int = 100
    ) -> Any:
        """The `data` of one method; the JSON text that is signed is the one that is sent."""
        secret, mark, salt = self.secret("app_secret").partition(":")
        if not mark:
            raise PlatformError(
                "configuration", "app_secret", _("The secret must be written as secret:salt.")
            )
        query: dict[str, Any] = {
            "sid": self.option("sid"),
            "key": self.connection.app_key,
            "salt": salt,
            "method": method,
            "v": "1.0",
            "timestamp": str(int(time.time()) - EPOCH),
        }
        if page is not None:
            query |= {"page_size": str(size), "page_no": str(page), "calc_total": "1"}
        body = utf8(dumps(list(args)))
        query["sign"] = signing.wdt_flagship(secret, query, body.decode())
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/openapi?{urlencode(query)}",
            body,
            (("Content-Type", "application/json"),),
            read_seconds=20.0,
        )
        return self._call(method, request, effect=effect, read=lambda response: _read(response, effect))

    def _page(self, method: str, params: dict[str, Any], page: int, size: int) -> Page:
        data = self.call(method, [params], effect=False, page=page, size=size)
        if isinstance(data, list):
            rows, total = data, None
        elif isinstance(data, dict):
            named = next((data[name] for name in ROWS if isinstance(data.get(name), list)), None)
            rows = (
                named
                if named is not None
                else next((item for item in data.values() if isinstance(item, list)), [])
            )
            total = int(data["total_count"]) if str(data.get("total_count", "")).isdigit() else None
        else:
            rows, total = [], 0
        if not all(isinstance(row, dict) for row in rows):
            raise http.unreadable(effect=False)
        return Page(rows, total)


def _read(response: httpx.Response, effect: bool) -> Any:
    answer = http.json_object(response, effect)
    status = answer.get("status")
    if isinstance(status, bool) or not str(status).lstrip("-").isdigit():
        raise http.unreadable(effect)
    number, message = int(str(status)), str(answer.get("message") or "")
    if number == 0:
        return answer.get("data")
    if number == 100 and any(text in message for text in TOO_FAST):
        raise PlatformError("retry", "rate_limit", message, 60.0)
    kinds = STATUS.get(number, ("unknown", "business"))
    raise PlatformError(
        kinds[0 if effect else 1], str(number), message or _("Wangdiantong refused the call.")
    )


def _window(start: datetime, end: datetime) -> dict[str, str]:
    return {"start_time": beijing(start), "end_time": beijing(end)}
