"""A person's quota of opened receivers holds though two looks come at once: in the admin, at the API, and for masked ones."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from orderhub import crypto
from orderhub.actors import person as actor_of
from orderhub.roles import sync_roles
from orders.admin import acts
from orders.api import reveal
from orders.models import Event, Receiver
from orders.operations import revealing
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import bearer, call, person
from routing.models import AddressPolicy
from routing.operations import revealed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def together(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Runs calls in threads; who has counted goes on only when the others have counted too, or can't for a second."""

    def run(module: Any, name: str, *calls: Callable[[], Any]) -> list[Any]:
        counted, all_here = getattr(module, name), threading.Barrier(len(calls))

        def waits(who: Any) -> int:
            n: int = counted(who)
            with contextlib.suppress(threading.BrokenBarrierError):
                all_here.wait(1)
            return n

        monkeypatch.setattr(module, name, waits)
        answers: list[Any] = []

        def work(one: Callable[[], Any]) -> None:
            try:
                answers.append(one())
            finally:
                connection.close()

        threads = [threading.Thread(target=work, args=(one,)) for one in calls]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(answers)

    return run


def test_that_two_looks_at_once_spend_one_quota(
    together: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_roles()
    made, user = [cast.order("paid") for _n in range(2)], person("customer_service")
    plain = {"name": "王小明", "phone": "13800001234", "address": "文一西路969号"}
    Receiver.objects.update(plain_enc=crypto.encrypt(json.dumps(plain).encode()))
    monkeypatch.setattr(acts, "REVEALS_A_DAY", 1)
    monkeypatch.setattr(reveal, "REVEALS_A_DAY", 1)
    heads, desk = bearer(user), Client()
    desk.force_login(user)

    def page() -> int:
        return int(desk.post(f"/admin/orders/order/{made[0].pk}/reveal/", {"reason": "回访"}).status_code)

    def api() -> int:
        return int(call("POST", f"orders/{made[1].number}/reveal", heads, {"reason": "回访"}).status_code)

    assert together(revealing, "revealed_today", page, api) == [200, 403]
    assert Event.objects.filter(code="revealed").count() == 1


def test_that_two_masked_addresses_at_once_spend_one_quota(together: Callable[..., list[Any]]) -> None:
    made, user = [cast.order("paid") for _n in range(2)], User.objects.create_user("p", is_staff=True)
    Receiver.objects.update(visibility="masked")
    AddressPolicy.objects.update_or_create(pk=1, defaults={"revealed": True, "revealed_a_day": 1})

    def opens(order_id: int) -> str:
        try:
            revealed.open_one(order_id, actor_of(user), "核对")
        except revealed.NotAllowed as refused:
            return f"refused: {refused}"
        return "opened"

    answers = together(revealed, "opened_today", *(lambda order=order: opens(order.pk) for order in made))
    assert [one[:7] for one in answers] == ["opened", "refused"] and "1" in answers[1]
    assert Event.objects.filter(code="revealed").count() == 1
