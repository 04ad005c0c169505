"""What made-up calls of the API are given, so that they reach rows that are there: used by Schemathesis' hook `before_call`.

A schema can't say which numbers exist, that a cursor is signed, or that a time has passed. A call that is meant to be right
gets such values from `Real`; a call that is meant to be wrong stays as it was made up, but for the rows in its address.
This file needs neither Django nor a database: `schemathesis run` reads it as well (`orderhub/testing/api_hooks.py`).
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CONFIG = Path(__file__).with_name("schemathesis.toml")
SIGNED = re.compile(r"\.?[A-Za-z0-9_-]+:[A-Za-z0-9]+:[A-Za-z0-9_-]{43}")
#: The touch that a made-up call makes; it needs a reason.
TOUCH = "cancel"


@dataclass
class Real:
    """What is there. `rows` are values of parameters in addresses, `cursors` are by operation, `kept` are devices."""

    rows: dict[str, Any]
    cursors: dict[str, str]
    sku: str
    username: str
    password: str
    kept: list[str]
    #: What answers told: refresh tokens, the cookie, addresses with their ETags, versions of orders and tickets.
    learned: dict[str, Any] = field(default_factory=dict)
    turn: Any = field(default_factory=itertools.count, repr=False)

    def put(self, case: Any) -> None:
        """Give a made-up call what it needs to be right, or at least to reach a row."""
        operation = str(case.operation.definition.raw["operationId"])
        stateful = case.meta is not None and case.meta.phase.name.value == "stateful"
        some = next(self.turn) % 3  # of three calls one stays with what was made up
        known = {name: self.rows[name] for name in case.path_parameters or {} if name in self.rows}
        parts = case.meta.components.items() if case.meta is not None else ()
        wrong = any(where.value == "path" and part.mode.is_negative for where, part in parts)
        if known and some and not stateful and not wrong:
            case.path_parameters = {**case.path_parameters, **known}
        if operation == "device_revoke" and case.path_parameters.get("device") in self.kept:
            case.path_parameters = {
                "device": "00000000-0000-4000-8000-000000000000"
            }  # it would sign the test out
        if case.meta is None or not case.meta.generation.mode.is_positive:
            return
        if "Idempotency-Key" in (
            case.headers or {}
        ):  # made-up keys repeat, with other bodies, which is refused
            case.headers["Idempotency-Key"] = f"made-up-{uuid.uuid4().hex}"
        self._known(operation, case, bool(some))
        query = dict(case.query or {})
        if "cursor" in query and not SIGNED.fullmatch(str(query["cursor"])):
            query.pop("cursor")
            if operation in self.cursors:
                query["cursor"] = self.cursors[operation]
            case.query = query
        if operation == "order_touch" and not isinstance(case.body, dict):
            case.body = {"reason": "asked"}  # it may be left out where the touch can be undone
        if isinstance(case.body, dict):
            case.body = self._body(operation, case.body, bool(some), case.path_parameters or {})

    def _known(self, operation: str, case: Any, some: bool) -> None:
        """What an answer before told, which no schema can say: a version, a lease, a cookie."""
        at = case.path_parameters or {}
        if operation in ("session_go_on", "session_end") and some and "cookie" in self.learned:
            case.cookies = {"oh_refresh": self.learned.pop("cookie")}
        if operation in ("address_decide", "address_skip") and some and self.learned.get("addresses"):
            item, tag = self.learned["addresses"].pop()
            case.path_parameters = {**at, "item": item}
            if operation == "address_decide":
                case.headers["If-Match"] = tag
        elif operation == "order_payment" and some and self.learned.get("orders"):
            case.path_parameters = {**at, "number": self.learned["orders"].pop()}
        elif "If-Match" in (case.headers or {}):
            place = at.get("ticket") or at.get("number")
            case.headers["If-Match"] = self.learned.get(f"version:{place}", case.headers["If-Match"])

    @staticmethod
    def reached(case: Any, answer: Any) -> bool:
        """Whether the operation itself did it: OPTIONS of its address does not count."""
        meant = answer.request.method.upper() == case.operation.method.upper()
        return meant and 200 <= answer.status_code < 300

    def learn(self, case: Any, answer: Any) -> None:
        """Keep what this answer tells for the calls that follow."""
        operation = str(case.operation.definition.raw["operationId"])
        if not self.reached(case, answer):
            return
        heads = {name.lower(): value for name, value in answer.headers.items()}
        at = case.path_parameters or {}
        place = at.get("ticket") or at.get("number")
        if "etag" in heads and place is not None:
            self.learned[f"version:{place}"] = heads["etag"][0]
        if operation.startswith("session_"):
            for cookie in heads.get("set-cookie", ()):
                found = re.match(r"oh_refresh=([^;\s\"]+)", cookie)
                if found:
                    self.learned["cookie"] = found[1]
        if operation == "order_create":
            self.learned.setdefault("orders", []).append(answer.json()["number"])
        if operation in ("sign_in", "refresh"):
            self.learned["refresh"] = answer.json()["refresh"]
        if operation in ("address_next", "address_undo"):
            items = answer.json()["items"]
            self.learned.setdefault("addresses", []).extend((one["id"], one["etag"]) for one in items)
        if operation == "tickets_list":
            for one in answer.json()["items"]:
                self.learned[f"version:{one['id']}"] = one["etag"]

    def _body(self, operation: str, body: dict[str, Any], some: bool, at: dict[str, Any]) -> dict[str, Any]:
        if operation in ("sign_in", "session_begin") and some:
            return {**body, "username": self.username, "password": self.password}
        if operation == "refresh" and some and "refresh" in self.learned:
            return {**body, "refresh": self.learned.pop("refresh")}
        if operation == "order_payment":
            return {**body, "paid_at": (dt.datetime.now(dt.UTC) - dt.timedelta(minutes=1)).isoformat()}
        if (
            operation == "order_touch"
            and at.get("touch") == TOUCH
            and not str(body.get("reason", "")).strip()
        ):
            return {**body, "reason": "asked"}
        if operation == "stock_claim_take":
            return {**body, "sku": self.sku, "buyer": {**body["buyer"], "account": "somebody"}}
        if operation == "order_create":  # payable may not be more than the goods; there is no schema for sums
            lines = [  # nor is there one for too much, or for ids that are each there once
                {**line, "quantity": 1, "line_id": f"L{place}"} for place, line in enumerate(body["lines"])
            ]
            now = dt.datetime.now(dt.UTC).isoformat()
            times = {  # a time of our century, which a schema's date-time can't say
                name: now
                for name in ("created_at", "updated_at", "promised_ship_at")
                if body.get(name) and not str(body[name]).startswith("20")
            }
            return {**body, **times, "payable": "0", "freight": "0", "lines": lines}
        if operation == "address_decide":
            return {"keep": True} if "rank" in body or "found" in body else body  # no candidates are there
        return body
