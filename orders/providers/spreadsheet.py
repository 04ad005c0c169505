"""A shop whose orders come as a sheet (CSV or XLSX): rows with one order number are one order, kept as they stand.

Who brings the sheet vouches for its payments: a row counts as paid where it says so and names amount and receipt.
"""

from __future__ import annotations

import datetime as dt
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from orderhub.imports import reading
from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import PlatformError
from orders.providers import own_shop
from orders.providers.base import (
    BEIJING,
    ChannelState,
    ParsedOrder,
    ParsedProof,
    Unreadable,
    mapped,
    money,
    words,
)
from orders.providers.channel import Channel, Told, Word, payload_version

#: The sheet's columns, by the words at their head; the first row of an order speaks for the whole order.
HEADS = {
    "订单号": "number", "下单时间": "ordered_at", "状态": "state", "付款时间": "paid_at", "收款单号": "receipt",
    "应付金额": "payable", "实收金额": "paid", "运费": "freight", "收货人": "name", "电话": "phone", "省": "province",
    "市": "city", "区": "district", "街道": "town", "详细地址": "address", "商品编码": "sku", "商品名称": "title",
    "数量": "quantity", "单价": "unit_price", "买家留言": "remark",
}  # fmt: skip
NEEDED = {
    "订单号",
    "下单时间",
    "状态",
    "应付金额",
    "收货人",
    "电话",
    "省",
    "详细地址",
    "商品编码",
    "数量",
    "单价",
}
STATES = {"已付款": ChannelState.TO_SHIP, "未付款": ChannelState.UNPAID, "已取消": ChannelState.CANCELLED}
MOST_ROWS = 20_000


class Spreadsheet(Channel):
    """Orders of a CSV (UTF-8 or GB18030) or XLSX file; nobody can be asked about them or told of them."""

    pulled = False
    by_file = True
    warehouse_ways = ("wangdiantong", "qimen")

    def parse(self, raw: bytes) -> ParsedOrder:
        kept = json.loads(raw)
        rows: list[dict[str, str]] = kept["rows"]
        first, read_at = rows[0], dt.datetime.fromisoformat(kept["read_at"])
        state = mapped(first.get("state"), STATES, _("state"))
        body = {
            **{name: first.get(name) for name in ("number", "payable", "remark")},
            "created_at": _moment(first.get("ordered_at"), _("order time")).isoformat(),
            "freight": first.get("freight") or "0",
            "receiver": {n: first.get(n) for n in ("name", "phone", "province", "city", "district", "town", "address")},
            "lines": [
                {"line_id": str(place), **{n: row.get(n) for n in ("sku", "title", "unit_price")}, "quantity": _pieces(row)}
                for place, row in enumerate(rows, 1)
            ],
        }  # fmt: skip
        order = own_shop.parse(json.dumps(body).encode())
        paid_at, proof = None, None
        if state is ChannelState.TO_SHIP:
            receipt = words(first.get("receipt"), _("receipt"), 64, required=True)
            paid_at = _moment(first.get("paid_at"), _("payment time"))
            paid = money(first.get("paid"), _("amount received"))
            proof = ParsedProof("spreadsheet", receipt, str(first["state"]), True, paid, "", paid_at)
        return replace(
            order,
            state=state,
            channel_state=str(first["state"]),
            version=read_at,
            paid_at=paid_at,
            proof=proof,
        )

    def split(self, data: bytes, read_at: dt.datetime) -> list[Kept]:
        table = cells(data)
        heads = [cell.strip() for cell in table[0]] if table else []
        missing = NEEDED - set(heads)
        if missing:
            text = _("Columns are missing: %(names)s") % {"names": "、".join(sorted(missing))}
            raise Unreadable("missing", text)
        if len(table) > MOST_ROWS:
            text = _("The sheet has more than %(most)s rows: divide it.") % {"most": MOST_ROWS}
            raise Unreadable("too_long", text)
        orders: dict[str, list[dict[str, str]]] = {}
        for line in table[1:]:
            row = {HEADS[h]: c.strip() for h, c in zip(heads, line, strict=False) if h in HEADS and c.strip()}
            if row:
                orders.setdefault(row.get("number", ""), []).append(row)
        made = []
        for number, rows in orders.items():
            raw = json.dumps({"read_at": read_at.isoformat(), "rows": rows}, ensure_ascii=False).encode()
            version = payload_version(
                "", json.dumps(rows, sort_keys=True).encode()
            )  # the same rows are no news
            made.append(Kept("order", number[:64] or "?", version, raw, "import"))
        return made

    def seen(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | Word | PlatformError]:
        return dict.fromkeys(numbers, Word.FINE)

    def ship(self, api: Any, told: Told) -> bool:
        return True

    def shipped(self, api: Any, told: Told) -> bool:
        return True


def cells(data: bytes) -> list[list[str]]:
    """The rows of a CSV (UTF-8 or GB18030) or XLSX file as texts. Raises Unreadable."""
    try:
        return reading.cells(data)
    except reading.NotASheet as error:
        raise Unreadable("not_a_sheet", str(error)) from None


def _pieces(row: dict[str, str]) -> object:
    """The pieces of a row: a whole number where its cell holds one, else the cell, of which intake says what is wrong."""
    text = unicodedata.normalize("NFKC", str(row.get("quantity") or "")).strip().removesuffix(".0")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


def _moment(text: Any, name: str) -> dt.datetime:
    for form in ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"):
        try:
            return dt.datetime.strptime(str(text), form).replace(tzinfo=BEIJING).astimezone(dt.UTC)
        except ValueError:
            continue
    said = _("%(name)s is not a time: %(value)s") % {"name": name, "value": repr(str(text or "")[:40])}
    raise Unreadable("bad_time", said)
