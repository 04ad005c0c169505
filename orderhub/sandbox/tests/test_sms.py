"""The SMS gateway's side over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from orderhub.sandbox.aliyun_sms import signature
from orderhub.sandbox.tests.served import Served, compact, served

SECRET = "sandbox-access-key-secret"


@pytest.fixture
def box() -> Iterator[Served]:
    with served("aliyun_sms", orders=60) as made:
        yield made


def call(box: Served, action: str, age: timedelta = timedelta(0), secret: str = SECRET, **params: str) -> Any:
    everything = {
        "AccessKeyId": "sandbox-access-key-id", "Action": action, "Format": "JSON", "RegionId": "cn-hangzhou",
        "SignatureMethod": "HMAC-SHA1", "SignatureNonce": uuid.uuid4().hex, "SignatureVersion": "1.0",
        "Timestamp": (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%SZ"), "Version": "2017-05-25", **params,
    }  # fmt: skip
    pairs = "&".join(f"{quote(k, safe='~')}={quote(v, safe='~')}" for k, v in sorted(everything.items()))
    text = f"POST&%2F&{quote(pairs, safe='~')}"
    mac = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return box.http.post("/aliyun_sms/", data={**everything, "Signature": base64.b64encode(mac).decode()})


def send(box: Served, phone: str = "13800138000", **changes: str) -> dict[str, Any]:
    values = {"number": "OH1", "reason": "未揽收"}
    params = {"PhoneNumbers": phone, "SignName": "晴川家居", "TemplateCode": "SMS_100000003",
              "TemplateParam": compact(values), "OutId": "ticket-1"}  # fmt: skip
    return call(box, "SendSms", **{**params, **changes}).json()


def test_that_the_published_vector_is_reproduced() -> None:
    params = {
        "AccessKeyId": "testid", "Action": "SendSms", "Format": "JSON", "PhoneNumbers": "13000000000",
        "RegionId": "cn-hangzhou", "SignName": "测试签名", "SignatureMethod": "HMAC-SHA1",
        "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466", "SignatureVersion": "1.0",
        "TemplateCode": "SMS_0001", "TemplateParam": '{"code":"1234"}', "Timestamp": "2026-01-02T03:04:05Z",
        "Version": "2017-05-25",
    }  # fmt: skip
    assert signature("POST", params, "testsecret") == "rzYvpv/m9mTNLLnWM3mDUtvqyXg="


def test_that_a_message_is_sent_once_and_kept_with_a_masked_number(box: Served) -> None:
    said = send(box)
    assert said["Code"] == "OK" and said["BizId"]
    row = box.effects("sms.sent", "ticket-1")[0]["body"]
    assert row["phone"] == "138****8000" and "13800138000" not in compact(row)
    assert row["content"] == "【晴川家居】订单OH1需要人工处理：未揽收。"
    day = datetime.now(timezone(timedelta(hours=8))).strftime("%Y%m%d")
    details = call(box, "QuerySendDetails", PhoneNumber="13800138000", BizId=said["BizId"], SendDate=day,
                   PageSize="10", CurrentPage="1").json()  # fmt: skip
    assert details["SmsSendDetailDTOs"]["SmsSendDetailDTO"][0]["OutId"] == "ticket-1"


def test_that_wrong_signatures_and_old_clocks_are_refused(box: Served) -> None:
    assert call(box, "SendSms", secret="other").json()["Code"] == "SignatureDoesNotMatch"
    late = call(box, "SendSms", age=timedelta(minutes=16))
    assert (late.status_code, late.json()["Code"]) == (400, "InvalidTimeStamp.Expired")
    assert not box.effects("sms.sent")


def test_that_bad_messages_are_refused_in_the_body(box: Served) -> None:
    assert send(box, "1380013")["Code"] == "isv.MOBILE_NUMBER_ILLEGAL"
    assert send(box, SignName="别家")["Code"] == "isv.SMS_SIGNATURE_ILLEGAL"
    assert send(box, TemplateCode="SMS_9")["Code"] == "isv.SMS_TEMPLATE_ILLEGAL"
    assert send(box, TemplateParam='{"number":"1"}')["Code"] == "isv.TEMPLATE_MISSING_PARAMETERS"
    assert send(box, TemplateParam='{"number":1,"reason":"x"}')["Code"] == "isv.INVALID_JSON_PARAM"
    assert not box.effects("sms.sent")


def test_that_the_fourth_message_of_a_minute_is_held_back(box: Served) -> None:
    assert [send(box)["Code"] for _ in range(4)] == ["OK", "OK", "OK", "isv.BUSINESS_LIMIT_CONTROL"]
    assert send(box, "13900139000")["Code"] == "OK"
    assert len(box.effects("sms.sent")) == 4
