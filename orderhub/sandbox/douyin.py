"""The Douyin gateway: five signed parameters, canonical body, token and quota first, then one function per method."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from orderhub.sandbox import douyin_oauth, douyin_signing
from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.douyin_errors import Refused, business, missing, wrong
from orderhub.sandbox.douyin_messages import Messages
from orderhub.sandbox.douyin_oauth import Tokens
from orderhub.sandbox.douyin_orders import APPLIED, COMPANIES, PARTLY, RETURNING, TO_SHIP, Orders
from orderhub.sandbox.douyin_waybill import Waybills
from orderhub.sandbox.frame import Answer, Platform, Request, from_beijing
from orderhub.sandbox.goods_more import DouyinGoods
from orderhub.sandbox.world import SourceOrder, World

SKEW = timedelta(minutes=10)
DEPTH = timedelta(days=90)
MOST_ROWS = 50_000
#: After-sale states that forbid shipping unless the seller rejects the refund.
PENDING = (APPLIED, RETURNING, 11)
WITHOUT_TOKEN = ("token.create", "token.refresh")
Params = dict[str, Any]


class Douyin(Platform):
    prefix = "douyin"

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.tokens = Tokens(world)
        self.messages = Messages(world)
        self.orders = Orders(world, self._tell)
        self.waybills = Waybills(world, self.orders)
        self.goods = DouyinGoods(world)
        self.methods: dict[str, Callable[[Params], Params]] = {
            "token.create": self.tokens.create,
            "token.refresh": self.tokens.refresh,
            "order.searchList": self._search,
            "order.orderDetail": self._detail,
            "order.logisticsCompanyList": lambda params: {
                "data": [
                    {"id": n, "code": c, "name": name} for n, (c, name) in enumerate(COMPANIES.items(), 1)
                ]
            },
            "order.logisticsAdd": self._ship,
            "order.logisticsAddMultiPack": self._ship_parts,
            "order.addressConfirm": self._confirm_address,
            "order.AddressAppliedSwitch": self._address_switch,
            "order.addresSwitchConfig": lambda params: {
                "authorized_status": 2 if self.orders.reviewed() else 0
            },
            "afterSale.List": self._after_sales,
            **self.waybills.methods,
            **self.goods.methods,
        }

    def fault_key(self, request: Request) -> str:
        return request.query.get("method") or request.path.strip("/").replace("/", ".")

    def app_of(self, request: Request) -> str:
        return request.query.get("app_key", "")

    def quota_answer(self, request: Request) -> Answer:
        return self._refusal(
            request, Refused(60000, "限流", "isv.api-limited", "调用频率超过限制，请稍后重试")
        )

    def deny_answer(self, request: Request) -> Answer:
        return self._refusal(request, business(9999, "业务拒绝（沙箱）"))

    def expire_token(self, request: Request) -> Answer | None:
        self.tokens.expire()
        return None

    def modify(self, n: int, rng: Any) -> list[str]:
        return self.orders.touch(n, rng)

    def reset(self) -> None:
        self.orders.load()

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """Tokens end, messages are told (of every order, or ``numbers``), a refund moves on (``number``, ``status``),
        a ``carrier`` delivers no more to places of these ``names``."""
        match what:
            case "douyin_expire_token":
                self.tokens.expire()
            case "douyin_revoke_token":
                self.tokens.revoke()
            case "douyin_messages":
                if options.get("target"):
                    self.messages.url = str(options["target"]) + DOUYIN["message_path"]
                numbers = options.get("numbers")
                if numbers is None:
                    numbers = [number for number, order in self.orders.orders.items() if order.paid_at]
                size = int(options.get("batch") or 1)
                told = [self.messages.message("paid", number) for number in numbers]
                for start in range(0, len(told), size):
                    self.messages.send(told[start : start + size])
                return {"ok": True, "messages": len(told)}
            case "douyin_probe":
                self.messages.url = str(options["target"]) + DOUYIN["message_path"]
                self.messages.probe()
            case "douyin_refund":
                self._move_refund(str(options["number"]), int(options["status"]))
            case "douyin_out_of_range":
                self.waybills.shut(str(options["carrier"]), [str(name) for name in options["names"]])
            case _:
                return self.goods.drive(what.removeprefix("douyin_"), options)
        return {"ok": True}

    def handle(self, request: Request) -> Answer:
        if request.method == "GET" and request.path.rstrip("/") == "/authorize":
            return douyin_oauth.authorise(self.tokens, request)
        try:
            params = self._check(request)
            data = self.methods[request.query["method"]](params)
        except Refused as error:
            return self._refusal(request, error)
        partly = isinstance(data, dict) and bool(data.get("err_infos"))
        code, msg = (10001, "部分成功") if partly else (10000, "success")
        return Answer(200, {**self._envelope(request, code, msg), "data": data})

    def _envelope(self, request: Request, code: int, msg: str, sub: str = "", sub_msg: str = "") -> Params:
        """Without the header of the newer clients the old names of code and message are there too."""
        body: Params = {"code": code, "msg": msg, "sub_code": sub, "sub_msg": sub_msg}
        if request.headers.get("x-open-no-old-err-code") != "1":
            body |= {"err_no": 0 if code in (10000, 10001) else code, "message": sub_msg or msg}
        return {**body, "log_id": f"{self.world.now():%Y%m%d%H%M%S%f}"}

    def _refusal(self, request: Request, error: Refused) -> Answer:
        said = self._envelope(request, error.code, error.msg, error.sub_code, error.sub_msg)
        return Answer(200, {**said, "data": None})

    def _check(self, request: Request) -> Params:
        """The business object, after everything the gateway looks at first."""
        query, method = request.query, request.query.get("method", "")
        if method not in self.methods or request.path.strip("/").replace("/", ".") != method:
            raise Refused(70000, "API不存在", "isv.method-not-exist", f"沙箱没有接口 {method}")
        if query.get("app_key") != DOUYIN["app_key"]:
            raise Refused(40003, "参数错误", "isv.app-key-invalid", "app_key不存在")
        self._check_time(query.get("timestamp", ""), request.now)
        text = request.body.decode("utf-8", "replace") or query.get("param_json", "")
        right = douyin_signing.expected(query, text, DOUYIN["app_secret"])
        known = query.get("v") == "2" and query.get("sign_method", "md5") in douyin_signing.METHODS
        if not known or query.get("sign", "") != right or not douyin_signing.is_canonical(text):
            raise Refused(40003, "参数错误", "isv.signature-invalid", "签名校验失败")
        params = Request("POST", "", body=text.encode()).json()
        if not isinstance(params, dict):
            raise wrong("param_json", "param_json 不是对象")
        if method not in WITHOUT_TOKEN:
            self.tokens.check(query.get("access_token", ""))
        return params

    def _check_time(self, text: str, now: datetime) -> None:
        try:
            sent = datetime.fromtimestamp(int(text), UTC) if text.isdigit() else from_beijing(text)
        except (ValueError, OverflowError, OSError):
            raise Refused(40003, "参数错误", "isv.timestamp-invalid", "timestamp格式不正确") from None
        if abs(sent - now) > SKEW:
            raise Refused(40003, "参数错误", "isv.timestamp-invalid", "timestamp与服务器时间相差过大")

    def _search(self, params: Params) -> Params:
        by = params.get("order_by", "create_time")
        if by not in ("create_time", "update_time"):
            raise wrong("order_by", "order_by 取值为 create_time、update_time")
        if "update_time_start" in params and by != "update_time":
            raise wrong("order_by", "按更新时间筛选时 order_by 必须为 update_time")
        start, end = self._window(params, by)
        page, size = self._page(params)
        hits = self.orders.within(start, end, by, newest_first=not params.get("order_asc"))
        wanted = {
            int(status)
            for row in params.get("combine_status") or []
            for status in str(row.get("order_status") or "").split(",")
            if status
        }
        if wanted:
            hits = [order for order in hits if self.orders.status(order) in wanted]
        rows = [self.orders.face(order) for order in hits[page * size : (page + 1) * size]]
        return {"page": page, "size": size, "total": len(hits), "shop_order_list": rows}

    def _window(self, params: Params, by: str) -> tuple[datetime, datetime]:
        now, by = self.world.now(), by.removesuffix("_time")
        moments = []
        for name, default in ((f"{by}_time_start", now - DEPTH), (f"{by}_time_end", now)):
            value = params.get(name)
            if value is not None and (not isinstance(value, int) or value < 0 or value > 10**11):
                raise wrong(name, "时间为秒级时间戳")
            moments.append(datetime.fromtimestamp(value, UTC) if value is not None else default)
        start, end = moments
        if end < start:
            raise wrong(f"{by}_time_end", "结束时间早于开始时间")
        if now - start > DEPTH + timedelta(minutes=10):
            raise wrong(f"{by}_time_start", "只能查询90天内的订单")
        return start, end

    def _page(self, params: Params) -> tuple[int, int]:
        page, size = params.get("page"), params.get("size")
        if not isinstance(page, int) or not isinstance(size, int) or page < 0 or not 1 <= size <= 100:
            raise wrong("size", "page 从 0 开始，size 最大 100")
        if page * size >= MOST_ROWS:
            raise wrong("page", "page*size 不能超过 50000，请缩小时间范围")
        return page, size

    def _order(self, number: Any) -> SourceOrder:
        order = self.orders.orders.get(str(number or ""))
        if order is None:
            raise business(10031, f"订单 {number} 不存在")
        return order

    def _detail(self, params: Params) -> Params:
        face = self.orders.read(self._order(params.get("shop_order_id")).number)
        return {"shop_order_detail": face}

    def _ship(self, params: Params) -> Params:
        order = self._order(params.get("order_id"))
        company, code = self._parcel(params)
        with self.world.lock:
            pieces = {line: count for line, count in self.orders.left(order).items() if count}
            self._send_off(order, order.number, company, code, pieces, bool(params.get("is_refund_reject")))
        return {}

    def _ship_parts(self, params: Params) -> Params:
        order, request = self._order(params.get("order_id")), str(params.get("request_id") or "")
        packs = params.get("pack_list")
        if not request:
            raise missing("request_id")
        if not isinstance(packs, list) or not packs:
            raise missing("pack_list")
        with self.world.lock:
            if request in self.orders.state(order.number).requests:
                raise Refused(40003, "参数错误", "isv.idempotent-id-existed", "request_id 已存在")
            for pack in packs:
                company, code = self._parcel(pack)
                pieces = {
                    str(row.get("shipped_order_id")): int(row.get("shipped_num") or 0)
                    for row in pack.get("shipped_order_info") or []
                }
                left = self.orders.left(order)
                if not pieces or any(not 0 < n <= left.get(line, 0) for line, n in pieces.items()):
                    self._note_again(f"{order.number}/{','.join(sorted(pieces))}", company, code)
                    raise business(2004, "发货数量超过可发数量")
                key = f"{order.number}/{','.join(sorted(pieces))}"
                self._send_off(
                    order, key, company, code, pieces, bool(params.get("is_reject_refund")), request
                )
        return {}

    def _parcel(self, params: Params) -> tuple[str, str]:
        company, code = str(params.get("company_code") or ""), str(params.get("logistics_code") or "")
        if company not in COMPANIES:
            raise wrong("company_code", "物流公司编码不存在")
        if not code.isalnum() or not 8 <= len(code) <= 20:
            raise wrong("logistics_code", "运单号格式不正确")
        return company, code

    def _send_off(
        self,
        order: SourceOrder,
        key: str,
        company: str,
        code: str,
        pieces: dict[str, int],
        reject: bool,
        request: str = "",
    ) -> None:
        if self.orders.status(order) not in (TO_SHIP, PARTLY) or not pieces:
            self._note_again(key, company, code)
            raise business(2003, "订单已发货或状态不允许发货")
        pending = any(state in PENDING for state in self.orders.state(order.number).after_sale.values())
        if pending and not reject:
            self._note_again(key, company, code)
            raise business(2005, "订单存在待处理的售后，请先处理售后或选择拒绝退款")
        self.orders.ship(order.number, company, code, pieces, request)
        body = {"company_code": company, "logistics_code": code, "pieces": pieces, "refund_rejected": reject}
        self.world.ledger.record("douyin", "channel.ship", key, body)

    def _note_again(self, key: str, company: str, code: str) -> None:
        body = {"company_code": company, "logistics_code": code}
        self.world.ledger.record("douyin", "channel.ship", key, body, effect=False)

    def _confirm_address(self, params: Params) -> Params:
        order, answer = self._order(params.get("order_id")), params.get("is_approved")
        if answer not in (0, 1001, 1002, 1003, 1004, 1005):
            raise wrong("is_approved", "is_approved 取值不正确")
        if not self.orders.reviewed():
            raise business(50038, "店铺未开启改地址审核")
        with self.world.lock:
            match self.orders.state(order.number).applied:
                case "":
                    raise business(50039, "没有待审核的改地址申请")
                case "agreed":
                    raise business(50040, "改地址申请已同意")
                case "refused":
                    raise business(50041, "改地址申请已拒绝")
            self.orders.answer_address(order.number, answer == 0)
        return {}

    def _address_switch(self, params: Params) -> Params:
        if params.get("is_allowed") not in (0, 1):
            raise wrong("is_allowed", "is_allowed 取值为 0、1")
        self.world.ledger.remember("douyin", "address_review", params["is_allowed"] == 1)
        return {}

    def _after_sales(self, params: Params) -> Params:
        page, size = self._page(params)
        start, end = int(params.get("update_start_time") or 0), int(params.get("update_end_time") or 2**40)
        with self.world.lock:
            self.orders.due()
            rows = [row for order in self.orders.orders.values() for row in self._cases(order)]
        hits = [row for row in rows if start <= row["aftersale_info"]["update_time"] <= end]
        hits.sort(key=lambda row: row["aftersale_info"]["update_time"], reverse=True)
        shown = hits[page * size : (page + 1) * size]
        more = len(hits) > (page + 1) * size
        return {"items": shown, "has_more": more, "total": len(hits), "page": page, "size": len(shown)}

    def _cases(self, order: SourceOrder) -> list[Params]:
        state = self.orders.state(order.number)
        lines = {line.line_id: line for line in order.lines}
        at = int(datetime.fromisoformat(state.after_sale_at).timestamp()) if state.after_sale_at else 0
        return [
            {
                "aftersale_info": {
                    "aftersale_id": line[::-1].lstrip("0"),
                    "aftersale_order_type": 1,
                    "aftersale_type": 0 if status == RETURNING else 2,
                    "aftersale_status": status,
                    "related_id": line,
                    "apply_time": at,
                    "update_time": at,
                    "refund_amount": int(lines[line].payable * 100),
                    "refund_post_amount": 0,
                    "aftersale_num": lines[line].quantity,
                    "refund_status": 3 if status == 12 else 1,
                },
                "order_info": {
                    "shop_order_id": order.number,
                    "related_order_info": [{"sku_order_id": line, "item_num": lines[line].quantity}],
                    "order_flag": 0,
                },
            }
            for line, status in state.after_sale.items()
        ]

    def _move_refund(self, number: str, status: int) -> None:
        """The platform's side of a refund moves on: 12 done, 27 refused by the seller, 28 failed…"""
        order = self.orders.orders[number]
        with self.world.lock:
            state, at = self.orders.state(number), self.orders.now().isoformat()
            lines = {line.line_id: status for line in order.lines}
            moved = {**vars(state), "after_sale": lines, "after_sale_at": at, "modified": at}
            self.orders.write(number, type(state)(**moved))
        self._tell("refund", number)

    def _tell(self, what: str, number: str) -> None:
        """An application for a new address carries both receivers, sealed."""
        more: Params = {}
        if what == "address_asked":
            order = self.orders.orders[number]
            more = {
                "apply_time": int(self.world.now().timestamp()),
                "post_receiver_msg": self.orders.application(order, 1),
                "receiver_msg": self.orders.application(order, 2),
            }
        self.messages.tell(what, number, **more)
