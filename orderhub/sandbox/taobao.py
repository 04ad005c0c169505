"""The TOP gateway: public parameters, signature, session and quota first, then one function per method."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from orderhub.sandbox import taobao_oauth, taobao_signing
from orderhub.sandbox.cainiao import Cainiao
from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.frame import Answer, Platform, Request, beijing, dumps, from_beijing
from orderhub.sandbox.goods import TopGoods
from orderhub.sandbox.taobao_errors import Refused
from orderhub.sandbox.taobao_oauth import BadGrant, Tokens
from orderhub.sandbox.taobao_trades import Trades

SKEW = timedelta(minutes=10)
MONTHS = timedelta(days=92)
DEFAULT_TYPES = "guarantee_trade,auto_delivery,ec,cod,step"
LIST_FIELDS = frozenset(
    [
        "tid",
        "tid_str",
        "status",
        "type",
        "payment",
        "total_fee",
        "post_fee",
        "discount_fee",
        "adjust_fee",
        "received_payment",
        "created",
        "modified",
        "pay_time",
        "consign_time",
        "end_time",
        "seller_nick",
        "seller_flag",
        "buyer_open_uid",
        "num",
        "orders",
    ]
)
COMPANIES = (
    ("ZTO", "中通快递"),
    ("YTO", "圆通速递"),
    ("STO", "申通快递"),
    ("YUNDA", "韵达快递"),
    ("SF", "顺丰速运"),
    ("EMS", "EMS"),
    ("POSTB", "邮政快递包裹"),
    ("JTSD", "极兔速递"),
)
WITHOUT_SESSION = ("taobao.top.auth.token.create", "taobao.top.auth.token.refresh", "taobao.time.get")


class Taobao(Platform):
    prefix = "taobao"
    roots = ("/router/rest",)

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.tokens = Tokens(world)
        self.trades = Trades(world)
        self.goods = TopGoods(world)
        self.methods: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
            "taobao.top.auth.token.create": self._token_create,
            "taobao.top.auth.token.refresh": self._token_refresh,
            "taobao.time.get": lambda params: {"time": beijing(self.world.now())},
            "taobao.trades.sold.get": lambda params: self._sold(params, "created"),
            "taobao.trades.sold.increment.get": lambda params: self._sold(params, "modified"),
            "taobao.trade.fullinfo.get": self._fullinfo,
            "taobao.logistics.offline.send": self._offline_send,
            "taobao.logistics.companies.get": self._companies,
            "taobao.top.oaid.merge": self._oaid_merge,
            **Cainiao(world, self.trades).methods,
            **self.goods.methods,
        }

    def fault_key(self, request: Request) -> str:
        return request.params.get("method") or request.path.strip("/")

    def app_of(self, request: Request) -> str:
        return request.params.get("app_key", "")

    def quota_answer(self, request: Request) -> Answer:
        return self._error(
            7,
            "App Call Limited",
            "accesscontrol.limited-by-api-access-count",
            "This ban will last for 1 more seconds",
        )

    def deny_answer(self, request: Request) -> Answer:
        return self._error(15, "Remote service error", "isv.permission-forbidden", "业务拒绝（沙箱）")

    def expire_token(self, request: Request) -> Answer | None:
        self.tokens.expire()
        return None

    def modify(self, n: int, rng: Any) -> list[str]:
        return self.trades.touch(n, rng)

    def reset(self) -> None:
        self.trades.load()

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """``expire_token``: end the access token; ``revoke_token``: the refresh token too."""
        if what == "expire_token":
            self.tokens.expire()
        elif what == "revoke_token":
            self.tokens.revoke()
        else:
            return self.goods.goods.drive(what.removeprefix("taobao_"), options)
        return {"ok": True}

    def handle(self, request: Request) -> Answer:
        match (request.method, request.path.rstrip("/")):
            case ("GET", "/authorize"):
                return taobao_oauth.authorise(self.tokens, request)
            case ("POST", "/token"):
                return taobao_oauth.token(self.tokens, request)
            case (_, "/router/rest"):
                try:
                    return self._gateway(request)
                except Refused as error:
                    return self._error(error.code, error.msg, error.sub_code, error.sub_msg)
        return Answer(404, "<html><body>404 Not Found</body></html>", "text/html; charset=utf-8")

    def _gateway(self, request: Request) -> Answer:
        params = request.params
        method = params.get("method", "")
        self._check(params, method, request.now)
        call = self.methods[method]
        body = {**call(params), "request_id": self._request_id()}
        if params.get("simplify") == "true":
            return Answer(200, body)
        name = method.removeprefix("taobao.").replace(".", "_") + "_response"
        return Answer(200, {name: body})

    def _check(self, params: dict[str, str], method: str, now: datetime) -> None:
        if not method:
            raise Refused(21, "Missing Method")
        if method not in self.methods:
            raise Refused(22, "Invalid Method", "isv.invalid-method", f"沙箱没有接口 {method}")
        if params.get("format", "xml") != "json":
            raise Refused(23, "Invalid Format", "isv.invalid-format", "沙箱只支持 format=json")
        if params.get("v") != "2.0":
            raise Refused(33, "Invalid Version")
        if not params.get("app_key"):
            raise Refused(28, "Missing App Key")
        if params["app_key"] != TAOBAO["app_key"]:
            raise Refused(29, "Invalid app Key", "isv.appkey-not-exists")
        self._check_time(params.get("timestamp", ""), now)
        if not params.get("sign"):
            raise Refused(24, "Missing Signature")
        if params.get("sign_method", "md5") not in taobao_signing.METHODS:
            raise Refused(25, "Invalid signature", "isv.invalid-sign-method")
        if not taobao_signing.is_right(params, TAOBAO["app_secret"]):
            raise Refused(25, "Invalid signature")
        if method not in WITHOUT_SESSION:
            if not params.get("session"):
                raise Refused(26, "Missing session")
            if not self.tokens.check(params["session"]):
                raise Refused(27, "Invalid session", "invalid-sessionkey", "SessionKey非法或已过期")

    def _check_time(self, text: str, now: datetime) -> None:
        if not text:
            raise Refused(30, "Missing Timestamp")
        try:
            sent = datetime.fromtimestamp(int(text) / 1000, UTC) if text.isdigit() else from_beijing(text)
        except (ValueError, OverflowError, OSError):
            raise Refused(31, "Invalid Timestamp", "isv.invalid-timestamp", "时间格式不正确") from None
        if abs(sent - now) > SKEW:
            raise Refused(31, "Invalid Timestamp", "isv.invalid-timestamp", "时间戳与服务器相差超过10分钟")

    def _token_create(self, params: dict[str, str]) -> dict[str, Any]:
        try:
            return {"token_result": dumps(self.tokens.exchange(params.get("code", "")))}
        except BadGrant as error:
            raise Refused(15, "Remote service error", "isv.code-invalid", str(error)) from error

    def _token_refresh(self, params: dict[str, str]) -> dict[str, Any]:
        try:
            return {"token_result": dumps(self.tokens.refresh(params.get("refresh_token", "")))}
        except BadGrant as error:
            raise Refused(15, "Remote service error", "isv.refresh-token-invalid", str(error)) from error

    def _sold(self, params: dict[str, str], by: str) -> dict[str, Any]:
        fields = _fields(params) & LIST_FIELDS
        start, end = self._window(params, by)
        page, size = _number(params, "page_no", 1), _number(params, "page_size", 40)
        if not 1 <= size <= 100 or page < 1:
            raise Refused(
                41, "Invalid arguments:page_no or page_size", "isv.invalid-parameter", "page_size 最大 100"
            )
        types = set((params.get("type") or DEFAULT_TYPES).split(","))
        status = params.get("status", "")
        hits = [
            order
            for order in self.trades.within(start, end, by)
            if self.trades.type(order) in types
            and (not status or self._is(status, self.trades.status(order)))
        ]
        rows = hits[(page - 1) * size : page * size]
        if params.get("use_has_next") == "true":
            answer: dict[str, Any] = {"has_next": len(hits) > page * size}
        else:
            answer = {"total_results": len(hits)}
        if rows:
            answer["trades"] = {"trade": [_only(self.trades.full(order), fields) for order in rows]}
        return answer

    def _is(self, wanted: str, status: str) -> bool:
        match wanted:
            case "ALL_WAIT_PAY":
                return status in ("WAIT_BUYER_PAY", "TRADE_NO_CREATE_PAY")
            case "ALL_CLOSED":
                return status in ("TRADE_CLOSED", "TRADE_CLOSED_BY_TAOBAO")
        return wanted == status

    def _window(self, params: dict[str, str], by: str) -> tuple[datetime, datetime]:
        now = self.world.now()
        first, last = params.get(f"start_{by}", ""), params.get(f"end_{by}", "")
        if by == "modified" and not (first and last):
            raise Refused(40, f"Missing required arguments:start_{by},end_{by}", "isv.missing-parameter")
        try:
            start = from_beijing(first) if first else now - MONTHS
            end = from_beijing(last) if last else now
        except ValueError:
            raise Refused(
                41, f"Invalid arguments:start_{by}", "isv.invalid-parameter", "时间格式不正确"
            ) from None
        if end < start:
            raise Refused(41, f"Invalid arguments:end_{by}", "isv.invalid-parameter", "结束时间早于开始时间")
        if by == "modified" and end - start > timedelta(days=1):
            raise Refused(
                41,
                "Invalid arguments:end_modified",
                "isv.invalid-parameter:end_modified",
                "查询修改时间跨度不能超过一天",
            )
        if now - start > MONTHS + timedelta(minutes=10):
            raise Refused(
                41, f"Invalid arguments:start_{by}", "isv.invalid-parameter", "只能查询三个月以内的订单"
            )
        return start, end

    def _fullinfo(self, params: dict[str, str]) -> dict[str, Any]:
        fields = _fields(params)
        if params.get("include_oaid") != "include_oaid":
            fields -= {"oaid"}
        return {"trade": _only(self._trade(params), fields)}

    def _trade(self, params: dict[str, str]) -> dict[str, Any]:
        if not params.get("tid"):
            raise Refused(40, "Missing required arguments:tid", "isv.missing-parameter:tid")
        trade = self.trades.read(params["tid"]) if params["tid"].isdigit() else None
        if trade is None:
            raise Refused(15, "Remote service error", "isv.trade-not-exist", "交易订单不存在")
        return trade

    def _offline_send(self, params: dict[str, str]) -> dict[str, Any]:
        for name in ("tid", "out_sid", "company_code"):
            if not params.get(name):
                raise Refused(40, f"Missing required arguments:{name}", f"isv.missing-parameter:{name}")
        tid, number, company = params["tid"], params["out_sid"], params["company_code"]
        order = self.trades.orders.get(tid)
        if order is None:
            raise Refused(15, "Remote service error", "isv.trade-not-exist", "交易订单不存在")
        names = dict(COMPANIES)
        if company not in names:
            raise Refused(
                15, "Remote service error", "isv.logistics-offline-service-error:P03", "物流公司不存在"
            )
        if not number.isalnum() or not 8 <= len(number) <= 20:
            raise Refused(
                15, "Remote service error", "isv.logistics-offline-service-error:B150", "运单号不符合规则"
            )
        oids = [oid for oid in params.get("sub_tid", "").split(",") if oid]
        body = {"company_code": company, "out_sid": number, "sub_tid": oids}
        key = f"{tid}/{','.join(oids)}" if oids else tid
        if not self.trades.ship(tid, oids, names[company], number):
            self.world.ledger.record("taobao", "channel.ship", key, body, effect=False)
            raise Refused(
                15,
                "Remote service error",
                "isv.logistics-offline-service-error:B04",
                "该订单已发货或状态不允许发货",
            )
        self.world.ledger.record("taobao", "channel.ship", key, body)
        return {"shipping": {"is_success": True}}

    def _oaid_merge(self, params: dict[str, str]) -> dict[str, Any]:
        """Orders of one buyer with one address come back in one string; an oaid that is not the trade's is refused."""
        try:
            rows = json.loads(params.get("merge_list", ""))
            pairs = [(str(row["tid"]), str(row["oaid"])) for row in rows]
        except (ValueError, TypeError, KeyError):
            raise Refused(41, "Invalid arguments:merge_list", "isv.invalid-parameter") from None
        if not 0 < len(pairs) <= 100:
            raise Refused(41, "Invalid arguments:merge_list", "isv.invalid-parameter", "最多 100 个")
        groups: dict[str, list[str]] = {}
        for tid, oaid in pairs:
            order = self.trades.orders.get(tid)
            if order is None or oaid != self.trades.oaid(order):
                raise Refused(15, "Remote service error", "isv.oaid-mismatch", "oaid 与 tid 不匹配")
            groups.setdefault(self.trades.door(order), []).append(tid)
        return {"tid_list": {"string": [",".join(tids) for tids in groups.values()]}}

    def _companies(self, params: dict[str, str]) -> dict[str, Any]:
        rows = [{"id": n, "code": code, "name": name} for n, (code, name) in enumerate(COMPANIES, 500)]
        return {"logistics_companies": {"logistics_company": rows}}

    def _request_id(self) -> str:
        return f"sb{self.world.now():%H%M%S%f}"

    def _error(self, code: int, msg: str, sub_code: str = "", sub_msg: str = "") -> Answer:
        body = {
            "code": code,
            "msg": msg,
            "sub_code": sub_code,
            "sub_msg": sub_msg,
            "request_id": self._request_id(),
        }
        return Answer(200, {"error_response": {name: value for name, value in body.items() if value != ""}})


def _fields(params: dict[str, str]) -> set[str]:
    wanted = {name.strip() for name in params.get("fields", "").split(",") if name.strip()}
    if not wanted:
        raise Refused(40, "Missing required arguments:fields", "isv.missing-parameter:fields")
    return wanted


def _number(params: dict[str, str], name: str, default: int) -> int:
    text = params.get(name) or str(default)
    if not text.isdigit():
        raise Refused(41, f"Invalid arguments:{name}", f"isv.invalid-parameter:{name}")
    return int(text)


def _only(trade: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    """The named fields; ``orders`` gives whole sub-orders, ``orders.x`` some of their fields."""
    kept = {name: value for name, value in trade.items() if name in fields and name != "orders"}
    of_lines = {name.removeprefix("orders.") for name in fields if name.startswith("orders.")}
    if "orders" in fields:
        kept["orders"] = trade["orders"]
    elif of_lines:
        kept["orders"] = {
            "order": [
                {name: value for name, value in line.items() if name in of_lines}
                for line in trade["orders"]["order"]
            ]
        }
    return kept
