"""A caller of the TOP gateway for the tests, with a signature of its own."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from orderhub.sandbox.credentials import TAOBAO
from orderhub.sandbox.frame import beijing
from orderhub.sandbox.tests.served import Served

TYPES = "fixed,guarantee_trade"


def signed(params: dict[str, str], secret: str = TAOBAO["app_secret"]) -> dict[str, str]:
    joined = secret + "".join(k + v for k, v in sorted(params.items()) if v != "") + secret
    return {**params, "sign": hashlib.md5(joined.encode()).hexdigest().upper()}


def top(sandbox: Served, method: str, **params: Any) -> dict[str, Any]:
    """The inner answer, or the error_response as it came."""
    public = {
        "method": method, "app_key": TAOBAO["app_key"], "session": TAOBAO["session"], "format": "json", "v": "2.0",
        "sign_method": "md5", "timestamp": beijing(sandbox.world.now()),
    }  # fmt: skip
    form = signed({**public, **{name: str(value) for name, value in params.items()}})
    answer = sandbox.http.post("/taobao/router/rest", data=form).json()
    if "error_response" in answer:
        return answer
    (name,) = answer
    assert name == method.removeprefix("taobao.").replace(".", "_") + "_response"
    return answer[name]


def code(answer: dict[str, Any]) -> tuple[int, str]:
    return answer["error_response"]["code"], answer["error_response"].get("sub_code", "")


def increment(sandbox: Served, start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
    wanted = {"fields": "tid,modified,status", "type": TYPES, "page_no": 1, "page_size": 100, **more}
    return top(
        sandbox,
        "taobao.trades.sold.increment.get",
        start_modified=beijing(start),
        end_modified=beijing(end),
        **wanted,
    )


def days(sandbox: Served, count: int = 17) -> list[tuple[datetime, datetime]]:
    end = sandbox.world.now() + timedelta(minutes=1)
    return [(end - timedelta(days=n + 1), end - timedelta(days=n)) for n in range(count)]
