"""What made-up calls of the API are given, so that they reach rows that are there: used by Schemathesis' hook `before_call`.

A schema can't say which numbers exist, that a cursor is signed, or that a time has passed. A call that is meant to be right
gets such values from `Real`; a call that is meant to be wrong stays as it was made up, but for the rows in its address.
This file needs neither Django nor a database: `schemathesis run` reads it as well (`orderhub/testing/api_hooks.py`).
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
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
            case.headers["Idempotency-Key"] = f"made-up-{next(self.turn):08}"
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

    def _body(self, operation: str, body: dict[str, Any], some: bool, at: dict[str, Any]) -> dict[str, Any]:
        if operation in ("sign_in", "session_begin") and some:
            return {**body, "username": self.username, "password": self.password}
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
            return {**body, "payable": "0", "freight": "0", "lines": lines}
        if operation == "address_decide":
            return {"keep": True} if "rank" in body or "found" in body else body  # no candidates are there
        return body
