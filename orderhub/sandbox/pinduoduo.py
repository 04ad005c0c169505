"""The POP gateway: public parameters, signature, token and quota first, then one function per call."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from orderhub.sandbox import pinduoduo_oauth, pinduoduo_signing
from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.frame import Answer, Platform, Request, beijing
from orderhub.sandbox.goods_more import PopGoods
from orderhub.sandbox.pinduoduo_messages import Messages
from orderhub.sandbox.pinduoduo_oauth import BadGrant, Tokens
from orderhub.sandbox.pinduoduo_orders import Orders
from orderhub.sandbox.pinduoduo_signing import Refused, business
from orderhub.sandbox.pinduoduo_waybill import Waybills
from orderhub.sandbox.ticker import Ticker
from orderhub.sandbox.world import SourceOrder

SKEW = timedelta(minutes=10)
MONTHS = timedelta(days=92)
COMPANIES = (  # the platform's own number, Taobao's code, name
    (44, "ZTO", "中通快递"),
    (85, "YTO", "圆通快递"),
    (1, "STO", "申通快递"),
    (121, "YUNDA", "韵达快递"),
    (115, "SF", "顺丰快递"),
    (118, "EMS", "EMS"),
    (384, "JTSD", "极兔速递"),
)
PUBLIC = frozenset({"type", "client_id", "access_token", "timestamp", "data_type", "version", "sign"})
WITHOUT_TOKEN = (
    "pdd.pop.auth.token.create",
    "pdd.pop.auth.token.refresh",
    "pdd.time.get",
    "pdd.logistics.companies.get",
)
Call = tuple[str, Callable[[dict[str, Any]], dict[str, Any]]]


class Pinduoduo(Platform):
    prefix = "pinduoduo"
    roots = ("/api/router",)

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.tokens, self.orders, self.messages = Tokens(world), Orders(world), Messages(world)
        self.orders.tell = self.messages.tell
        self.goods = PopGoods(world)
        self.ticker = Ticker("pinduoduo-changes", 3.0, self.orders.due) if world.target else None
        self.calls: dict[str, Call] = {
            "pdd.pop.auth.token.create": ("pop_auth_token_create_response", self._token_create),
            "pdd.pop.auth.token.refresh": ("pop_auth_token_refresh_response", self._token_refresh),
            "pdd.time.get": ("time_get_response", lambda params: {"time": beijing(self.world.now())}),
            "pdd.order.list.get": ("order_list_get_response", self._list),
            "pdd.order.number.list.increment.get": ("order_sn_increment_get_response", self._increment),
            "pdd.order.information.get": ("order_info_get_response", self._detail),
            "pdd.logistics.companies.get": ("logistics_companies_get_response", self._companies),
            "pdd.logistics.online.send": ("logistics_online_send_response", self._send),
            "pdd.order.upload.extra.logistics": ("upload_extra_logistics_response", self._send_extra),
            "pdd.order.update.address": ("order_update_address_response", self._address),
            "pdd.order.merge.ship.order.group": ("order_merge_ship_order_group_response", self._groups),
            "pdd.refund.list.increment.get": ("refund_increment_get_response", self._refunds),
            **Waybills(world, self.orders).calls,
            **self.goods.calls,
        }

    def fault_key(self, request: Request) -> str:
        return request.params.get("type") or request.path.strip("/")

    def app_of(self, request: Request) -> str:
        return request.params.get("client_id", "")

    def quota_answer(self, request: Request) -> Answer:
        return self._error(Refused(70031, "调用过于频繁，请调整调用频率"))

    def deny_answer(self, request: Request) -> Answer:
        return self._error(business("isv.service-denied", "业务拒绝（沙箱）"))

    def expire_token(self, request: Request) -> Answer | None:
        self.tokens.expire()
        return None

    def modify(self, n: int, rng: Any) -> list[str]:
        return self.orders.touch(n, rng)

    def reset(self) -> None:
        self.orders.load()

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """expire_token, revoke_token, pinduoduo_messages, pinduoduo_days (`days` more for unused waybill numbers)."""
        match what:
            case "expire_token":
                self.tokens.expire()
            case "revoke_token":
                self.tokens.revoke()
            case "pinduoduo_messages":
                return self.messages.drive(options)
            case "pinduoduo_days":
                days = int(self.world.ledger.recall(self.prefix, "days", 0)) + int(options["days"])
                self.world.ledger.remember(self.prefix, "days", days)
            case _:
                return self.goods.goods.drive(what.removeprefix("pinduoduo_"), options)
        return {"ok": True}

    def handle(self, request: Request) -> Answer:
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/service-market/auth"):
                return pinduoduo_oauth.authorise(self.tokens, request)
            case ("POST", "/api/router"):
                try:
                    return self._gateway(request)
                except Refused as error:
                    return self._error(error)
        return Answer(404, "<html><body>404 Not Found</body></html>", "text/html; charset=utf-8")

    def _gateway(self, request: Request) -> Answer:
        params = request.form
        if request.headers.get("content-type", "").startswith("application/json"):
            params = _flat(request)
        kind = params.get("type", "")
        self._check(params, kind, request.now)
        name, call = self.calls[kind]
        body = call({name: _opened(value) for name, value in params.items() if name not in PUBLIC})
        return Answer(200, {name: {**body, "request_id": self._request_id()}})

    def _check(self, params: dict[str, str], kind: str, now: datetime) -> None:
        if kind not in self.calls:
            raise Refused(10000, "参数错误", "", f"沙箱没有接口 {kind}")
        if params.get("client_id") != PINDUODUO["client_id"]:
            raise Refused(10016, "client_id不存在或已下线")
        if params.get("data_type", "JSON") != "JSON":
            raise Refused(10001, "公共参数错误:data_type")
        stamp = params.get("timestamp", "")
        if (
            not stamp.isdigit()
            or len(stamp) > 10
            or abs(datetime.fromtimestamp(int(stamp), UTC) - now) > SKEW
        ):
            raise Refused(10001, "公共参数错误:timestamp")
        if not pinduoduo_signing.is_right(params, PINDUODUO["client_secret"]):
            raise Refused(20004, "签名sign校验失败")
        if kind not in WITHOUT_TOKEN and not self.tokens.check(params.get("access_token", "")):
            raise Refused(10019, "access_token已过期")

    def _token_create(self, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.tokens.exchange(str(params.get("code", "")))
        except BadGrant as error:
            raise Refused(50001, "业务服务错误", "isv.code-invalid", str(error)) from error

    def _token_refresh(self, params: dict[str, Any]) -> dict[str, Any]:
        try:
            return self.tokens.refresh(str(params.get("refresh_token", "")))
        except BadGrant as error:
            raise Refused(50001, "业务服务错误", "isv.refresh-token-invalid", str(error)) from error

    def _list(self, params: dict[str, Any]) -> dict[str, Any]:
        _needed(params, "order_status", "refund_status")
        start, end = self._window(params, "confirm", timedelta(hours=24))
        hits = self._chosen(params, self.orders.within(start, end, "confirmed"))
        return _paged(params, hits, "order_list", self.orders.full)

    def _increment(self, params: dict[str, Any]) -> dict[str, Any]:
        _needed(params, "is_lucky_flag", "order_status", "refund_status")
        start, end = self._window(params, "updated", timedelta(minutes=30))
        hits = self._chosen(params, self.orders.within(start, end, "updated"))
        return _paged(params, hits, "order_sn_list", self._short)

    def _short(self, order: SourceOrder) -> dict[str, Any]:
        face = self.orders.full(order)
        return {name: face[name] for name in ("order_sn", "order_status", "refund_status", "updated_at")}

    def _chosen(self, params: dict[str, Any], orders: list[SourceOrder]) -> list[SourceOrder]:
        """By status and refund, 5 is all; lottery orders there are none, deposit ones neither."""
        status, refund = _int(params, "order_status"), _int(params, "refund_status")
        if status not in (1, 2, 3, 5) or refund not in (1, 2, 3, 4, 5):
            raise Refused(21001, "业务参数错误:order_status,refund_status")
        if _int(params, "is_lucky_flag", 0) == 2 or _int(params, "trade_type", 0) == 1:
            return []
        faces = ((order, self.orders.full(order)) for order in orders)
        return [
            order
            for order, face in faces
            if status in (5, face["order_status"]) and refund in (5, face["refund_status"])
        ]

    def _window(self, params: dict[str, Any], by: str, longest: timedelta) -> tuple[datetime, datetime]:
        first, last = f"start_{by}_at", f"end_{by}_at"
        _needed(params, first, last)
        start, end = (datetime.fromtimestamp(_int(params, name), UTC) for name in (first, last))
        if not timedelta(0) <= end - start <= longest:
            raise Refused(
                21001, f"业务参数错误:{last}", "", f"时间跨度不能超过{int(longest.total_seconds() // 60)}分钟"
            )
        if self.world.now() - start > MONTHS:
            raise Refused(21001, f"业务参数错误:{first}", "", "只能查询三个月以内的订单")
        return start, end

    def _detail(self, params: dict[str, Any]) -> dict[str, Any]:
        face = self.orders.read(self._order(params).number)
        return {"order_info": face}

    def _order(self, params: dict[str, Any]) -> SourceOrder:
        _needed(params, "order_sn")
        order = self.orders.orders.get(str(params["order_sn"]))
        if order is None:
            raise business("isv.order-not-exist", "订单不存在")
        return order

    def _companies(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = [
            {"id": n, "code": code, "logistics_company": name, "available": 1} for n, code, name in COMPANIES
        ]
        return {"logistics_companies": rows}

    def _send(self, params: dict[str, Any]) -> dict[str, Any]:
        _needed(params, "logistics_id", "tracking_number")
        order, company, number = (
            self._order(params),
            _int(params, "logistics_id"),
            str(params["tracking_number"]),
        )
        _check_parcel(company, number)
        again = _int(params, "redelivery_type", 1) == 2
        key = f"{order.number}/change/{number}" if again else order.number
        body = {"logistics_id": company, "tracking_number": number}
        done = self.orders.send(order.number, str(company), number, again)
        self.world.ledger.record(self.prefix, "channel.ship", key, body, effect=done)
        if not done:
            risk = self.orders.risk(order)
            raise business(
                "isv.order-status-error", "订单审核中，不能发货" if risk else "订单已发货或状态不允许发货"
            )
        return {"is_success": True}

    def _send_extra(self, params: dict[str, Any]) -> dict[str, Any]:
        order, rows = self._order(params), params.get("extra_track_list")
        if not isinstance(rows, list) or not rows or _int(params, "extra_track_type") not in (1, 2, 3):
            raise Refused(21001, "业务参数错误:extra_track_list,extra_track_type")
        parcels = [(int(row.get("shipping_id", 0)), str(row.get("tracking_number", ""))) for row in rows]
        for company, number in parcels:
            _check_parcel(company, number)
        before = [number for _, number in self.orders.state(order.number).extra]
        if not self.orders.send_extra(order.number, [[str(company), number] for company, number in parcels]):
            raise business("isv.order-status-error", "订单未发货，不能上传额外运单")
        for company, number in parcels:
            body, new = {"logistics_id": company, "tracking_number": number}, number not in before
            self.world.ledger.record(
                self.prefix, "channel.ship", f"{order.number}/{number}", body, effect=new
            )
        return {"success": True}

    def _address(self, params: dict[str, Any]) -> dict[str, Any]:
        order, names = self._order(params), ("province", "city", "town", "address")
        _needed(params, *names, "receiver_name", "receiver_phone")
        if not self.orders.move(order.number, [str(params[name]) for name in names]):
            raise business("isv.order-status-error", "订单已发货或风控审核中，不能修改地址")
        return {"is_success": True}

    def _groups(self, params: dict[str, Any]) -> dict[str, Any]:
        rows = params.get("order_list")
        if not isinstance(rows, list) or not 0 < len(rows) <= 100:
            raise Refused(21001, "业务参数错误:order_list")
        groups: dict[tuple[str, ...], list[str]] = {}
        for row in rows:
            order = self._order(row)
            to = self.orders.receiver(order)
            groups.setdefault((to.name, to.phone, to.city, to.address), []).append(order.number)
        return {"order_group_list": [{"order_sn_list": numbers} for numbers in groups.values()]}

    def _refunds(self, params: dict[str, Any]) -> dict[str, Any]:
        _needed(params, "after_sales_status", "after_sales_type")
        start, end = self._window(params, "updated", timedelta(minutes=30))
        hits = [order for order in self.orders.refunds() if start <= self.orders.updated(order) <= end]
        hits.sort(key=self.orders.updated, reverse=True)
        return _paged({**params, "use_has_next": False}, hits, "refund_list", self.orders.refund)

    def _request_id(self) -> str:
        return f"{int(self.world.now().timestamp() * 1_000_000)}"

    def _error(self, error: Refused) -> Answer:
        body = {
            "error_code": error.code,
            "error_msg": error.msg,
            "sub_code": error.sub_code or None,
            "sub_msg": error.sub_msg or "",
            "request_id": self._request_id(),
        }
        return Answer(200, {"error_response": body})


def _paged(
    params: dict[str, Any], hits: list[SourceOrder], name: str, face: Callable[[SourceOrder], dict[str, Any]]
) -> dict[str, Any]:
    """Pages from 1; with use_has_next there is no total, only whether more follows."""
    page, size = _int(params, "page", 1), _int(params, "page_size", 100)
    if page < 1 or not 1 <= size <= 100:
        raise Refused(21001, "业务参数错误:page,page_size", "", "page 从 1 开始，page_size 最大 100")
    rows = [face(order) for order in hits[(page - 1) * size : page * size]]
    more = len(hits) > page * size
    return {name: rows, "has_next": more} if params.get("use_has_next") is True else {
        name: rows, "total_count": len(hits)
    }  # fmt: skip


def _needed(params: dict[str, Any], *names: str) -> None:
    for name in names:
        if params.get(name) in (None, ""):
            raise Refused(21002, f"业务参数为空:{name}")


def _int(params: dict[str, Any], name: str, default: int | None = None) -> int:
    value = params.get(name, default)
    if isinstance(value, bool) or not str(value).isdigit():
        raise Refused(21001, f"业务参数错误:{name}")
    return int(str(value))


def _check_parcel(company: int, number: str) -> None:
    if company not in [known for known, _, _ in COMPANIES]:
        raise business("isv.invalid-parameter:logistics_id", "物流公司不存在")
    if not number.isalnum() or not 8 <= len(number) <= 20:
        raise business("isv.invalid-parameter:tracking_number", "运单号不符合规则")


def _flat(request: Request) -> dict[str, str]:
    """A JSON body as the texts that were signed: lists and objects as compact JSON."""
    try:
        body = request.json()
    except ValueError:
        raise Refused(10000, "参数错误", "", "请求体不是 JSON") from None
    if not isinstance(body, dict):
        raise Refused(10000, "参数错误", "", "请求体不是对象")
    texts = {}
    for name, value in body.items():
        plain = isinstance(value, str)
        texts[name] = value if plain else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return texts


def _opened(value: str) -> Any:
    """A parameter that is JSON text (object, list, true, false) as what it says; anything else stays text."""
    if value[:1] in ("{", "[") or value in ("true", "false"):
        try:
            return json.loads(value)
        except ValueError:
            raise Refused(21001, "业务参数错误", "", "不是合法的 JSON") from None
    return value
