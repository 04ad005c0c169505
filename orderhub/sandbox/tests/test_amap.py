"""Amap's side over real HTTP, signed by hand: what it answers comes from its file, and its refusals are infocodes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from orderhub.sandbox.credentials import AMAP
from orderhub.sandbox.tests.served import Served, served


@pytest.fixture
def box() -> Iterator[Served]:
    with served("amap") as made:
        yield made


def ask(box: Served, path: str, private: str = AMAP["private_key"], **params: str) -> dict[str, Any]:
    given = {"key": AMAP["key"], **params}
    text = "&".join(f"{name}={given[name]}" for name in sorted(given)) + private
    given["sig"] = hashlib.md5(text.encode()).hexdigest()
    answer = box.http.get(f"/amap{path}", params=given)
    assert answer.status_code == 200, "Amap says everything with HTTP 200"
    return answer.json()


def test_that_tips_are_places_of_the_file_and_scalars_are_texts(box: Served) -> None:
    told = ask(
        box, "/v3/assistant/inputtips", keywords="张江路288号启明科创园", city="310115", citylimit="true"
    )
    assert (told["status"], told["infocode"]) == ("1", "10000")
    assert isinstance(told["count"], str)
    assert all(tip["adcode"] == "310115" and "," in tip["location"] for tip in told["tips"])
    assert any("启明科创园" in tip["name"] for tip in told["tips"])


def test_that_the_same_question_has_the_same_answer_and_nonsense_has_none(box: Served) -> None:
    first = ask(box, "/v5/place/text", keywords="玉兰佳苑", region="310115", city_limit="true")
    assert first == ask(box, "/v5/place/text", keywords="玉兰佳苑", region="310115", city_limit="true")
    nothing = ask(box, "/v5/place/text", keywords="咕噜咕噜星球", region="310115", city_limit="true")
    assert (nothing["status"], nothing["count"], nothing["pois"]) == ("1", "0", [])


def test_that_key_signature_and_parameters_are_checked(box: Served) -> None:
    assert ask(box, "/v5/place/text", keywords="玉兰", private="wrong")["infocode"] == "10007"
    assert ask(box, "/v5/place/text", keywords="玉兰", key="another")["infocode"] == "10001"
    assert ask(box, "/v5/place/text", keywords="玉兰|佳苑")["infocode"] == "20000"
    assert ask(box, "/v5/place/text", keywords="玉兰", page_size="26")["infocode"] == "20000"
    assert ask(box, "/v3/nothing")["infocode"] == "10002"


def test_that_the_calls_of_a_second_and_of_a_day_run_out(box: Served) -> None:
    box.control("drive", what="amap_limits", a_second=2, wait=True)
    codes = [ask(box, "/v3/assistant/inputtips", keywords="玉兰")["infocode"] for _ in range(4)]
    assert codes[:2] == ["10000", "10000"] and "10021" in codes
    box.control("drive", what="amap_limits", a_second=100, a_day=3, wait=True)
    codes = [ask(box, "/v3/assistant/inputtips", keywords="玉兰")["infocode"] for _ in range(3)]
    assert codes[-1] == "10003"
