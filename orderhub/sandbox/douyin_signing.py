"""What a right Douyin signature is, written from the gateway's side: the canonical text, then five sorted pairs."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping

METHODS = ("hmac-sha256", "md5")


def is_canonical(text: str) -> bool:
    """Whether a business object came as it must be signed: sorted at every depth, compact, nothing escaped."""
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) == text


def expected(query: Mapping[str, str], param_json: str, secret: str) -> str:
    """The signature of a call; without ``sign_method`` the gateway checks MD5."""
    pairs = "".join(
        f"{name}{value}"
        for name, value in (
            ("app_key", query.get("app_key", "")),
            ("method", query.get("method", "")),
            ("param_json", param_json),
            ("timestamp", query.get("timestamp", "")),
            ("v", query.get("v", "")),
        )
    )
    wrapped = (secret + pairs + secret).encode()
    if query.get("sign_method", "md5") == "md5":
        return hashlib.md5(wrapped, usedforsecurity=False).hexdigest()
    return hmac.new(secret.encode(), wrapped, hashlib.sha256).hexdigest()


def event(app_key: str, body: str, secret: str) -> str:
    """The ``event-sign`` of a pushed message."""
    return hashlib.md5(f"{app_key}{body}{secret}".encode(), usedforsecurity=False).hexdigest()
