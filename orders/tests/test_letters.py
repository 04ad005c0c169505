"""Messages that a channel pushes: signed, kept once, and answered by asking the channel itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from orderhub.inbound import processing
from orderhub.inbound.keeping import Kept
from orderhub.integrations.errors import Forged, PlatformError
from orderhub.models import Connection, Message, Payload
from orderhub.outbox.sending import drain
from orders import providers
from orders.models import Shop
from orders.providers.base import Unreadable
from orders.providers.channel import Channel, Letter, kept

pytestmark = pytest.mark.django_db


class Talkative(Channel):
    """A channel that pushes a list of {"id", "order"} under the word of its seal."""

    asked: list[str] = []

    def letters(self, api: Any, headers: Mapping[str, str], body: bytes) -> list[Letter]:
        if headers.get("Seal") != "right":
            raise Forged(message="the seal is wrong")
        try:
            rows = json.loads(body)
        except ValueError:
            raise Unreadable("not_json", "the push is not JSON") from None
        return [Letter(row["id"], json.dumps(row).encode()) for row in rows]

    def numbers_in(self, raw: bytes) -> list[str]:
        row = json.loads(raw)
        if row.get("about") == "weather":
            raise Unreadable("unknown_word", "unknown message: 'weather'")
        return [row["order"]] if "order" in row else []

    def details(self, api: Any, numbers: Iterable[str]) -> dict[str, Kept | PlatformError]:
        wanted = list(numbers)
        Talkative.asked += wanted
        return {
            n: PlatformError("business", "gone", "no such order") if n == "X" else kept(n, "1", b"{}") for n in wanted
        }  # fmt: skip


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    monkeypatch.setitem(providers.PROVIDERS, "taobao", f"{__name__}.Talkative")
    providers.channel_of.cache_clear()
    Talkative.asked = []
    account = Connection.objects.create(
        code="t", platform="taobao", name="淘宝", base_url="http://127.0.0.1:9"
    )
    yield Shop.objects.create(code="t", name="淘宝", channel="taobao", connection=account)
    providers.channel_of.cache_clear()


def push(body: Any, seal: str = "right") -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Client().post(
        reverse("channel-push", args=["t"]), content, "application/json", headers={"Seal": seal}
    )


def test_that_a_message_pushed_again_and_out_of_order_is_one_question(shop: Shop) -> None:
    for _again in range(3):
        answer = push([{"id": "m2", "order": "A"}, {"id": "m1", "order": "B"}])
        assert (answer.status_code, answer.content) == (200, Channel.push_reply)
    processing.process("letter")
    processing.process("letter")
    assert sorted(Message.objects.values_list("data__number", flat=True)) == ["A", "B"]
    drain("channel.look")
    assert sorted(Talkative.asked) == ["A", "B"]
    assert set(Payload.objects.filter(kind="order").values_list("external_id", flat=True)) == {"A", "B"}
    assert Message.objects.filter(state="done").count() == 2


def test_that_a_forged_push_leaves_nothing(shop: Shop) -> None:
    assert push([{"id": "m1", "order": "A"}], seal="wrong").status_code == 403
    assert push(b"<html>").status_code == 400
    assert not Payload.objects.exists()
    assert not Message.objects.exists()


def test_that_an_unknown_message_waits_for_a_person_and_the_next_is_read(shop: Shop) -> None:
    push([{"id": "m1", "about": "weather"}, {"id": "m2", "order": "A"}, {"id": "m3"}])
    processing.process("letter")
    states = dict(Payload.objects.values_list("external_id", "state"))
    assert states == {"m1": "set_aside", "m2": "parsed", "m3": "parsed"}
    assert "weather" in Payload.objects.get(external_id="m1").reason


def test_that_an_order_that_the_channel_does_not_show_is_put_before_a_person(shop: Shop) -> None:
    push([{"id": "m1", "order": "X"}, {"id": "m2", "order": "A"}])
    processing.process("letter")
    drain("channel.look")
    states = dict(Message.objects.values_list("data__number", "state"))
    assert states == {"X": "needs_person", "A": "done"}
