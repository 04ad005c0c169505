"""Callbacks of carriers that anybody could have sent are not believed."""

from __future__ import annotations

import hashlib

import pytest
from django.test import Client

from orderhub.models import Connection, Payload


@pytest.mark.django_db
def test_that_traces_are_not_believed_where_no_salt_is_set() -> None:
    account = Connection.objects.create(
        code="kd", platform="kuaidi100", name="kd", base_url="http://127.0.0.1:1"
    )
    param = '{"lastResult": {"nu": "ZT1", "state": "3"}}'
    for salt, status in (("", 403), ("s", 403)):
        sign = hashlib.md5((param + salt).encode()).hexdigest().upper()
        answer = Client().post(f"/callbacks/kuaidi100/{account.code}", {"param": param, "sign": sign})
        assert (answer.status_code, Payload.objects.count()) == (status, 0)
    account.set_secrets({"salt": "s"})
    account.save()
    assert (
        Client().post(f"/callbacks/kuaidi100/{account.code}", {"param": param, "sign": sign}).status_code
        == 200
    )
    assert Payload.objects.count() == 1
