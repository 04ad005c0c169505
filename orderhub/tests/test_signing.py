"""Our signatures are what other people's clients make; the published vectors are the judge."""

from __future__ import annotations

import copy
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from orderhub.integrations import signing, signing_kingdee, signing_rsa
from orderhub.integrations.signing_vectors import check, choose

FILE = Path(__file__).parent / "data" / "vectors.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
BY_ID = {vector["id"]: vector for vector in DOCUMENT["vectors"]}


def test_that_every_vector_agrees_and_none_is_unbuilt() -> None:
    result = check(DOCUMENT)
    assert (result.disagree, result.not_built) == ([], [])
    assert len(result.agree) == len(DOCUMENT["vectors"])


@pytest.mark.parametrize("name", sorted(BY_ID))
def test_that_another_expected_value_turns_the_verdict(name: str) -> None:
    vector = copy.deepcopy(BY_ID[name])
    vector.pop("expect", None)
    expected = vector["expected"]
    vector["expected"] = (
        {key: f"{value}x" for key, value in expected.items()} if isinstance(expected, dict) else "x"
    )
    with_keys = [vector, BY_ID["alipay-1"]]  # the file's other vectors refer to its key
    assert not check({"vectors": with_keys}).ok
    vector["expect"] = "differ"
    assert check({"vectors": with_keys}).ok


def test_that_a_renamed_vector_with_other_values_is_still_judged() -> None:
    params = {**BY_ID["taobao-1"]["inputs"]["params"], "sign_method": "hmac", "fields": "tid", "empty": ""}
    made = signing.top("another", params, "hmac")
    document = {
        "vectors": [
            {
                "id": "z",
                "platform": "taobao",
                "algorithm": "TOP hmac (upper hex)",
                "inputs": {"secret": "another", "params": params},
                "expected": made,
            }
        ]
    }
    assert check(document).agree == ["z"]


def test_that_unknown_platforms_and_algorithms_are_listed_as_not_built() -> None:
    vectors = [
        {"id": "a", "platform": "jd", "algorithm": "md5", "inputs": {"params": {}}, "expected": "0"},
        {"id": "b", "platform": "zto", "algorithm": "quantum", "inputs": {"qubits": 3}, "expected": "0"},
    ]
    result = check({"vectors": vectors})
    assert result.ok
    assert [row["id"] for row in result.not_built] == ["a", "b"]


def test_that_a_vector_our_signer_cannot_read_is_a_disagreement() -> None:
    vector = {
        "id": "k",
        "platform": "kingdee",
        "algorithm": "signed headers",
        "expected": {"X-Kd-Appkey": "no"},
        "inputs": {
            "acctId": "1",
            "userName": "u",
            "appId": "no-underscore",
            "appSecret": "s",
            "url": "http://h/p",
            "unix_time": 1,
            "nonce": "1",
        },
    }
    assert "underscore" in check({"vectors": [vector]}).disagree[0]["error"]


def test_that_the_command_exits_with_one_on_a_disagreement(tmp_path: Path) -> None:
    out = StringIO()
    call_command("check_vectors", str(FILE), "--json", stdout=out)
    assert json.loads(out.getvalue())["ok"] is True
    wrong = copy.deepcopy(DOCUMENT)
    wrong["vectors"][0]["expected"] = "0" * 32
    (tmp_path / "wrong.json").write_text(json.dumps(wrong), "utf-8")
    with pytest.raises(SystemExit) as stopped:
        call_command("check_vectors", str(tmp_path / "wrong.json"), stdout=StringIO())
    assert stopped.value.code == 1


def test_that_wangdiantong_lengths_count_characters() -> None:
    inputs = BY_ID["wangdiantong-2"]["inputs"]
    assert (
        signing.wdt_enterprise(inputs["appsecret"], inputs["params"]) != BY_ID["wangdiantong-2"]["expected"]
    )
    assert choose("wangdiantong", "企业版", inputs) is not None


def test_that_qimen_signs_the_exact_bytes_of_the_body() -> None:
    inputs = BY_ID["qimen-1"]["inputs"]
    whole = signing.qimen(inputs["secret"], inputs["params"], inputs["body"].encode())
    assert whole == BY_ID["qimen-1"]["expected"]
    assert signing.qimen(inputs["secret"], inputs["params"], inputs["body"] + " ") != whole


def test_that_a_forged_alipay_notify_is_refused() -> None:
    inputs, expected = BY_ID["alipay-1"]["inputs"], BY_ID["alipay-1"]["expected"]
    notify = {**inputs["params"], "sign": expected["sign"]}
    assert signing_rsa.alipay_notify_valid(inputs["public_key_pem"], notify)
    assert not signing_rsa.alipay_notify_valid(inputs["public_key_pem"], {**notify, "total_amount": "0.01"})
    assert not signing_rsa.alipay_notify_valid(inputs["public_key_pem"], {**notify, "sign": "not base64"})
    assert not signing_rsa.alipay_notify_valid(inputs["public_key_pem"], {**notify, "sign_type": "RSA"})
    assert not signing_rsa.alipay_notify_valid(inputs["public_key_pem"], inputs["params"])


def test_that_keys_without_pem_armour_are_read() -> None:
    pem = BY_ID["alipay-1"]["inputs"]["private_key_pem"]
    bare = "".join(line for line in pem.splitlines() if not line.startswith("-----"))
    assert signing_rsa.rsa_sign(bare, "text") == signing_rsa.rsa_sign(pem, "text")


def test_that_hex_signatures_compare_whatever_their_case() -> None:
    assert signing.same("AB12", "ab12")
    assert not signing.same("0xmGGhG1arkjVRY2moHOrw==", "0XMGGHG1ARKJVRY2MOHORW==")
    assert not signing.same("AB12", "")


def test_that_a_kingdee_app_id_with_two_underscores_is_named() -> None:
    with pytest.raises(ValueError, match="exactly one underscore"):
        signing_kingdee.client_secret("a_b_c")
