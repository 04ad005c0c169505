"""What a right POP signature is, and the digest that goes with a message, written from the platform's side."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping


class Refused(Exception):
    """Becomes an ``error_response``; a refusal of the business behind the gateway has 50001 and a sub code."""

    def __init__(self, code: int, msg: str, sub_code: str = "", sub_msg: str = "") -> None:
        super().__init__(f"{code} {msg} {sub_code} {sub_msg}")
        self.code, self.msg, self.sub_code, self.sub_msg = code, msg, sub_code, sub_msg


def business(sub_code: str, text: str) -> Refused:
    return Refused(50001, "业务服务错误", sub_code, text)


def expected(params: Mapping[str, str], secret: str) -> str:
    """Upper hex MD5 of the secret, the sorted names and values (empty ones left out), and the secret."""
    text = "".join(name + params[name] for name in sorted(params) if name != "sign" and params[name] != "")
    return hashlib.md5(f"{secret}{text}{secret}".encode(), usedforsecurity=False).hexdigest().upper()


def is_right(params: Mapping[str, str], secret: str) -> bool:
    return hmac.compare_digest(expected(params, secret), params.get("sign", ""))


def digest(client_id: str, millis: str, secret: str) -> str:
    """What opens the message channel: base64 of the hex MD5 of client, time in milliseconds and secret."""
    plain = hashlib.md5(f"{client_id}{millis}{secret}".encode(), usedforsecurity=False).hexdigest()
    return base64.b64encode(plain.encode()).decode()
