"""Who may speak to the sandbox's K3Cloud: signed headers, LoginBySign and app-secret checks, in code of its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

from orderhub.sandbox.credentials import KINGDEE

MASK = b"0054f397c6234378b09ca7d3e5debce7"  # the fixed table that hides the client secret inside the app id
TOLERANCE = 900


def client_secret(app_id: str) -> str:
    """The secret hidden in `clientId_encodedSecret`; empty when the id has no such half."""
    halves = app_id.split("_")
    if len(halves) != 2 or len(halves[1]) != 32:
        return ""
    hidden = base64.b64decode(halves[1])
    return base64.b64encode(bytes(one ^ other for one, other in zip(hidden, MASK, strict=False))).decode()


def hex_in_base64(text: str, key: str) -> str:
    return base64.b64encode(
        hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest().encode()
    ).decode()


def gateway_refusal(headers: Mapping[str, str], path: str) -> str:
    """What the API gateway finds wrong with the X-Api headers (names in lower case); empty when nothing."""
    stamp, nonce = headers.get("x-api-timestamp", ""), headers.get("x-api-nonce", "")
    if headers.get("x-api-clientid") != KINGDEE["app_id"].split("_")[0]:
        return "客户端ID不存在或未授权"
    if not stamp.isdigit() or abs(time.time() - int(stamp)) > TOLERANCE:
        return "请求时间戳超出允许范围"
    text = f"POST\n{quote(path, safe='')}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{stamp}\n"
    expected = hex_in_base64(text, client_secret(KINGDEE["app_id"]))
    return "" if hmac.compare_digest(expected, headers.get("x-api-signature", "")) else "签名验证失败"


def tenant_accepts(headers: Mapping[str, str]) -> bool:
    """Whether the X-Kd headers name this tenant's account, user and application, with its secret."""
    try:
        data = base64.b64decode(headers.get("x-kd-appdata", ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return False
    if (
        data.split(",")[:2] != [KINGDEE["acct_id"], KINGDEE["username"]]
        or headers.get("x-kd-appkey") != KINGDEE["app_id"]
    ):
        return False
    expected = hex_in_base64(KINGDEE["app_id"] + data, KINGDEE["app_secret"])
    return hmac.compare_digest(expected, headers.get("x-kd-signature", ""))


def login_sign(account: str, user: str, app_id: str, secret: str, stamp: str) -> str:
    """LoginBySign: lower-hex SHA-256 over the five values in sorted order."""
    return hashlib.sha256("".join(sorted((account, user, app_id, secret, stamp))).encode()).hexdigest()
