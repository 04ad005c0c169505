"""Whose payloads are fuzzed: one row a kind of payload and connector, and how its sender knocks at our door.

A pulled channel needs no row: its payloads are read from the sandbox by its own provider. A pushing one has a row
in DOORS whose `knock` signs what it sends, so that the bytes get past the signature.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_from_bytes, urlencode

from django.test import Client
from django.utils import timezone

from orderhub import crypto
from orderhub.drills.cast import Cast
from orderhub.inbound import keeping
from orderhub.integrations import signing
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.sandbox import alipay, douyin_signing, pinduoduo_signing, wechatpay
from orderhub.sandbox.credentials import CREDENTIALS
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.world import World
from orderhub.testing.connections import connection
from orders.models import Shop
from orders.providers import PROVIDERS, channel_of
from orders.providers.base import Unreadable

SHEET = (
    "订单号,下单时间,状态,付款时间,收款单号,应付金额,实收金额,运费,收货人,电话,省,市,区,详细地址,商品编码,商品名称,数量,单价\r\n"
    "S1,2026-11-20 10:00:00,已付款,2026-11-20 10:01:00,R1,29.00,29.00,5.00,王小明,13812345678,浙江省,杭州市,余杭区,"
    "文一西路969号,CUP-1,马克杯,2,12.00\r\n"
).encode()
TOKEN = "a-token-for-drills"
XML = (
    b'<?xml version="1.0" encoding="utf-8"?><request><deliveryOrder><deliveryOrderCode>P26000001-1</deliveryOrderCode>'
    b"<deliveryOrderId>1</deliveryOrderId><warehouseCode>HZ01</warehouseCode><orderType>JYCK</orderType><status>DELIVERED"
    b"</status><outBizCode>B1</outBizCode><orderConfirmTime>2026-11-20 10:00:00</orderConfirmTime></deliveryOrder><packages>"
    b"<package><logisticsCode>ZTO</logisticsCode><expressCode>7800000000001</expressCode><weight>1.25</weight></package>"
    b"</packages><orderLines><orderLine><itemCode>A</itemCode><planQty>1</planQty><actualQty>1</actualQty></orderLine>"
    b"</orderLines></request>"
)
TRACES = {
    "status": "polling", "billstatus": "got", "message": "", "autoCheck": "1", "comOld": "yuantong", "comNew": "zhongtong",
    "lastResult": {"message": "ok", "nu": "7800000000001", "ischeck": "0", "com": "zhongtong", "status": "200", "state": "0",
                   "data": [{"time": "2026-11-20 10:00:00", "ftime": "2026-11-20 10:00:00", "context": "【杭州】已揽收",
                             "status": "揽收", "statusCode": "103", "areaName": "杭州"}]},
}  # fmt: skip
RECEIPT = {
    "order_no": "TH202611200001", "refund_no": "TK1", "tid_list": "OS1", "warehouse_no": "HZ01", "status": "80",
    "modified": "2026-11-20 10:00:00", "check_time": "2026-11-20 10:00:00",
    "details_list": [{"tid": "OS1", "oid": "OS1-1", "spec_no": "A", "num": "1.0000", "defect": False}],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fed:
    """Good payloads of one kind and account, to be kept and read after they were spoilt."""

    name: str
    kind: str
    account: Connection
    samples: list[bytes]


@dataclass(frozen=True, slots=True)
class Door:
    """One address that senders knock at. `knock(body)` signs and sends; (status, bytes that must be kept or None)."""

    name: str
    sample: bytes
    knock: Callable[[bytes], tuple[int, bytes | None]]


def accounts(cast: Cast, url: str) -> dict[str, Connection]:
    """Every account that sends us something: the cast's, and a shop of each channel that the cast has not."""
    found = dict(cast.accounts)
    for name in PROVIDERS:
        if name not in found and name in CREDENTIALS:
            found[name] = connection(name, url, code=f"{name}-main")
            Shop.objects.create(
                code=name, name=name, channel=name, connection=found[name], duplicate_mode="off"
            )
    found["wechatpay"] = connection("wechatpay", url, code="wechatpay-main")
    cast.own_shop.payment_connections.add(found["wechatpay"])
    return found


def mix() -> str:
    """As many orders of each channel that the sandbox plays."""
    return ",".join(f"{name}=1" for name in PROVIDERS if name in CREDENTIALS)


def fed(known: dict[str, Connection], world: World) -> list[Fed]:
    """Every kind of payload that the product reads."""
    rows = [
        Fed(name, "order", known[name], _pulled(name, known[name]))
        for name in PROVIDERS
        if channel_of(name).pulled
    ]
    own = [
        json.dumps(order_json(order), ensure_ascii=False).encode() for order in list(world.of("own_shop"))[:5]
    ]
    notice = alipay.notify(world, next(order for order in world.of("own_shop") if order.paid_at))
    confirm = {"method": "deliveryorder.confirm", "body": XML.decode()}
    rows += [
        Fed("own_shop", "order", known["own_shop"], own),
        Fed("alipay", "payment", known["alipay"], [_json(notice)]),
        Fed("qimen", "confirm", known["qimen"], [_json(confirm)]),
        Fed("kuaidi100", "trace", known["kuaidi100"], [_json(TRACES)]),
        Fed("wangdiantong", "return", known["wangdiantong"], [_json(RECEIPT)]),
    ]
    rows += [Fed(f"{name} letters", "letter", known[name], [_letter(name)]) for name in LETTERS]
    return rows


def _pulled(name: str, account: Connection, n: int = 5) -> list[bytes]:
    """Some orders of a channel as its provider reads them from the sandbox."""
    api, speaker = client(account), channel_of(name)
    end = timezone.now()
    for _window in range(40):
        start = end - speaker.window
        for page in range(1, speaker.pages(api, start, end) + 1):
            numbers = speaker.listed(api, start, end, page)[:n]
            found = [
                row.raw for row in speaker.details(api, numbers).values() if isinstance(row, keeping.Kept)
            ]
            if found:
                return found
        end = start
    raise LookupError(f"the sandbox's {name} has no orders")


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


#: A pushed message of each channel that pushes, as it comes.
LETTERS: dict[str, Any] = {
    "douyin": [{"tag": "101", "msg_id": "m1", "data": '{"p_id":4900000000001,"shop_id":1,"update_time":1780000000}'}],
    "pinduoduo": {
        "commandType": "Common", "id": 1, "time": 1780000000000, "sendTime": 1780000000000,
        "message": {"type": "pdd_trade_TradeConfirmed", "mallID": 1, "content": '{"mall_id":1,"tid":"260101-1"}'},
    },
}  # fmt: skip


def _letter(name: str) -> bytes:
    sample = LETTERS[name]
    return _json(sample[0] if isinstance(sample, list) else sample)


def doors(known: dict[str, Connection], world: World) -> list[Door]:
    """Every address that senders knock at, each with a sender who can sign."""
    web = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")
    paid = next(order for order in world.of("own_shop") if order.paid_at)
    order = _json(order_json(paid))
    own = known["own_shop"]
    Connection.objects.filter(id=own.id).update(
        options=own.options | {"api_token_hash": crypto.keyed_hash(TOKEN)}
    )
    rows = [
        Door("spreadsheet", SHEET, lambda body: _sheet(own, body)),
        Door("own_shop", order, lambda body: _api(web, body)),
        Door("alipay", _json(alipay.notify(world, paid)), lambda body: _alipay(web, known, body)),
        Door("qimen", XML, lambda body: _qimen(web, known, body)),
        Door("kuaidi100", _json(TRACES), lambda body: _kuaidi100(web, known, body)),
        Door("wechatpay", wechatpay.notify(world, paid)[1], lambda body: _wechatpay(web, known, body)),
    ]
    pushing = {"douyin": _douyin, "pinduoduo": _pinduoduo}
    for name, seal in pushing.items():
        rows.append(Door(f"{name} letters", _json(LETTERS[name]), _knocker(web, seal, known[name])))
    return rows


def _knocker(
    web: Client, seal: Callable[[Connection, bytes], dict[str, str]], account: Connection
) -> Callable[[bytes], tuple[int, bytes | None]]:
    def knock(body: bytes) -> tuple[int, bytes | None]:
        address = f"/callbacks/channel/{account.code}"
        return web.post(address, body, "application/json", headers=seal(account, body)).status_code, None

    return knock


def _sheet(account: Connection, body: bytes) -> tuple[int, bytes | None]:
    """A file that somebody uploads: read as its page reads it."""
    try:
        rows = channel_of("spreadsheet").split(body, timezone.now())
    except Unreadable:
        return 400, None
    keeping.keep_many(account.id, rows)
    return 200, None


def _api(web: Client, body: bytes) -> tuple[int, bytes | None]:
    """An accepted or an unreadable order is kept; a body over the limit never gets in."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": uuid.uuid4().hex}
    status = web.post("/api/v1/orders", body, "application/json", headers=headers).status_code
    return status, body if status in (200, 201, 400) and len(body) < 1_000_000 else None


def _alipay(web: Client, known: dict[str, Connection], body: bytes) -> tuple[int, bytes | None]:
    try:
        form = {str(name): str(value) for name, value in json.loads(body).items()}
        text = alipay.joined(form, ("sign", "sign_type"))
        form["sign"] = alipay.sign(text)
        content = urlencode(form).encode()
    except (ValueError, AttributeError, RecursionError, UnicodeError):
        content = body  # no form that could be signed: the door must refuse it
    address = f"/callbacks/alipay/{known['alipay'].code}"
    return web.post(address, content, "application/x-www-form-urlencoded").status_code, None


def _qimen(web: Client, known: dict[str, Connection], body: bytes) -> tuple[int, bytes | None]:
    account = known["qimen"]
    body = body.replace(
        b"<outBizCode>B1", f"<outBizCode>{uuid.uuid4().hex}".encode(), 1
    )  # else it is known already
    query = {
        "method": "taobao.qimen.deliveryorder.confirm", "customerId": account.options["customerId"],
        "app_key": account.app_key, "timestamp": "2026-11-20 10:00:00", "format": "xml", "v": "2.0", "sign_method": "md5",
    }  # fmt: skip
    query["sign"] = signing.qimen(str(account.secrets["app_secret"]), query, body)
    answer = web.post(f"/callbacks/qimen/{account.code}?{urlencode(query)}", body, "text/xml")
    envelope = {"method": "deliveryorder.confirm", "body": body.decode("utf-8", "replace")}
    return answer.status_code, _json(envelope) if answer.status_code == 200 and len(
        body
    ) < 1_000_000 else None


def _kuaidi100(web: Client, known: dict[str, Connection], body: bytes) -> tuple[int, bytes | None]:
    account = known["kuaidi100"]
    text = body.decode("utf-8", "replace")
    salt = str(account.options.get("salt") or account.secrets.get("salt") or "")
    sign = hashlib.md5((text + salt).encode()).hexdigest().upper()
    content = f"sign={sign}&param={quote_from_bytes(body)}"
    answer = web.post(f"/callbacks/kuaidi100/{account.code}", content, "application/x-www-form-urlencoded")
    return answer.status_code, text.encode() if answer.status_code == 200 else None


def _wechatpay(web: Client, known: dict[str, Connection], body: bytes) -> tuple[int, bytes | None]:
    fresh = f'"id":"EV-{uuid.uuid4().hex[:8]}'.encode()  # else it is known already
    body = re.sub(rb'"id": ?"EV-', fresh, body)
    address = f"/callbacks/wechatpay/{known['wechatpay'].code}"
    answer = web.post(address, body, "application/json", headers=wechatpay.signed_headers(body))
    return answer.status_code, body if answer.status_code == 204 else None


def _douyin(account: Connection, body: bytes) -> dict[str, str]:
    sign = douyin_signing.event(
        account.app_key, body.decode("utf-8", "replace"), str(account.secrets["app_secret"])
    )
    return {"app-id": account.app_key, "event-sign": sign}


def _pinduoduo(account: Connection, body: bytes) -> dict[str, str]:
    now = str(int(time.time() * 1000))
    secret = str(account.secrets["app_secret"])
    return {
        "X-Pdd-Client-Id": account.app_key,
        "X-Pdd-Time": now,
        "X-Pdd-Digest": pinduoduo_signing.digest(account.app_key, now, secret),
    }
