"""Notices of a warehouse system that can't be taken in are explained in words, whatever is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import translation

from logistics.operations.confirms import take_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _in_chinese() -> Iterator[None]:
    """A request of another test may have left its language behind."""
    with translation.override("zh-hans"):
        yield


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (json.dumps({"method": "", "body": "<request><a>1</a></request>"}), "unknown_method"),
        (json.dumps({"method": "stock.report", "body": "<request><a>1</a></request>"}), "unknown_method"),
        (json.dumps({"body": "<request><a>1</a></request>"}), "unreadable"),
        ("[]", "unreadable"),
        ("", "unreadable"),
        (json.dumps({"method": "deliveryorder.confirm", "body": "<a"}), "unreadable"),
    ],
)
def test_that_each_is_set_aside_with_a_reason_for_a_clerk(raw: str, code: str) -> None:
    row: Any = SimpleNamespace(id=1, raw=raw.encode())
    verdict = take_in([row])[1]
    assert verdict.state == "set_aside" and verdict.code == code
    assert "仓储系统" in verdict.text
