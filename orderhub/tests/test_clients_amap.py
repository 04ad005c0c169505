"""Amap's client against its sandbox over HTTP, and against answers that only the real one gives."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from orderhub.integrations.clients import amap as wire
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Call
from orderhub.integrations.registry import client
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import running_sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with running_sandbox(tmp_path_factory.mktemp("amap"), orders=5) as running:
        yield running


@pytest.fixture
def asked(sandbox: Any) -> Any:
    sandbox.reset()
    return client(connection("amap", sandbox.url))


def test_that_tips_and_search_find_the_places_of_the_file(asked: Any) -> None:
    tips = asked.tips("张江路288号启明科创园", "310115")
    assert any("启明科创园" in tip["name"] for tip in tips)
    found = asked.search("玉兰佳苑", "310115")
    assert found and all(row["adcode"] == "310115" and row["location"] for row in found)
    assert all(isinstance(value, str) for row in (*tips, *found) for value in row.values()), "no [] is left"
    assert asked.search("咕噜咕噜星球", "310115") == []
    assert asked.geocode("咕噜咕噜星球") == [], "an engine that found nothing is no error"
    assert asked.geocode("张江路288号启明科创园")


def test_that_neither_the_words_nor_the_key_are_kept_with_the_call(asked: Any) -> None:
    asked.tips("张江路288号启明科创园", "310115")
    kept = Call.objects.latest("id")
    assert "启明" not in kept.request and asked.connection.app_key not in kept.request


def test_that_a_wrong_signature_is_a_setting_and_a_used_up_day_ends_at_midnight(sandbox: Any) -> None:
    sandbox.reset()
    wrong = client(connection("amap", sandbox.url, secrets={"private_key": "wrong"}))
    with pytest.raises(PlatformError) as error:
        wrong.tips("玉兰佳苑")
    assert (error.value.kind, error.value.code) == ("configuration", "10007")
    sandbox.fault("quota", "amap", "*", times=1)
    with pytest.raises(PlatformError) as error:
        client(connection("amap", sandbox.url, code="amap-2")).tips("玉兰佳苑")
    assert error.value.kind == "retry" and 0 < (error.value.retry_after or 0) <= 86400


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        ('{"status":"0","info":"USERKEY_PLAT_NOMATCH","infocode":"10009"}', "configuration", "10009"),
        ('{"status":"0","info":"CUQPS_HAS_EXCEEDED_THE_LIMIT","infocode":"10021"}', "retry", "10021"),
        ('{"status":"0","info":"INVALID_PARAMS","infocode":"20000"}', "business", "20000"),
        ('{"status":"0","info":"quota plan used up","infocode":"40000"}', "configuration", "40000"),
        ('{"status":"0","info":"SOMETHING_NEW","infocode":"99999"}', "business", "99999"),
        ('{"status":"0"}', "retry", "unreadable"),
        ("[]", "retry", "unreadable"),
        ("<html>", "retry", "unreadable"),
    ],
)
def test_that_every_infocode_means_something(body: str, kind: str, code: str) -> None:
    with pytest.raises(PlatformError) as error:
        wire._read(httpx.Response(200, content=body.encode()))
    assert (error.value.kind, error.value.code) == (kind, code)


def test_that_an_answer_of_the_wrong_shape_is_unreadable_and_an_empty_one_is_nothing() -> None:
    assert wire._rows({}, "pois") == wire._rows({"pois": []}, "pois") == []
    assert wire._rows({"pois": [{"id": "1", "address": [], "biz": {}}]}, "pois") == [
        {"id": "1", "address": "", "biz": ""}
    ]
    with pytest.raises(PlatformError):
        wire._rows({"pois": "none"}, "pois")
