"""The cast of finance: a Kingdee account at a running sandbox, and orders whose window ended quietly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from finance.models import Receivable
from finance.operations import receivable
from orderhub import modules
from orderhub.models import Connection, Message
from orderhub.outbox import sending
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401
from orders.models import Order
from orders.tests import aftersale_cast as cast


@pytest.fixture(autouse=True)
def fresh_modules() -> None:
    modules.forget()


@pytest.fixture
def kingdee(db: None, sandbox: RunningSandbox) -> Connection:
    """The account as a shop owner sets it up: every shop is a customer."""
    return connection("kingdee", sandbox.url, code="kingdee-main", options={"customers": {"own": "OWN001"}})


@pytest.fixture
def quiet(db: None) -> Callable[..., Order]:
    """An order signed nine days ago whose window ended two days ago."""

    def make(**columns: Any) -> Order:
        since = timezone.now() - dt.timedelta(days=2)
        return cast.order("signed", signed_days_ago=9, **{"aftersale_until": since, **columns})

    return make


def drain(rounds: int = 12) -> None:
    """Send vouchers until nothing moves, with waits between tries left out."""
    for _ in range(rounds):
        Message.objects.filter(state__in=["new", "sending", "unknown"]).update(
            next_try_at=timezone.now(), lease_until=None
        )
        if not sum(sending.drain(kind) for kind in ("voucher.save", "voucher.submit", "voucher.audit")):
            return


def settle() -> None:
    """Everything from the quiet window to the closed order."""
    receivable.sweep()
    drain()
    Receivable.objects.update(next_try_at=timezone.now())
    receivable.tell_orders()
