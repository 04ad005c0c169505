"""JSON and XML as they stand on the wire, and what may be kept of them."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderhub.integrations import xmltext
from orderhub.integrations.jsontext import Unreadable, dumps, loads, member
from orderhub.integrations.redact import redacted

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.decimals(-999, 999, places=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=6), VALUES, max_size=5))
def test_that_a_member_is_cut_out_as_it_stands(whole: dict[str, Any]) -> None:
    text = json.dumps(loads(dumps(whole)), default=str, indent=1)
    for name, value in json.loads(text).items():
        cut = member(text, name)
        assert cut is not None and json.loads(cut) == value
    assert member(text, "no such name at all") is None


def test_that_the_signed_part_of_an_answer_is_exact() -> None:
    text = '{ "a" : {"b": {"x" : 1.10, "t":"}\\"{"} , "c":[1] },"sign":"s"}'
    assert member(text, "a", "b") == '{"x" : 1.10, "t":"}\\"{"}'
    assert member(text, "sign") == '"s"'
    assert member(text, "a", "b", "x", "y") is None
    for broken in ('{"a":', '{"a" 1}', "{a:1}", "", '{"a":1,'):
        with pytest.raises(Unreadable):
            member(broken, "b")


def test_that_numbers_keep_their_value_both_ways() -> None:
    assert loads('{"a":0.10,"b":12345678901234567.89}') == {
        "a": Decimal("0.10"),
        "b": Decimal("12345678901234567.89"),
    }
    assert dumps([Decimal("199.10"), Decimal("3.00"), Decimal("0.01")]) == "[199.1,3,0.01]"
    for odd in (Decimal("NaN"), Decimal("0.12345678901234567890"), float("inf")):
        with pytest.raises(ValueError):
            dumps(odd)


@pytest.mark.parametrize(
    "bad", ["", "{", "NaN", "[Infinity]", "[" * 100_000, b"\xff", "1" * 5000, "{'a':1}", "\x00"]
)
def test_that_what_is_no_json_is_unreadable(bad: Any) -> None:
    with pytest.raises(Unreadable):
        loads(bad)


def test_that_xml_says_what_the_dictionary_says() -> None:
    body = xmltext.build("request", {"order": {"note": "轻放 <&> \x07", "empty": None, "flag": True},
                                     "orderLines": [{"qty": 1}, {"qty": 2}], "packages": []})  # fmt: skip
    assert xmltext.parse(body) == {"order": {"note": "轻放 <&>", "flag": "true"},
                                   "orderLines": [{"qty": "1"}, {"qty": "2"}], "packages": []}  # fmt: skip


@pytest.mark.parametrize(
    "bad",
    [b"", b"text", b"<a>", b"<a/>", b'<!DOCTYPE a><a><b/></a>', b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
     b'<?xml version="1.0" encoding="utf-16"?><a><b/></a>', '<!DOCTYPE a><a><b/></a>'.encode("utf-16"),
     b"<a>&unknown;</a>", b"<x>" * 60 + b"</x>" * 60, b"\xff\xfe<a/>", b"<a>\x00</a>"],
)  # fmt: skip
def test_that_hostile_or_broken_xml_is_refused(bad: bytes) -> None:
    with pytest.raises(Unreadable):
        xmltext.parse(bad)


def test_that_markup_declarations_inside_text_do_no_harm() -> None:
    assert xmltext.parse(b"<a><b><![CDATA[<!DOCTYPE x>]]></b><!-- <!ENTITY> --></a>") == {"b": "<!DOCTYPE x>"}


SECRETS = ("app-secret-value", "session-token-value")
PRIVATE = ("王小明", "13812345678", "138-1234-5678", "0571-88886666", "文三路100号", "OAID==", *SECRETS)
BODIES = [
    json.dumps(
        {"receiver_name": "王小明", "mobile": "13812345678", "a": [{"receiverAddress": "文三路100号"}]}
    ),
    json.dumps(
        {"param": json.dumps({"recMan": {"name": "王小明", "mobile": "13812345678"}, "oaid": "OAID=="})}
    ),
    json.dumps(
        {"message": "call 13812345678 or 138-1234-5678 or 0571-88886666", "token": "session-token-value"}
    ),
    "session=session-token-value&param=%7B%22name%22%3A%22%E7%8E%8B%E5%B0%8F%E6%98%8E%22%7D&receiver_mobile=13812345678",
    "<request><receiverInfo><name>王小明</name><mobile>13812345678</mobile></receiverInfo><x>13812345678</x></request>",
    '{"receiver_name":"王小明","receiver_addre',
    "<request><name>王小明</name>",
    "plain text app-secret-value 13812345678",
    '<!DOCTYPE r [<!ENTITY a "王小明">]><r><name>王小明</name></r>'.replace("王小明", "13812345678"),
]


@pytest.mark.parametrize("body", BODIES)
def test_that_nothing_private_is_kept(body: str) -> None:
    for form in (body, body.encode()):
        kept = redacted(form, SECRETS)
        assert [text for text in PRIVATE if text in kept] == []


def test_that_what_helps_is_kept() -> None:
    kept = redacted(
        json.dumps({"error_response": {"code": 15, "sub_code": "isv.x", "sub_msg": "不对", "tid": "123"}})
    )
    assert all(text in kept for text in ("15", "isv.x", "不对", "123"))
    assert "系统维护" in redacted("<html><head><style>x{}</style></head><body>系统维护</body></html>")
    assert len(redacted("x" * 10_000)) == 2000


@given(st.text() | st.binary())
def test_that_no_body_breaks_the_redaction(body: Any) -> None:
    assert len(redacted(body)) <= 2000
