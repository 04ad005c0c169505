"""Kingdee K3Cloud: headers that sign each call without a session, and the signed login. The body is not covered."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import time
from urllib.parse import quote, urlsplit

#: The byte table that Kingdee's own SDK applies to the second half of an app id.
_TABLE = b"0054f397c6234378b09ca7d3e5debce7"


def client_secret(app_id: str) -> tuple[str, str]:
    """(client id, client secret) from an app id of the form `clientId_encodedSecret`; ValueError otherwise."""
    client, mark, encoded = app_id.partition("_")
    if not mark or "_" in encoded:
        raise ValueError("the app id must be clientId_encodedSecret with exactly one underscore")
    if not re.fullmatch(r"[A-Za-z0-9+/=]+", encoded):
        raise ValueError("the second half of the app id is not base64")
    try:
        raw = base64.b64decode(encoded + "=" * (-len(encoded) % 4))
    except binascii.Error:
        raise ValueError("the second half of the app id is not base64") from None
    mixed = bytes(byte ^ _TABLE[index % len(_TABLE)] for index, byte in enumerate(raw))
    return client, base64.b64encode(mixed).decode()


def _hex_hmac(key: str, text: str) -> str:
    """base64 of the *hex text* of HMAC-SHA256, as this platform wants it."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), "sha256").hexdigest().encode()).decode()


def signed_headers(
    *,
    acct_id: str,
    user_name: str,
    app_id: str,
    app_secret: str,
    lcid: int | str,
    org_num: int | str,
    url: str,
    unix_time: int | None = None,
    nonce: str | None = None,
) -> dict[str, str]:
    """The X-Api-* and X-Kd-* headers of one call to `url`."""
    client, secret = client_secret(app_id)
    timestamp = str(int(time.time()) if unix_time is None else unix_time)
    nonce = nonce or str(secrets.randbelow(9_000_000_000) + 1_000_000_000)
    path = quote(urlsplit(url).path, safe="")
    api_text = f"POST\n{path}\n\nx-api-nonce:{nonce}\nx-api-timestamp:{timestamp}\n"
    app_data = f"{acct_id},{user_name},{lcid},{org_num}"
    return {
        "X-Api-ClientID": client,
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": timestamp,
        "x-api-nonce": nonce,
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": _hex_hmac(secret, api_text),
        "X-Kd-Appkey": app_id,
        "X-Kd-Appdata": base64.b64encode(app_data.encode()).decode(),
        "X-Kd-Signature": _hex_hmac(app_secret, app_id + app_data),
    }


def login_sign(acct_id: str, user_name: str, app_id: str, app_secret: str, timestamp: int | str) -> str:
    """LoginBySign: lower hex SHA-256 of the sorted values joined."""
    return hashlib.sha256(
        "".join(sorted([acct_id, user_name, app_id, app_secret, str(timestamp)])).encode()
    ).hexdigest()
