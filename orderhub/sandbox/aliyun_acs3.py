"""Aliyun's newer signature (ACS3-HMAC-SHA256), with which its SDKs sign: over method, path, query, headers and body."""

from __future__ import annotations

import hashlib
import hmac
import re
from urllib.parse import quote

from orderhub.sandbox.frame import Request

SCHEME = "ACS3-HMAC-SHA256"
PARTS = re.compile(r"Credential=([^,]+),\s*SignedHeaders=([^,]+),\s*Signature=([0-9a-f]+)$")


def is_used(request: Request) -> bool:
    return request.headers.get("authorization", "").startswith(SCHEME)


def params(request: Request) -> dict[str, str]:
    """What the headers say, under the names that the older signature gives these things."""
    found = PARTS.search(request.headers.get("authorization", ""))
    names = {
        "Action": "x-acs-action",
        "Version": "x-acs-version",
        "Timestamp": "x-acs-date",
        "SignatureNonce": "x-acs-signature-nonce",
    }
    said = {name: request.headers.get(header, "") for name, header in names.items()}
    return said | {"AccessKeyId": found[1] if found else "", "Signature": found[3] if found else ""}


def is_right(request: Request, secret: str) -> bool:
    """Whether the owner of the secret signed exactly this request."""
    found = PARTS.search(request.headers.get("authorization", ""))
    digest = hashlib.sha256(request.body).hexdigest()
    if not found or request.headers.get("x-acs-content-sha256") != digest:
        return False
    signed = found[2].split(";")
    if not {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-content-sha256"} <= set(signed):
        return False
    query = "&".join(
        f"{quote(name, safe='~')}={quote(request.query[name], safe='~')}" for name in sorted(request.query)
    )
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    whole = "\n".join((request.method, quote(request.path, safe="/~"), query, headers, found[2], digest))
    text = f"{SCHEME}\n{hashlib.sha256(whole.encode()).hexdigest()}"
    right = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
    return hmac.compare_digest(right, found[3])
