"""K3Cloud's side over real HTTP, by hand and through the vendor's own SDK."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from orderhub.sandbox.tests.served import Served, served

APP_ID, SECRET = "200001_b3JkZXJodWItc2FuZGJveC1zZWNyZXQh", "sandbox-kingdee-secret-000000001"
ACCOUNT, USER = "6500000000000001", "orderhub"
PATH = "/kingdee/K3Cloud/Kingdee.BOS.WebApi.ServicesStub.{}.common.kdsvc"


@pytest.fixture(scope="module")
def box() -> Iterator[Served]:
    with served("kingdee") as made:
        yield made


def login(box: Served, secret: str = SECRET) -> dict[str, Any]:
    body = {"acctid": ACCOUNT, "username": USER, "appid": APP_ID, "appsecret": secret, "lcid": 2052}
    return box.http.post(PATH.format("AuthService.LoginByAppSecret"), json=body).json()


def call(box: Served, operation: str, body: dict[str, Any], session: str | None = None) -> Any:
    session = login(box)["KDSVCSessionId"] if session is None else session
    headers = {"kdservice-sessionid": session}
    return box.http.post(PATH.format(f"DynamicFormService.{operation}"), json=body, headers=headers).json()


def model(number: str, amount: str = "99.90", **changes: Any) -> dict[str, Any]:
    line = {"FMATERIALID": {"FNumber": "20996"}, "FPRICEUNITID": {"FNumber": "Pcs"}, "FPriceQty": 1,
            "FTaxPrice": amount, "FALLAMOUNTFOR_D": amount}  # fmt: skip
    whole = {
        "FID": 0, "FBillTypeID": {"FNUMBER": "YSD01_SYS"}, "FBillNo": number, "FDATE": "2026-11-20",
        "FENDDATE_H": "2026-11-20", "FCUSTOMERID": {"FNumber": "TB01"}, "FCURRENCYID": {"FNumber": "PRE001"},
        "FSETTLEORGID": {"FNumber": "100"}, "FPAYORGID": {"FNumber": "100"}, "FEntityDetail": [line],
        "FEntityPlan": [{"FENDDATE": "2026-11-20", "FPAYAMOUNTFOR": amount}],
    }  # fmt: skip
    return {**whole, **changes}


def save(box: Served, whole: dict[str, Any], **options: Any) -> dict[str, Any]:
    return call(box, "Save", {"formid": "AR_receivable", "data": {**options, "Model": whole}})["Result"]


def step(box: Served, operation: str, *numbers: str) -> dict[str, Any]:
    body = {"formid": "AR_receivable", "data": json.dumps({"Numbers": list(numbers), "Ids": ""})}
    return call(box, operation, body)["Result"]["ResponseStatus"]


def query(box: Served, keys: str, where: str, **more: Any) -> Any:
    data = {"FormId": "AR_receivable", "FieldKeys": keys, "FilterString": where, "Limit": 2000, **more}
    return call(box, "ExecuteBillQuery", {"data": data})


def test_that_a_bill_goes_from_saved_over_submitted_to_audited_exactly_once(box: Served) -> None:
    result = save(box, model("AR-1"))
    assert result["ResponseStatus"]["IsSuccess"] and result["Number"] == "AR-1" and result["Id"]
    assert step(box, "Audit", "AR-1")["MsgCode"] == 12, "not before it was submitted"
    assert step(box, "Submit", "AR-1")["IsSuccess"] and step(box, "Audit", "AR-1")["IsSuccess"]
    assert step(box, "Submit", "AR-1")["MsgCode"] == 12
    assert query(box, "FBillNo,FDocumentStatus,FALLAMOUNTFOR", "FBillNo='AR-1'") == [["AR-1", "C", 99.9]]
    assert [
        len(box.effects(kind, "AR-1")) for kind in ("kingdee.save", "kingdee.submit", "kingdee.audit")
    ] == [1, 1, 1]


def test_that_the_same_number_is_not_saved_twice(box: Served) -> None:
    save(box, model("AR-2"))
    status = save(box, model("AR-2"))["ResponseStatus"]
    assert (status["IsSuccess"], status["MsgCode"], status["Errors"][0]["FieldName"]) == (
        False,
        11,
        "FBillNo",
    )
    assert len(box.effects("kingdee.save", "AR-2")) == 1


def test_that_sums_and_required_fields_are_checked(box: Served) -> None:
    plan = [{"FENDDATE": "2026-11-20", "FPAYAMOUNTFOR": "1.00"}]
    status = save(box, model("AR-3", FEntityPlan=plan))["ResponseStatus"]
    assert status["MsgCode"] == 11 and "不等于" in status["Errors"][0]["Message"]
    fields = [
        e["FieldName"]
        for e in save(box, model("AR-3", FCUSTOMERID={"FNumber": ""}))["ResponseStatus"]["Errors"]
    ]
    assert fields == ["FCUSTOMERID"]
    assert not box.effects("kingdee.save", "AR-3")


def test_that_rows_not_sent_are_deleted_unless_asked_otherwise(box: Served) -> None:
    whole = model("AR-4", "10.00")
    whole["FEntityDetail"] = whole["FEntityDetail"] * 2
    whole["FEntityPlan"] = []
    identity = save(box, whole)["Id"]
    one = {**whole, "FID": identity, "FEntityDetail": [model("", "5.00")["FEntityDetail"][0]]}
    assert save(box, one, IsDeleteEntry="false")["ResponseStatus"]["IsSuccess"]
    assert len(query(box, "FEntityDetail_FEntryID", "FBillNo='AR-4'")) == 3
    save(box, one)
    assert len(query(box, "FEntityDetail_FEntryID", "FBillNo='AR-4'")) == 1


def test_that_part_of_a_batch_may_succeed(box: Served) -> None:
    save(box, model("AR-5"))
    status = step(box, "Submit", "AR-5", "AR-nobody")
    assert not status["IsSuccess"] and status["MsgCode"] == 10
    assert [row["Number"] for row in status["SuccessEntitys"]] == ["AR-5"] and status["Errors"][0][
        "DIndex"
    ] == 1


def test_that_a_lost_session_says_so_and_a_new_one_works(box: Served) -> None:
    lost = call(box, "Save", {"formid": "AR_receivable", "data": {"Model": model("AR-6")}}, session="gone")
    assert lost["Result"]["ResponseStatus"]["MsgCode"] == 1
    asked = call(
        box, "ExecuteBillQuery", {"data": {"FormId": "AR_receivable", "FieldKeys": "FID"}}, session="gone"
    )
    assert asked[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert login(box, "wrong")["LoginResultType"] == -1
    assert not box.effects("kingdee.save", "AR-6")


def test_that_a_quote_in_a_filter_is_data_and_not_syntax(box: Served) -> None:
    save(box, model("AR-O'Neil"))
    assert query(box, "FBillNo", "FBillNo='AR-O''Neil' and FDocumentStatus in ('A','B')") == [["AR-O'Neil"]]
    broken = query(box, "FBillNo", "FBillNo='AR-O'Neil'")
    assert broken[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 8
    assert query(box, "FBillNo", "FDATE>='2026-11-21' and FBillNo like 'AR-%'") == []
    assert query(box, "FNobody", "")[0][0]["Result"]["ResponseStatus"]["IsSuccess"] is False


def test_that_an_audited_bill_must_be_opened_before_it_is_deleted(box: Served) -> None:
    save(box, model("AR-7"))
    step(box, "Submit", "AR-7")
    step(box, "Audit", "AR-7")
    assert step(box, "Delete", "AR-7")["MsgCode"] == 12
    assert step(box, "UnAudit", "AR-7")["IsSuccess"] and step(box, "Delete", "AR-7")["IsSuccess"]
    assert query(box, "FID", "FBillNo='AR-7'") == []


def signed(path: str, secret: str = SECRET) -> dict[str, str]:
    """The signed headers as the recipe has them, made here from the visible halves."""
    mask = b"0054f397c6234378b09ca7d3e5debce7"
    hidden = base64.b64decode(APP_ID.split("_")[1])
    client = base64.b64encode(bytes(a ^ b for a, b in zip(hidden, mask, strict=False))).decode()
    stamp = str(int(time.time()))
    text = f"POST\n{quote(path, safe='')}\n\nx-api-nonce:{stamp}\nx-api-timestamp:{stamp}\n"
    data = f"{ACCOUNT},{USER},2052,0"

    def seal(key: str, message: str) -> str:
        return base64.b64encode(
            hmac.new(key.encode(), message.encode(), hashlib.sha256).hexdigest().encode()
        ).decode()

    return {
        "X-Api-ClientID": "200001", "X-Api-Auth-Version": "2.0", "x-api-timestamp": stamp, "x-api-nonce": stamp,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce", "X-Api-Signature": seal(client, text),
        "X-Kd-Appkey": APP_ID, "X-Kd-Appdata": base64.b64encode(data.encode()).decode(),
        "X-Kd-Signature": seal(secret, APP_ID + data),
    }  # fmt: skip


def test_that_signed_headers_work_and_wrong_ones_do_not(box: Served) -> None:
    path = PATH.format("DynamicFormService.ExecuteBillQuery")
    body = {"data": {"FormId": "AR_receivable", "FieldKeys": "FID", "FilterString": "FBillNo='none'"}}
    assert box.http.post(path, json=body, headers=signed(path)).json() == []
    lost = box.http.post(path, json=body, headers=signed(path, "other")).json()
    assert lost[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    elsewhere = box.http.post(path, json=body, headers=signed("/elsewhere"))
    assert elsewhere.status_code == 200 and elsewhere.text.startswith("response_error:")


def test_that_login_by_sign_is_accepted(box: Served) -> None:
    stamp = str(int(time.time()))
    sign = hashlib.sha256("".join(sorted([ACCOUNT, USER, APP_ID, SECRET, stamp])).encode()).hexdigest()
    body = {"parameters": [ACCOUNT, USER, APP_ID, stamp, sign, 2052]}
    assert box.http.post(PATH.format("AuthService.LoginBySign"), json=body).json()["LoginResultType"] == 1


def test_that_bills_survive_a_restart_of_the_sandbox(tmp_path: Any) -> None:
    from orderhub.sandbox.ledger import Ledger

    with served("kingdee", ledger=Ledger(tmp_path / "ledger.db")) as first:
        save(first, model("AR-8"))
        step(first, "Submit", "AR-8")
    with served("kingdee", ledger=Ledger(tmp_path / "ledger.db")) as second:
        assert query(second, "FBillNo,FDocumentStatus", "FBillNo='AR-8'") == [["AR-8", "B"]]
        assert save(second, model("AR-8"))["ResponseStatus"]["MsgCode"] == 11


@pytest.mark.sdk
def test_that_the_vendors_sdk_saves_and_queries_a_bill(box: Served) -> None:
    sdk_module = pytest.importorskip("k3cloud_webapi_sdk.main")
    url = f"{box.url}/kingdee/K3Cloud/"
    sdk = sdk_module.K3CloudApiSdk(url)
    sdk.InitConfig(ACCOUNT, USER, APP_ID, SECRET, url)
    saved = json.loads(sdk.Save("AR_receivable", {"Model": model("AR-SDK")}))
    assert saved["Result"]["ResponseStatus"]["IsSuccess"], saved
    assert json.loads(sdk.Submit("AR_receivable", {"Numbers": ["AR-SDK"]}))["Result"]["ResponseStatus"][
        "IsSuccess"
    ]
    rows = sdk.ExecuteBillQuery({"FormId": "AR_receivable", "FieldKeys": "FBillNo,FDocumentStatus",
                                 "FilterString": "FBillNo='AR-SDK'"})  # fmt: skip
    assert json.loads(rows) == [["AR-SDK", "B"]]
