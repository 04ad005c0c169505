"""A caller of the POP gateway for the tests, with a signature of its own."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import datetime, timedelta
from typing import Any

from orderhub.sandbox.credentials import PINDUODUO
from orderhub.sandbox.tests.served import Served


def sign(params: dict[str, str], secret: str = PINDUODUO["client_secret"]) -> dict[str, str]:
    joined = "".join(name + value for name, value in sorted(params.items()) if value != "")
    return {**params, "sign": hashlib.md5(f"{secret}{joined}{secret}".encode()).hexdigest().upper()}


def text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def raw(sandbox: Served, kind: str, **params: Any) -> dict[str, Any]:
    """The whole answer; `public_` parameters overwrite the public ones."""
    public = {
        "type": kind, "client_id": PINDUODUO["client_id"], "access_token": PINDUODUO["access_token"],
        "timestamp": str(int(time.time())), "data_type": "JSON",
    }  # fmt: skip
    changed = {
        name.removeprefix("public_"): params.pop(name) for name in list(params) if name.startswith("public_")
    }
    form = sign({**public, **changed, **{name: text(value) for name, value in params.items()}})
    return sandbox.http.post("/pinduoduo/api/router", data=form).json()


def pop(sandbox: Served, kind: str, **params: Any) -> dict[str, Any]:
    """The inner answer, or the error_response as it came."""
    answer = raw(sandbox, kind, **params)
    (inner,) = answer.values()
    return answer if "error_response" in answer else inner


def code(answer: dict[str, Any]) -> tuple[int, str | None]:
    return answer["error_response"]["error_code"], answer["error_response"]["sub_code"]


def increment(sandbox: Served, start: datetime, end: datetime, **more: Any) -> dict[str, Any]:
    wanted = {"is_lucky_flag": 0, "order_status": 5, "refund_status": 5, "page": 1, "page_size": 100, **more}
    return pop(
        sandbox, "pdd.order.number.list.increment.get",
        start_updated_at=int(start.timestamp()), end_updated_at=int(end.timestamp()), **wanted,
    )  # fmt: skip


def day(sandbox: Served, back: int = 0) -> dict[str, int]:
    end = sandbox.world.now() - timedelta(days=back)
    return {
        "start_confirm_at": int((end - timedelta(hours=24)).timestamp()),
        "end_confirm_at": int(end.timestamp()),
    }
