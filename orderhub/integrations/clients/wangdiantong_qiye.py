"""Wangdiantong enterprise: form parameters signed with their lengths, one page a method, pages from 0, code 0 is success."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client, beijing
from orderhub.integrations.clients.wangdiantong import Page
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.jsontext import dumps

#: Most orders of one push.
MAX_PUSH = 50
#: Texts that mean "too fast" and not "no"; other refusals are never repeated by themselves.
TOO_FAST = ("频率", "并发")
#: Texts by which the gate refuses our account and not this record.
GATE = ("签名", "sign", "appkey", "sid", "时间戳", "timestamp", "IP", "权限")


class WangdiantongQiye(Client):
    """One account (sid). Rows are the platform's own; what they mean is for the providers.

    The connection's app_key is the appkey; secret app_secret; options sid and shop_no.
    """

    platform = "wangdiantong_qiye"

    def push_orders(self, shop_no: str, trades: Sequence[dict[str, Any]]) -> dict[str, int]:
        """Own-shop orders with their lines inside (at most 50); a tid pushed again is an update. {"new", "changed"}."""
        if not 0 < len(trades) <= MAX_PUSH:
            raise ValueError(f"one push takes 1 to {MAX_PUSH} orders")
        answer = self.call(
            "trade_push", {"shop_no": shop_no, "switch": 0, "trade_list": list(trades)}, effect=True
        )
        return {"new": int(answer.get("new_count") or 0), "changed": int(answer.get("chg_count") or 0)}

    def trades(self, src_tid: str) -> list[dict[str, Any]]:
        """The system's orders made of one of our numbers."""
        return self.page("trade_query", "trades", {"src_tid": src_tid}, 0, 40).rows

    def stockouts(self, trade_no: str) -> list[dict[str, Any]]:
        """Stock-outs of one of the system's order numbers, whatever their time."""
        return self.page(
            "stockout_order_query_trade", "stockout_list", {"src_order_no": trade_no}, 0, 40
        ).rows

    def stockouts_between(
        self, start: datetime, end: datetime, page: int = 0, size: int = 100, status: int | None = None
    ) -> Page:
        """At most 30 days: without a status (or from 95) by consign time, below 95 by time of change."""
        asked = {**_window(start, end), **({} if status is None else {"status": status})}
        return self.page("stockout_order_query_trade", "stockout_list", asked, page, size)

    def stock(
        self,
        start: datetime | None = None,
        end: datetime | None = None,
        spec_nos: Sequence[str] = (),
        warehouse_no: str = "",
        page: int = 0,
        size: int = 100,
    ) -> Page:
        """Stock per SKU and warehouse, by last change (at most 30 days) or by one SKU code a call."""
        where = {"warehouse_no": warehouse_no} if warehouse_no else {}
        if spec_nos:
            rows: list[dict[str, Any]] = []
            for code in dict.fromkeys(spec_nos):
                rows += self.page("stock_query", "stocks", {"spec_no": code, **where}, 0, size).rows
            return Page(rows, len(rows))
        if start is None or end is None:
            raise ValueError("ask for a time window or for SKU codes")
        return self.page("stock_query", "stocks", {**_window(start, end), **where}, page, size)

    def refund_stockins(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Returned goods taken in, by modification, at most 30 days."""
        return self.page("stockin_order_query_refund", "stockin_list", _window(start, end), page, size)

    def purchase_orders(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Purchase orders with their lines, by modification, at most 30 days."""
        return self.page("purchase_order_query", "purchase_list", _window(start, end), page, size)

    def purchase_stockins(self, start: datetime, end: datetime, page: int = 0, size: int = 100) -> Page:
        """Purchased goods taken in, by modification, at most 30 days."""
        return self.page("stockin_order_query_purchase", "stockin_list", _window(start, end), page, size)

    def shipped_numbers(self, shop_no: str, size: int = 100) -> list[dict[str, Any]]:
        """Waybill numbers of orders that left and that the shop has not acknowledged: the oldest `size` of them."""
        answer = self.call("logistics_sync_query", {"shop_no": shop_no, "limit": size}, effect=False)
        found = answer.get("trades") or []
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise http.unreadable(effect=False)
        return found

    def acknowledge_numbers(self, rows: Sequence[dict[str, Any]]) -> None:
        """`rows` {rec_id, status: 0 taken · 1 failed, message}; repeating changes nothing."""
        self.call("logistics_sync_ack", {"logistics_list": list(rows)}, effect=False)

    def page(self, name: str, rows: str, params: Mapping[str, Any], page: int, size: int) -> Page:
        """One page of a question; `rows` is the member that holds them."""
        answer = self.call(name, {**params, "page_no": page, "page_size": size}, effect=False)
        found = answer.get(rows) or []
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise http.unreadable(effect=False)
        total = str(answer.get("total_count", ""))
        return Page(found, int(total) if total.isdigit() else None)

    def call(self, name: str, params: Mapping[str, Any], *, effect: bool) -> dict[str, Any]:
        """The answer of one method; the values that are signed are the texts that are sent."""
        sent = {
            key: dumps(value) if isinstance(value, list | dict) else str(value)
            for key, value in params.items()
        }
        sent = {key: value.encode("utf-8", "replace").decode() for key, value in sent.items()}
        sent |= {
            "sid": str(self.option("sid")),
            "appkey": self.connection.app_key,
            "timestamp": str(int(time.time())),
        }
        sent["sign"] = signing.wdt_enterprise(self.secret("app_secret"), sent)
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/openapi2/{name}.php",
            urlencode(sent).encode(),
            (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
            read_seconds=20.0,
        )
        return self._call(name, request, effect=effect, read=lambda response: _read(response, effect))


def _read(response: httpx.Response, effect: bool) -> dict[str, Any]:
    answer = http.json_object(response, effect)
    code, message = str(answer.get("code", "")), str(answer.get("message") or "")
    if code == "0":
        return answer
    if not code.lstrip("-").isdigit():
        raise http.unreadable(effect)
    if any(word in message for word in TOO_FAST):
        raise PlatformError("retry", "rate_limit", message, 60.0)
    gate = any(word in message for word in GATE)
    raise PlatformError(
        "configuration" if gate else "business", code, message or _("Wangdiantong refused the call.")
    )


def _window(start: datetime, end: datetime) -> dict[str, str]:
    return {"start_time": beijing(start), "end_time": beijing(end)}
