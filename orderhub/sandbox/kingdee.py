"""Kingdee K3Cloud WebAPI as its server speaks it: sign-in, save, submit, audit, query; effects into the ledger."""

from __future__ import annotations

import json
import secrets
import threading
import time
from functools import partial
from typing import Any

from orderhub.sandbox import kingdee_filter, kingdee_signing
from orderhub.sandbox.credentials import KINGDEE
from orderhub.sandbox.frame import Answer, Platform, Request
from orderhub.sandbox.kingdee_bills import LINES, Bill, Books, Refusal

IDLE_SECONDS = 1200
FORMS = ("AR_receivable", "AR_OtherRecAble")
STEPS = {  # operation: (statuses it may start from, status after, ledger kind, verb)
    "Submit": ("AZD", "B", "kingdee.submit", "提交"),
    "Audit": ("B", "C", "kingdee.audit", "审核"),
    "UnAudit": ("C", "D", "kingdee.unaudit", "反审核"),
    "Delete": ("AZD", "", "kingdee.delete", "删除"),
}


def loaded(value: Any) -> Any:
    """Data come as an object or as JSON text."""
    return json.loads(value) if isinstance(value, str) else value


class Kingdee(Platform):
    prefix = "kingdee"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.books = Books(world.ledger.recall_all(self.prefix))
        self.lock = threading.Lock()
        self.sessions: dict[str, float] = {}
        self.packets: set[str] = set()
        self.idle_seconds = IDLE_SECONDS

    def fault_key(self, request: Request) -> str:
        return request.path.removesuffix(".common.kdsvc").rsplit(".", 1)[-1]

    def reset(self) -> None:
        with self.lock:
            self.sessions.clear()
            self.packets.clear()
            self.books = Books()

    def quota_answer(self, request: Request) -> Answer:
        return self.refused(request, Refusal(14, ("", "调用次数超过限制，请稍后再试")))

    def deny_answer(self, request: Request) -> Answer:
        return self.refused(request, Refusal(2, ("", "没有该业务对象的操作权限")))

    def expire_token(self, request: Request) -> Answer | None:
        """Forget every session, as after an idle night; the call itself then finds no session."""
        self.sessions.clear()
        return None

    def refused(self, request: Request, refusal: Refusal) -> Answer:
        said = self.failure(refusal)
        return Answer(body=[[said]] if self.fault_key(request) == "ExecuteBillQuery" else said)

    def handle(self, request: Request) -> Answer:
        service = request.path.rsplit("/", 1)[-1].removesuffix(".common.kdsvc")
        area, _, operation = service.removeprefix("Kingdee.BOS.WebApi.ServicesStub.").partition(".")
        try:
            body = json.loads(request.body or b"{}")
        except ValueError:
            return self.gateway("请求内容不是有效的JSON")
        if not isinstance(body, dict):
            return self.gateway("请求内容不是有效的JSON对象")
        headers = request.headers
        if area == "AuthService":
            return self.sign_in(operation, body, headers)
        if area != "DynamicFormService":
            return self.gateway(f"服务{service}不存在")
        if "x-api-signature" in headers:
            wrong = kingdee_signing.gateway_refusal(headers, f"/{self.prefix}/{request.path.lstrip('/')}")
            if wrong:
                return self.gateway(wrong)
            allowed = kingdee_signing.tenant_accepts(headers)
        else:
            allowed = self.session_lives(headers)
        if not allowed:
            return self.refused(request, Refusal(1, ("", "会话信息已丢失，请重新登录")))
        return self.operate(operation, body)

    @staticmethod
    def gateway(text: str) -> Answer:
        """A failure of the gateway: HTTP 200 and a body that is not JSON."""
        return Answer(body=f"response_error: {text}", content_type="text/plain; charset=utf-8")

    def session_lives(self, headers: dict[str, str]) -> bool:
        cookies = dict(
            part.strip().split("=", 1) for part in headers.get("cookie", "").split(";") if "=" in part
        )
        session = headers.get("kdservice-sessionid") or cookies.get("kdservice-sessionid", "")
        with self.lock:
            seen = self.sessions.get(session)
            if seen is None or time.monotonic() - seen > self.idle_seconds:
                self.sessions.pop(session, None)
                return False
            self.sessions[session] = time.monotonic()
            return True

    def sign_in(self, operation: str, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        listed = [str(value) for value in body.get("parameters") or []]
        if operation == "Logout":
            self.sessions.pop(headers.get("kdservice-sessionid", ""), None)
            return Answer(body="true")
        names = {
            "LoginByAppSecret": ("acctid", "username", "appid", "appsecret"),
            "ValidateUser": ("acctid", "username", "password"),
            "LoginBySign": ("acctid", "username", "appid", "timestamp", "sign"),
        }.get(operation)
        if names is None:
            return self.gateway(f"服务AuthService.{operation}不存在")
        given = dict(zip(names, listed, strict=False)) if listed else {n: str(body.get(n, "")) for n in names}
        if [given.get("acctid"), given.get("username")] != [KINGDEE["acct_id"], KINGDEE["username"]]:
            return self.signed_in(0, "用户名或密码错误")
        if operation == "ValidateUser":
            right = given.get("password") == KINGDEE["password"]
        elif given.get("appid") != KINGDEE["app_id"]:
            right = False
        elif operation == "LoginByAppSecret":
            right = given.get("appsecret") == KINGDEE["app_secret"]
        else:
            stamp = given.get("timestamp", "")
            right = stamp.isdigit() and abs(time.time() - int(stamp)) <= kingdee_signing.TOLERANCE
            right = right and given.get("sign") == kingdee_signing.login_sign(
                KINGDEE["acct_id"], KINGDEE["username"], KINGDEE["app_id"], KINGDEE["app_secret"], stamp
            )
        return self.signed_in(1, "") if right else self.signed_in(-1, "用户名或密码错误")

    def signed_in(self, result: int, message: str) -> Answer:
        session = secrets.token_hex(16) if result == 1 else ""
        headers = {}
        if session:
            with self.lock:
                self.sessions[session] = time.monotonic()
            headers["Set-Cookie"] = f"kdservice-sessionid={session}; path=/"
        context = (
            {"UserName": KINGDEE["username"], "DBid": KINGDEE["acct_id"], "UserLocale": "zh-CN"}
            if session
            else None
        )
        return Answer(
            body={
                "LoginResultType": result,
                "Message": message,
                "MessageCode": "" if session else "CheckPasswordPolicy",
                "KDSVCSessionId": session,
                "Context": context,
                "IsSuccessByAPI": bool(session),
            },
            headers=headers,
        )

    def operate(self, operation: str, body: dict[str, Any]) -> Answer:
        listed = body.get("parameters") or []
        query = operation in ("ExecuteBillQuery", "BillQuery")
        try:
            data = loaded(body.get("data", listed[-1] if listed else {}))
            form = str(body.get("formid") or body.get("FormId") or (listed[0] if len(listed) > 1 else ""))
            if not isinstance(data, dict):
                raise Refusal(8, ("data", "参数data不是有效的JSON对象"))
            form = str(data.get("FormId", "")) if query else form
            if form not in FORMS:
                raise Refusal(5, ("formid", f"业务对象标识“{form}”不存在"))
            answer: Any = (
                self.query(form, data, named=operation == "BillQuery")
                if query
                else self.act(operation, form, data)
            )
        except ValueError as error:
            answer = self.failure(Refusal(8, ("data", f"参数格式错误：{error}")))
            answer = [[answer]] if query else answer
        except Refusal as refusal:
            answer = [[self.failure(refusal)]] if query else self.failure(refusal)
        return Answer(body=answer)

    def act(self, operation: str, form: str, data: dict[str, Any]) -> dict[str, Any]:
        if operation in ("Save", "Draft"):
            return self.save(form, data, draft=operation == "Draft")
        if operation in STEPS:
            return self.steps(operation, form, data)
        if operation == "View":
            bill = self.addressed(form, data)
            shown = {
                **bill.model,
                "Id": bill.id,
                "BillNo": bill.number,
                "DocumentStatus": bill.status,
                LINES: bill.lines,
            }
            return {"Result": {"ResponseStatus": None, "Result": shown}}
        raise Refusal(3, ("", f"操作“{operation}”不存在"))

    def addressed(self, form: str, data: dict[str, Any]) -> Bill:
        numbers = [str(data["Number"])] if data.get("Number") else []
        found = self.books.find(form, numbers, str(data.get("Id") or ""))
        if not found or found[0][1] is None:
            raise Refusal(10, ("", "单据不存在"))
        return found[0][1]

    def save(self, form: str, data: dict[str, Any], draft: bool) -> dict[str, Any]:
        model = loaded(data.get("Model"))
        if not isinstance(model, dict):
            raise Refusal(9, ("Model", "缺少Model参数"))
        if str(data.get("ValidateRepeatJson", False)).lower() == "true":
            packet = json.dumps(data, sort_keys=True, ensure_ascii=False)
            with self.lock:
                if packet in self.packets:
                    raise Refusal(11, ("", "该数据包已提交过，请勿重复提交"))
        drop = str(data.get("IsDeleteEntry", True)).lower() != "false"
        bill, new = self.books.save(form, model, drop, draft)
        with self.lock:
            self.packets.add(json.dumps(data, sort_keys=True, ensure_ascii=False))
        self.write("kingdee.save", bill, effect=new)
        answer = self.success([bill])
        answer["Result"].update({"Id": bill.id, "Number": bill.number, "NeedReturnData": [{}]})
        if str(data.get("IsAutoSubmitAndAudit", False)).lower() == "true" and not draft:
            for operation in ("Submit", "Audit"):
                self.steps(operation, form, {"Numbers": [bill.number]})
        return answer

    def write(self, kind: str, bill: Bill, effect: bool = True) -> None:
        self.world.ledger.remember(self.prefix, str(bill.id), vars(bill))
        customer = bill.model.get("FCUSTOMERID")
        lines = [
            {"material": line.get("FMATERIALID"), "amount": line.get("FALLAMOUNTFOR_D")}
            for line in bill.lines
        ]
        self.world.ledger.record(
            self.prefix,
            kind,
            bill.number,
            {
                "id": bill.id, "form": bill.form, "status": bill.status, "amount": str(bill.amount),
                "customer": customer, "lines": lines, "remark": bill.model.get("FAR_Remark", ""),
            },
            effect,
        )  # fmt: skip

    def steps(self, operation: str, form: str, data: dict[str, Any]) -> dict[str, Any]:
        allowed, then, kind, verb = STEPS[operation]
        numbers = [str(number) for number in data.get("Numbers") or []]
        found = self.books.find(form, numbers, str(data.get("Ids") or ""))
        if not found:
            raise Refusal(9, ("Numbers", "单据编号集合和内码集合不能同时为空"))
        done: list[Bill] = []
        errors: list[tuple[str, str, int]] = []
        code = 0
        for place, (word, bill) in enumerate(found):
            try:
                if bill is None:
                    raise Refusal(10, ("", f"单据“{word}”不存在"))
                number = bill.number
                self.books.step(bill, allowed, then, verb)
                if then:
                    self.write(kind, bill)
                else:
                    self.world.ledger.remember(self.prefix, str(bill.id), vars(self.books.by_id[bill.id]))
                    self.world.ledger.record(self.prefix, kind, number, {"id": bill.id})
                done.append(bill)
            except Refusal as refusal:
                code = refusal.code
                errors += [(name, text, place) for name, text in refusal.errors]
        return self.success(done) if not errors else self.failure_of(code, errors, done)

    def query(self, form: str, data: dict[str, Any], named: bool) -> list[Any]:
        keys = [key.strip() for key in str(data.get("FieldKeys", "")).split(",") if key.strip()]
        if not keys:
            raise Refusal(9, ("FieldKeys", "查询字段不能为空"))
        try:
            test = kingdee_filter.parse(str(data.get("FilterString") or ""))
        except kingdee_filter.BadFilter as error:
            raise Refusal(8, ("FilterString", str(error))) from error
        limit, start, top = (int(data.get(name) or 0) for name in ("Limit", "StartRow", "TopRowCount"))
        if limit > 2000:
            raise Refusal(8, ("Limit", "单次查询不能超过2000行"))
        empty = Bill(0, form, "", "", {}, "")
        rows = []
        try:
            for key in keys:
                if not any(bill.lines for bill in self.books.bills.values()):
                    empty.value(key)
            with self.books.lock:
                bills = [bill for bill in self.books.bills.values() if bill.form == form]
            for bill in sorted(bills, key=lambda bill: bill.id):
                by_line = any(self.of_lines(bill, key) for key in keys)
                for line in bill.lines if by_line else [{}]:
                    reach = partial(bill.value, line=line)
                    if test(reach):
                        rows.append([reach(key) for key in keys])
        except KeyError as error:
            raise Refusal(8, ("FieldKeys", f"字段{error}不存在")) from error
        rows = rows[start : start + (limit or 2000)]
        rows = rows[:top] if top else rows
        return [dict(zip(keys, row, strict=True)) for row in rows] if named else rows

    @staticmethod
    def of_lines(bill: Bill, key: str) -> bool:
        name = key.partition(".")[0]
        return name.startswith(f"{LINES}_") or (
            name not in bill.model and any(name in line for line in bill.lines)
        )

    @staticmethod
    def success(bills: list[Bill]) -> dict[str, Any]:
        entities = [
            {"Id": bill.id, "Number": bill.number, "DIndex": place} for place, bill in enumerate(bills)
        ]
        status = {
            "IsSuccess": True,
            "Errors": [],
            "SuccessEntitys": entities,
            "SuccessMessages": [],
            "MsgCode": 0,
        }
        return {"Result": {"ResponseStatus": status}}

    def failure(self, refusal: Refusal) -> dict[str, Any]:
        return self.failure_of(refusal.code, [(name, text, 0) for name, text in refusal.errors], [])

    @staticmethod
    def failure_of(code: int, errors: list[tuple[str, str, int]], done: list[Bill]) -> dict[str, Any]:
        status = {
            "IsSuccess": False,
            "ErrorCode": 500,
            "MsgCode": code,
            "Errors": [{"FieldName": name, "Message": text, "DIndex": place} for name, text, place in errors],
            "SuccessEntitys": [
                {"Id": bill.id, "Number": bill.number, "DIndex": at} for at, bill in enumerate(done)
            ],
            "SuccessMessages": [],
        }
        return {"Result": {"ResponseStatus": status, "Id": "", "Number": "", "NeedReturnData": []}}
