"""Kuaidi100: queries and subscriptions over the sandbox's own traces; each callback carries the whole history."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from orderhub.sandbox import traces
from orderhub.sandbox.credentials import KUAIDI100
from orderhub.sandbox.frame import Answer, Platform, Request, beijing, dumps
from orderhub.sandbox.places import CARRIERS
from orderhub.sandbox.pushes import Push, Reply
from orderhub.sandbox.ticker import Ticker

PLAIN = {"1": "揽收", "0": "在途", "5": "派件", "2": "疑难", "3": "签收"}
ADVANCED = {
    "103": "已揽收",
    "1002": "干线",
    "1001": "到达派件城市",
    "5": "派件",
    "204": "派件异常",
    "301": "本人签收",
}
BASIC = {"103": "1", "1002": "0", "1001": "0", "5": "5", "204": "2", "301": "3"}
COMPANIES = {code for code, _ in CARRIERS.values()}
NO_RECORD_AFTER = timedelta(days=3)


def upper_md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest().upper()


def taken(reply: Reply) -> bool:
    try:
        said = json.loads(reply.body)
    except ValueError:
        return False
    return reply.status == 200 and isinstance(said, dict) and said.get("result") is True


class Kuaidi100(Platform):
    prefix = "kuaidi100"

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.lock = threading.Lock()
        self.asked: dict[str, float] = {}
        self.lock_minutes = 0.0
        self.subscriptions: dict[str, dict[str, Any]] = world.ledger.recall_all(self.prefix, "sub:")
        self.ticker = Ticker("kuaidi100-callbacks", 5.0, self.push_due) if world.target else None

    def app_of(self, request: Request) -> str:
        return request.form.get("customer", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.no("502", "服务器繁忙，请稍后再试")

    def deny_answer(self, request: Request) -> Answer:
        return self.no("601", "key已过期或余额不足")

    def expire_token(self, request: Request) -> Answer | None:
        return self.no("503", "验证签名失败")

    def reset(self) -> None:
        traces.forget(self.world)
        with self.lock:
            self.asked.clear()
            self.subscriptions.clear()
            self.lock_minutes = 0.0

    @staticmethod
    def no(code: str, message: str) -> Answer:
        return Answer(body={"result": False, "returnCode": code, "message": message})

    def handle(self, request: Request) -> Answer:
        name = self.fault_key(request)
        if name not in ("poll/query.do", "poll"):
            return Answer(404, "<html><body>404 Not Found</body></html>", "text/html; charset=utf-8")
        try:
            param = json.loads(request.form.get("param", ""))
        except ValueError:
            return self.no("400", "提交的数据不完整或者贵公司没授权：param不是有效的JSON")
        if not isinstance(param, dict):
            return self.no("400", "提交的数据不完整：param不是对象")
        return self.query(request, param) if name == "poll/query.do" else self.subscribe(request, param)

    # queries

    def query(self, request: Request, param: dict[str, Any]) -> Answer:
        expected = upper_md5(request.form["param"] + KUAIDI100["key"] + KUAIDI100["customer"])
        if request.form.get("customer") != KUAIDI100["customer"]:
            return self.no("601", "POLL:KEY已过期")
        if not hmac.compare_digest(expected, request.form.get("sign", "")):
            return self.no("503", "POLL:验证签名失败")
        company, number = str(param.get("com") or ""), str(param.get("num") or "")
        if company not in COMPANIES or not 6 <= len(number) <= 32:
            return self.no("400", "POLL:快递公司参数异常：单号不存在或者已经过期")
        if company == "shunfeng" and len(str(param.get("phone") or "")) < 4:
            return self.no("408", "POLL:验证码错误：请输入收件人或寄件人手机号后四位")
        if self.too_soon(number):
            return self.no("502", "POLL:服务器繁忙：该单号查询过于频繁，已被锁定")
        found = traces.journey(self.world, number)
        if found and CARRIERS.get(found.carrier, ("",))[0] != company:
            return self.no("400", "POLL:快递公司参数异常：单号与快递公司不符")
        seen = traces.scans(self.world.seed, found, self.world.now()) if found else []
        if not seen:
            return self.no("500", "POLL:查询无结果，请隔段时间再查")
        return Answer(
            body=self.result(company, number, seen, str(param.get("resultv2") or "0"), param.get("order"))
        )

    def too_soon(self, number: str) -> bool:
        """Whether this number was asked for within the lock time; a refused question does not prolong it."""
        if not self.lock_minutes:
            return False
        with self.lock:
            moment, last = time.monotonic(), self.asked.get(number)
            if last is not None and moment - last < self.lock_minutes * 60:
                return True
            self.asked[number] = moment
            return False

    @staticmethod
    def result(
        company: str, number: str, seen: list[traces.Event], level: str, order: Any = None
    ) -> dict[str, Any]:
        """The answer's body: all scalars are texts, the newest row first unless asked otherwise."""
        advanced = level in ("4", "5", "8")
        rows = [
            {
                "time": beijing(event.at),
                "ftime": beijing(event.at),
                "context": event.text,
                "areaCode": "",
                "areaName": event.city,
                "status": ADVANCED[event.code] if advanced else PLAIN[BASIC[event.code]],
                "statusCode": event.code if advanced else BASIC[event.code],
                "areaCenter": "",
                "location": event.city,
            }
            for event in (seen if order == "asc" else reversed(seen))
        ]
        state = BASIC[seen[-1].code]
        return {
            "message": "ok", "nu": number, "ischeck": "1" if state == "3" else "0", "com": company, "status": "200",
            "state": state, "condition": "F00" if state == "3" else "00", "data": rows, "isLoop": False,
        }  # fmt: skip

    # subscriptions

    def subscribe(self, request: Request, param: dict[str, Any]) -> Answer:
        if request.form.get("schema") != "json":
            return self.no("400", "只支持schema=json")
        if param.get("key") != KUAIDI100["key"]:
            return self.no("601", "POLL:KEY已过期")
        options = param.get("parameters") or {}
        company, number = str(param.get("company") or ""), str(param.get("number") or "")
        if not options.get("callbackurl") or not 6 <= len(number) <= 32:
            return self.no("400", "POLL:订阅数据不完整")
        if company not in COMPANIES and str(options.get("autoCom")) != "1":
            return self.no("701", "拒绝订阅的快递公司")
        with self.lock:
            old = self.subscriptions.get(f"sub:{number}")
            repeated = bool(old and old["status"] not in ("abort", "shutdown"))
            if repeated:
                self.world.ledger.record(
                    self.prefix, "trace.subscribe", number, {"company": company}, effect=False
                )
                return self.no("501", "POLL:重复订阅")
            self.world.ledger.record(
                self.prefix, "trace.subscribe", number, {"company": company}, effect=old is None
            )
            self.keep(
                number,
                {
                    "company": company, "url": str(options["callbackurl"]), "salt": str(options.get("salt") or ""),
                    "level": str(options.get("resultv2") or "0"), "told": 0, "status": "polling",
                },
            )  # fmt: skip
        return Answer(body={"result": True, "returnCode": "200", "message": "提交成功"})

    def keep(self, number: str, row: dict[str, Any]) -> None:
        self.subscriptions[f"sub:{number}"] = row
        self.world.ledger.remember(self.prefix, f"sub:{number}", row)

    # callbacks

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        if what == "kuaidi100_options":
            self.lock_minutes = float(options.get("lock_minutes", self.lock_minutes))
            return {"lock_minutes": self.lock_minutes}
        if what != "kuaidi100_callbacks":
            return None
        pushed = self.push_due(
            again=bool(options.get("again")),
            duplicate=bool(options.get("duplicate")),
            out_of_order=bool(options.get("out_of_order")),
            updateall=bool(options.get("updateall")),
            only={str(number) for number in options.get("numbers") or []},
        )
        done = self.world.pushes.idle(float(options.get("seconds", 60)))
        return {"pushed": pushed, "idle": done}

    def push_due(self, again: bool = False, duplicate: bool = False, out_of_order: bool = False,
                 updateall: bool = False, only: set[str] | None = None) -> int:  # fmt: skip
        """Push every subscription that has news (`again`: all of them); how many."""
        now, count = self.world.now(), 0
        with self.lock:
            rows = [(key.removeprefix("sub:"), dict(row)) for key, row in self.subscriptions.items()]
        for number, row in rows:
            if (only and number not in only) or (not again and row["status"] != "polling"):
                continue
            if not again and row.get("next") and row["next"] > now.isoformat():
                continue
            found = traces.journey(self.world, number)
            if found is None:
                continue
            every = traces.every_scan(self.world.seed, found)
            seen = [event for event in every if event.at <= now]
            if not seen:
                count += self.give_up(number, row, found, now)
                continue
            if len(seen) == row["told"] and not again:
                continue
            ahead = next((event.at.isoformat() for event in every if event.at > now), None)
            status = (
                "updateall" if updateall else ("shutdown" if seen[-1].action == traces.SIGNED else "polling")
            )
            row.update(next=ahead, told=len(seen))
            with self.lock:
                self.keep(number, {**row, "status": "shutdown" if status == "shutdown" else row["status"]})
            self.send(number, row, found, seen, status)
            count += 1
            if out_of_order and len(seen) > 1:
                self.send(number, row, found, seen[:-1], "polling", delay=0.3)
            if duplicate:
                self.send(number, row, found, seen, status, delay=0.5)
        return count

    def give_up(self, number: str, row: dict[str, Any], found: traces.Journey, now: datetime) -> int:
        """Tell once that three days brought no record."""
        if found.schedule.picked_up is not None or found.schedule.shipped + NO_RECORD_AFTER > now:
            return 0
        with self.lock:
            self.keep(number, {**row, "status": "abort"})
        self.post(number, row, {"status": "abort", "billstatus": "", "message": "3天查询无记录", "autoCheck": "0",
                                "comOld": "", "comNew": "", "lastResult": {"message": "ok", "status": "201", "state": "0",
                                "ischeck": "0", "com": row["company"], "nu": number, "data": []}})  # fmt: skip
        return 1

    def send(self, number: str, row: dict[str, Any], found: traces.Journey, seen: list[traces.Event], status: str,
             delay: float = 0.0) -> None:  # fmt: skip
        company = CARRIERS.get(found.carrier, (row["company"],))[0]
        corrected = company != row["company"]
        self.post(
            number,
            row,
            {
                "status": status,
                "billstatus": "check" if status == "shutdown" else ("got" if len(seen) == 1 else "change"),
                "message": "",
                "autoCheck": "1" if corrected else "0",
                "comOld": row["company"] if corrected else "",
                "comNew": company if corrected else "",
                "lastResult": self.result(company, number, seen, row["level"]),
            },
            delay,
        )

    def post(self, number: str, row: dict[str, Any], message: dict[str, Any], delay: float = 0.0) -> None:
        param = dumps(message)
        body = urlencode({"sign": upper_md5(param + row["salt"]), "param": param}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        self.world.pushes.send(
            Push(self.prefix, "callback", row["url"], body, headers, taken, tries=8), delay
        )
