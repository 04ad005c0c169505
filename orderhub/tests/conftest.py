"""What the tests of the admin's screens share: somebody who may do everything, and a row or two."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from orderhub import crypto
from orderhub.models import Connection, Payload, Ticket


def taobao(**changes: Any) -> Connection:
    made = Connection(
        platform="taobao",
        name="淘宝店",
        code="taobao-main",
        base_url="http://127.0.0.1:1/taobao",
        app_key="k",
    )
    made.set_secrets({"app_secret": "s3cret-s3cret"})
    for name, value in changes.items():
        setattr(made, name, value)
    made.save()
    return made


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("老板", password="x"))
    return client


@pytest.fixture
def payload(db: None) -> Payload:
    return Payload.objects.create(
        connection=taobao(), kind="order", external_id="T1", version="1", source="pull", state="set_aside",
        reason="不认识的状态", raw_enc=crypto.encrypt('{"tid": 1, "note": "原文<b>"}'.encode()),
    )  # fmt: skip


@pytest.fixture
def ticket(db: None) -> Ticket:
    return Ticket.objects.create(
        kind="pickup_overdue", cause_key="c1", title="超时未揽收", due_at=timezone.now()
    )
