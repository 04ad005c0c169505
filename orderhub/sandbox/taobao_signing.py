"""What a right TOP signature is, written from the gateway's side."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

METHODS = ("md5", "hmac", "hmac-sha256")


def expected(params: Mapping[str, str], secret: str) -> str:
    """The signature that belongs to these parameters by their own ``sign_method`` (md5 when absent)."""
    text = "".join(
        name + params[name] for name in sorted(params) if name and name != "sign" and params[name] != ""
    ).encode("utf-8")
    key = secret.encode("utf-8")
    match params.get("sign_method", "md5"):
        case "md5":
            return hashlib.md5(key + text + key, usedforsecurity=False).hexdigest().upper()
        case "hmac":
            return hmac.new(key, text, hashlib.md5).hexdigest().upper()
        case "hmac-sha256":
            return hmac.new(key, text, hashlib.sha256).hexdigest().upper()
    raise ValueError(f"unknown sign_method {params['sign_method']!r}")


def is_right(params: Mapping[str, str], secret: str) -> bool:
    """Whether ``sign`` is right; case does not matter, as at the real gateway."""
    return hmac.compare_digest(expected(params, secret), params.get("sign", "").upper())
