"""Pinduoduo Open Platform: one gateway, form parameters, an MD5 over all of them, times as UNIX seconds.

Source: the platform's public pages and clients as collected in the protocol notes (POP). The answers' names
can't be derived from the calls', so they are a table.
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
from orderhub.integrations.clients.base import Client
from orderhub.integrations.clients.pinduoduo_errors import refusal
from orderhub.integrations.clients.pinduoduo_waybill import PinduoduoWaybill
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.jsontext import dumps, loads, member
from orderhub.integrations.models import Connection

#: Where an answer's name is not the call's with underscores; "" in a page's notes means: the one that is there.
ANSWERS = {
    "pdd.pop.auth.token.create": "pop_auth_token_create_response",
    "pdd.pop.auth.token.refresh": "pop_auth_token_refresh_response",
    "pdd.time.get": "time_get_response",
    "pdd.order.list.get": "order_list_get_response",
    "pdd.order.number.list.increment.get": "order_sn_increment_get_response",
    "pdd.order.information.get": "order_info_get_response",
    "pdd.logistics.companies.get": "logistics_companies_get_response",
    "pdd.logistics.online.send": "logistics_online_send_response",
    "pdd.order.upload.extra.logistics": "upload_extra_logistics_response",
    "pdd.refund.list.increment.get": "refund_increment_get_response",
    "pdd.waybill.search": "pdd_waybill_search_response",
    "pdd.waybill.get": "pdd_waybill_get_response",
    "pdd.goods.list.get": "goods_list_get_response",
    "pdd.goods.quantity.update": "goods_quantity_update_response",
}
#: order_status or refund_status: all of them.
ALL = 5
#: A second parcel of one order, goods sent again, a gift.
SPLIT, SENT_AGAIN, GIFT = 1, 2, 3
SHIPPED = (2, 3)
COMPANIES_FRESH_SECONDS = 3600.0
Order = tuple[dict[str, Any], bytes]
_companies: dict[int, tuple[float, dict[str, int]]] = {}


class Pinduoduo(PinduoduoWaybill):
    """Orders, refunds and shipping of one shop; the e-waybill calls are in `pinduoduo_waybill`."""

    platform = "pinduoduo"

    def call(self, type_: str, *, effect: bool = False, **params: Any) -> dict[str, Any]:
        """The inner answer of one call; an expired token is refreshed once and the call repeated."""
        return self._pop(type_, params, effect)[0]

    def changed_count(self, start: datetime, end: datetime) -> int:
        """How many orders were changed in the window (at most 30 minutes): read this first, then pages backwards."""
        return _count(self._changed(start, end, 1, 1))

    def changed_page(
        self, start: datetime, end: datetime, page: int, size: int = 100
    ) -> list[dict[str, Any]]:
        """One page (from 1) of orders by change, newest first; [] past the end. Numbers and times only."""
        return _rows(self._changed(start, end, page, size), "order_sn_list")

    def confirmed_count(self, start: datetime, end: datetime) -> int:
        """How many orders were concluded in the window (at most 24 hours, three months back)."""
        return _count(self._confirmed(start, end, 1, 1))

    def confirmed_page(
        self, start: datetime, end: datetime, page: int, size: int = 100
    ) -> list[dict[str, Any]]:
        """One page (from 1) of orders by the time they were concluded, newest first; [] past the end."""
        return _rows(self._confirmed(start, end, page, size), "order_list")

    def detail(self, order_sn: str) -> Order:
        """One order with its goods, and the exact text of it in the answer as bytes."""
        inner, text = self._pop("pdd.order.information.get", {"order_sn": order_sn}, False)
        order = inner.get("order_info")
        exact = member(text, ANSWERS["pdd.order.information.get"], "order_info")
        if not isinstance(order, dict) or exact is None:
            raise http.unreadable(effect=False)
        return order, exact.encode("utf-8", "surrogatepass")

    def details(self, order_sns: Iterable[str], threads: int = 4) -> dict[str, Order | PlatformError]:
        """`detail` of many orders by a small pool of threads; an order that can't be read carries its error."""
        return self.read_many(order_sns, Pinduoduo.detail, threads)

    def refund_count(self, start: datetime, end: datetime) -> int:
        """How many after-sales were changed in the window (at most 30 minutes)."""
        return _count(self._refunds(start, end, 1, 1))

    def refund_page(self, start: datetime, end: datetime, page: int, size: int = 100) -> list[dict[str, Any]]:
        """One page (from 1) of after-sales by change; [] past the end."""
        return _rows(self._refunds(start, end, page, size), "refund_list")

    def send(self, order_sn: str, company: str, number: str, refund_address: str = "") -> dict[str, Any]:
        """Tells Pinduoduo the first parcel; {"already": bool}. An order that carries this number counts as told."""
        params = {
            "order_sn": order_sn,
            "logistics_id": self.company_id(company),
            "tracking_number": number,
            "redelivery_type": 1,
            "refund_address_id": refund_address,
        }
        try:
            inner = self.call("pdd.logistics.online.send", effect=True, **params)
        except PlatformError as error:
            if error.kind == "business" and self.shipped_with(order_sn) in (number, ""):
                return {"already": True}
            raise
        if inner.get("is_success") not in (True, "true", 1):
            raise PlatformError("business", "not_shipped", _("Pinduoduo did not accept the shipment."))
        return {"already": False}

    def shipped_with(self, order_sn: str) -> str | None:
        """The number under which Pinduoduo holds the order as shipped ("" where it shows none); None if unshipped."""
        order, _raw = self.detail(order_sn)
        return str(order.get("tracking_number") or "") if order.get("order_status") in SHIPPED else None

    def send_extra(self, order_sn: str, parcels: Sequence[tuple[str, str]], kind: int = SPLIT) -> None:
        """Further (company, number) of an order that was sent already: the buyer sees them, no state changes."""
        rows = [
            {"shipping_id": self.company_id(company), "tracking_number": number}
            for company, number in parcels
        ]
        inner = self.call(
            "pdd.order.upload.extra.logistics",
            effect=True,
            order_sn=order_sn,
            extra_track_list=rows,
            extra_track_type=kind,
        )
        if inner.get("success") not in (True, "true", 1):
            raise PlatformError("business", "not_shipped", _("Pinduoduo did not accept the shipment."))

    def merge_groups(self, order_sns: Sequence[str]) -> list[list[str]]:
        """Which of at most 100 orders may share a parcel, as Pinduoduo groups them; singles are groups of one.

        Orders with the same open_address_id need not be asked about; ask again after a change of address.
        """
        if not 0 < len(order_sns) <= 100:
            raise ValueError("one call takes 1 to 100 orders")
        inner = self.call(
            "pdd.order.merge.ship.order.group", order_list=[{"order_sn": number} for number in order_sns]
        )
        return [[str(number) for number in row["order_sn_list"]] for row in _rows(inner, "order_group_list")]

    def update_address(self, order_sn: str, **address: str) -> None:
        """Sets a new plain address (province, city, town, address, receiver_name, receiver_phone) before shipping."""
        inner = self.call("pdd.order.update.address", effect=True, order_sn=order_sn, **address)
        if inner.get("is_success") not in (True, "true", 1):
            raise PlatformError("business", "address", _("Pinduoduo did not accept the address."))

    def goods_page(self, page: int, size: int = 100) -> list[dict[str, Any]]:
        """One page (from 1) of goods with their sku_list (sku_id, outer_id, sku_quantity); [] past the end."""
        return _rows(self.call("pdd.goods.list.get", page=page, page_size=size), "goods_list")

    def set_quantity(self, what: str) -> None:
        """Sets the whole number of one SKU, said as goods_id:sku_id:quantity (pdd.goods.quantity.update, update_type 1)."""
        goods_id, sku_id, quantity = what.split(":")
        asked = {"goods_id": goods_id, "sku_id": sku_id, "quantity": quantity, "update_type": 1}
        inner = self.call("pdd.goods.quantity.update", effect=True, **asked)
        if inner.get("is_success") not in (True, "true", 1):
            raise PlatformError("business", "quantity", _("Pinduoduo did not accept the number."))

    def company_id(self, code: str) -> int:
        """Pinduoduo's own number of a carrier; "configuration" where it has none for the code."""
        read_at, known = _companies.get(self.connection.pk, (0.0, {}))
        if code not in known or time.monotonic() - read_at > COMPANIES_FRESH_SECONDS:
            rows = _rows(self.call("pdd.logistics.companies.get"), "logistics_companies")
            known = {
                str(row["code"]): int(row["id"])
                for row in rows
                if row.get("available", 1) in (1, True) and row.get("code")
            }
            _companies[self.connection.pk] = (time.monotonic(), known)
        if code not in known:
            text = _("Pinduoduo knows no carrier %(code)s.") % {"code": code}
            raise PlatformError("configuration", "unknown_carrier", text)
        return known[code]

    def opened(self, client_id: str, millis: str, digest: str) -> bool:
        """Whether somebody who knows our secret opened the message channel; the messages are not signed."""
        secret = self.secret("app_secret", "client_secret")
        right = signing.pinduoduo_opening(client_id, millis, secret)
        return client_id == self.connection.app_key and signing.same(right, digest)

    def _changed(self, start: datetime, end: datetime, page: int, size: int) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "start_updated_at": _seconds(start),
            "end_updated_at": _seconds(end),
            "is_lucky_flag": 0,
            "order_status": ALL,
            "refund_status": ALL,
        }
        return self.call("pdd.order.number.list.increment.get", **asked, **_paging(page, size))

    def _confirmed(self, start: datetime, end: datetime, page: int, size: int) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "start_confirm_at": _seconds(start),
            "end_confirm_at": _seconds(end),
            "order_status": ALL,
            "refund_status": ALL,
        }
        return self.call("pdd.order.list.get", **asked, **_paging(page, size))

    def _refunds(self, start: datetime, end: datetime, page: int, size: int) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "start_updated_at": _seconds(start),
            "end_updated_at": _seconds(end),
            "after_sales_status": 1,
            "after_sales_type": 1,
            "page": page,
            "page_size": size,
        }
        return self.call("pdd.refund.list.increment.get", **asked)

    def _pop(self, type_: str, params: Mapping[str, Any], effect: bool) -> tuple[dict[str, Any], str]:
        """Inner answer and exact text."""
        return self.in_session(
            lambda: _once(self, type_, {**params, "access_token": self.access_token}, effect)
        )


def grant(connection: Connection, form: Mapping[str, str]) -> dict[str, Any]:
    """A token for a code or a refresh token, by the gateway's own two calls (see `oauth.Shape`)."""
    create = form["grant_type"] == "authorization_code"
    params = {"code": form["code"]} if create else {"refresh_token": form["refresh_token"]}
    call = "pdd.pop.auth.token.create" if create else "pdd.pop.auth.token.refresh"
    try:
        answer, _text = _once(Client(connection), call, params, False, label=f"oauth.{form['grant_type']}")
    except PlatformError as error:
        if error.kind in ("business", "reauthorise"):
            raise oauth.refused(error.code, error.message, configuration=False) from error
        raise
    if not answer.get("access_token"):
        raise http.unreadable(effect=False)
    return answer


def _once(
    speaker: Client, type_: str, params: Mapping[str, Any], effect: bool, label: str = ""
) -> tuple[dict[str, Any], str]:
    whole = {
        "type": type_,
        "client_id": speaker.connection.app_key,
        "timestamp": str(int(time.time())),
        "data_type": "JSON",
        "version": "V1",
    } | {name: _text(value) for name, value in params.items()}
    whole = {name: value for name, value in whole.items() if value != ""}
    whole["sign"] = signing.pinduoduo(speaker.secret("app_secret", "client_secret"), whole)
    request = http.Outgoing(
        "POST",
        f"{speaker.base_url}/api/router",
        urlencode(whole).encode(),
        (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
        read_seconds=20.0,
    )
    own = speaker.connection.options.get("error_kinds")

    def read(response: httpx.Response) -> tuple[dict[str, Any], str]:
        text = response.content.decode("utf-8-sig")
        return _inner(loads(text), type_, effect, own), text

    return speaker._call(label or type_, request, effect=effect, read=read)


def _inner(answer: Any, type_: str, effect: bool, own: Any) -> dict[str, Any]:
    """The answer by its listed name; where the pages print none, the one that is there."""
    if not isinstance(answer, dict):
        raise http.unreadable(effect)
    if isinstance(answer.get("error_response"), dict):
        raise refusal(answer["error_response"], effect, own if isinstance(own, dict) else None)
    name = ANSWERS.get(type_)
    if name is None:
        (name,) = [key for key in answer if key.endswith("_response")] or ("",)
    inner = answer.get(name)
    if not isinstance(inner, dict):
        raise http.unreadable(effect)
    return inner


def _paging(page: int, size: int) -> dict[str, Any]:
    """Counted pages: with use_has_next there is no total, and without a total no last page to begin with."""
    return {"page": page, "page_size": size, "use_has_next": False}


def _count(answer: Mapping[str, Any]) -> int:
    total = answer.get("total_count")
    if not isinstance(total, int) or isinstance(total, bool):
        raise http.unreadable(effect=False)
    return total


def _rows(answer: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    rows = answer.get(name)
    if rows in (None, ""):
        return []
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise http.unreadable(effect=False)
    return rows


def _seconds(moment: datetime) -> int:
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return int(moment.timestamp())


def _text(value: Any) -> str:
    """A parameter as it is signed and sent: truth in small letters, lists and objects as compact JSON."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return dumps(value)
    return "" if value is None else str(value).encode("utf-8", "replace").decode()
