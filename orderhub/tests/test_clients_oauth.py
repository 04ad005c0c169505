"""Many workers, one expired token, one refresh."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections
from django.utils import timezone

from orderhub.integrations import oauth
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Call, Connection
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, speak, start_sandbox  # noqa: F401
from orderhub.testing.trades import window

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def test_that_many_workers_refresh_an_expired_token_once(sandbox: RunningSandbox) -> None:
    made = connection("taobao", sandbox.url)
    sandbox.drive("expire_token")
    sandbox.fault("slow", "taobao", "token", times=1, seconds=0.5)
    ready = threading.Barrier(8)

    def worker(_number: int) -> int:
        try:
            from orderhub.integrations.registry import client

            own = client(Connection.objects.get(pk=made.pk))
            ready.wait()
            return own.created_count(*window())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        counts = list(pool.map(worker, range(8)))
    assert len(set(counts)) == 1
    assert Call.objects.filter(method="oauth.refresh_token").count() == 1
    assert Call.objects.filter(outcome="reauthorise").count() <= 8


def test_that_a_refresh_that_cannot_be_asked_is_tried_again_later(sandbox: RunningSandbox) -> None:
    taobao = speak("taobao", sandbox)
    sandbox.drive("expire_token")
    sandbox.fault("500_before", "taobao", "token", times=1)
    with pytest.raises(PlatformError) as failed:
        taobao.created_count(*window())
    assert failed.value.kind == "retry"
    assert Connection.objects.get(pk=taobao.connection.pk).state == "ok"
    assert Call.objects.filter(method="oauth.refresh_token", outcome="retry").count() == 1
    assert taobao.created_count(*window()) > 0


def test_that_a_shop_without_a_refresh_token_waits_for_its_owner(sandbox: RunningSandbox) -> None:
    for past, token in ((None, {"access_token": "old"}), (timezone.now() - timedelta(days=1), None)):
        made = connection("taobao", sandbox.url, code=f"t{time.monotonic_ns()}")
        made.set_token(token or {"access_token": "old", "refresh_token": "x"}, None, past)
        made.save()
        with pytest.raises(PlatformError) as refused:
            oauth.refresh(made)
        assert refused.value.kind == "reauthorise"
        assert Connection.objects.get(pk=made.pk).state == "needs_authorisation"
    assert not Call.objects.exists()


def test_that_a_platform_without_owners_has_no_authorisation() -> None:
    with pytest.raises(PlatformError) as refused:
        oauth.authorise_url(Connection(platform="zto"), "state")
    assert refused.value.kind == "configuration"
