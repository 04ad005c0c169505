"""How each platform signs: pure functions from the exact texts that are sent to the signature, nothing else.

Sources: the protocol notes of each platform; every function here is held to the published vectors by
`manage.py check_vectors`. Signatures with key pairs are in `signing_rsa`, Kingdee's in `signing_kingdee`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def _md5(text: str | bytes) -> hashlib._Hash:
    data = text.encode() if isinstance(text, str) else text
    return hashlib.md5(data, usedforsecurity=False)


def _joined(params: Mapping[str, Any], drop: tuple[str, ...] = ("sign",)) -> str:
    """name+value of the sorted parameters without separators; empty names and values are left out."""
    kept = {
        name: str(value) for name, value in params.items() if name and name not in drop and value is not None
    }
    return "".join(f"{name}{kept[name]}" for name in sorted(kept) if kept[name] != "")


def top(secret: str, params: Mapping[str, Any], method: str = "md5") -> str:
    """Taobao Open Platform: upper hex of MD5(secret+joined+secret), or HMAC-MD5 / HMAC-SHA256 of joined."""
    joined = _joined(params)
    if method == "md5":
        return _md5(f"{secret}{joined}{secret}").hexdigest().upper()
    digest = {"hmac": "md5", "hmac-md5": "md5", "hmac-sha256": "sha256"}.get(method)
    if digest is None:
        raise ValueError(f"unknown sign_method {method!r}")
    return hmac.new(secret.encode(), joined.encode(), digest).hexdigest().upper()


def qimen(secret: str, params: Mapping[str, Any], body: str | bytes) -> str:
    """Qimen: upper hex MD5(secret + sorted query name+value + the exact body + secret)."""
    raw = body.encode() if isinstance(body, str) else body
    return _md5(secret.encode() + _joined(params).encode() + raw + secret.encode()).hexdigest().upper()


def wdt_flagship(secret: str, params: Mapping[str, Any], body: str | None = None) -> str:
    """Wangdiantong flagship: lower hex MD5(secret + sorted name+value, with body among them, + secret)."""
    whole = {**params, **({} if body is None else {"body": body})}
    joined = "".join(f"{name}{whole[name]}" for name in sorted(whole) if name != "sign")
    return _md5(f"{secret}{joined}{secret}").hexdigest()


def wdt_enterprise(secret: str, params: Mapping[str, Any]) -> str:
    """Wangdiantong enterprise: lower hex MD5 of `LL-name:VVVV-value;…` + secret; lengths count characters."""
    parts = []
    for name in sorted(key for key in params if key != "sign"):
        value = str(params[name])
        parts.append(f"{len(name):02d}-{name}:{len(value):04d}-{value}")
    return _md5(";".join(parts) + secret).hexdigest()


def wdt_qimen(secret: str, method: str, params: Mapping[str, Any]) -> str:
    """The inner wdt_sign of customised Qimen calls: the method among the parameters, nested ones opened up."""
    whole = {**{name: value for name, value in params.items() if name != "wdt_sign"}, "method": method}
    return _md5(f"{secret}{_nested(whole)}{secret}").hexdigest()


def _nested(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(f"{name}{_nested(value[name])}" for name in sorted(value))
    if isinstance(value, list | tuple):
        return "".join(_nested(item) for item in value)
    return str(value)


def zto(secret: str, body: str | bytes, timestamp: str = "") -> str:
    """ZTO x-datadigest: base64 of the raw MD5 of (timestamp +) body + secret, over the exact bytes sent."""
    raw = body.encode() if isinstance(body, str) else body
    return base64.b64encode(_md5(timestamp.encode() + raw + secret.encode()).digest()).decode()


def zto_sha256(secret: str, body: str) -> str:
    """The SHA-256 variant: base64(SHA256(body + secret))."""
    return base64.b64encode(hashlib.sha256((body + secret).encode()).digest()).decode()


def zto_hmac(secret: str, secret_key: str, body: str) -> str:
    """The HMAC variant: base64(HMAC-SHA256(secretKey, body + secret))."""
    return base64.b64encode(
        hmac.new(secret_key.encode(), (body + secret).encode(), "sha256").digest()
    ).decode()


def kuaidi100_query(param: str, key: str, customer: str) -> str:
    """Upper hex MD5(param + key + customer) over the exact param text."""
    return _md5(param + key + customer).hexdigest().upper()


def kuaidi100_callback(param: str, salt: str) -> str:
    """Upper hex MD5(param + salt); compare case-insensitively and in constant time."""
    return _md5(param + salt).hexdigest().upper()


def kuaidi100_label(param: str, timestamp: str, key: str, secret: str) -> str:
    """The e-waybill call: upper hex MD5(param + t + key + secret)."""
    return _md5(param + timestamp + key + secret).hexdigest().upper()


def aliyun_rpc(secret: str, params: Mapping[str, Any], http_method: str = "POST") -> str:
    """Aliyun RPC v1: base64 HMAC-SHA1 of METHOD&%2F&encoded(sorted, encoded query), key = secret + "&"."""

    def encoded(text: str) -> str:
        return quote(text, safe="-_.~")

    kept = {name: str(value) for name, value in params.items() if name != "Signature"}
    query = "&".join(f"{encoded(name)}={encoded(kept[name])}" for name in sorted(kept))
    text = f"{http_method.upper()}&{encoded('/')}&{encoded(query)}"
    return base64.b64encode(hmac.new(f"{secret}&".encode(), text.encode(), "sha1").digest()).decode()


def own_shop(secret: str, timestamp: str, path: str, body: bytes) -> str:
    """Our own shop: lower hex HMAC-SHA256 of timestamp + path + body."""
    return hmac.new(secret.encode(), (timestamp + path).encode() + body, "sha256").hexdigest()


def pinduoduo(secret: str, params: Mapping[str, Any]) -> str:
    """Pinduoduo: upper hex MD5(secret + sorted name+value + secret)."""
    return _md5(f"{secret}{_joined(params)}{secret}").hexdigest().upper()


def douyin_json(value: Any) -> str:
    """The canonical text of a Douyin call's business object: keys sorted at every depth, compact, nothing escaped.

    It is signed and sent as it is. ValueError for NaN and Infinity.
    """
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def pinduoduo_opening(client_id: str, millis: str, secret: str) -> str:
    """The opening of Pinduoduo's message channel: base64 of the hex MD5 of client, milliseconds and secret."""
    return base64.b64encode(_md5(f"{client_id}{millis}{secret}").hexdigest().encode()).decode()


def douyin(
    secret: str,
    app_key: str,
    method: str,
    param_json: str,
    timestamp: str,
    version: str = "2",
    sign_method: str = "hmac-sha256",
) -> str:
    """Douyin: lower hex HMAC-SHA256 (or MD5) of secret + the five sorted pairs + secret."""
    pairs = {
        "app_key": app_key,
        "method": method,
        "param_json": param_json,
        "timestamp": timestamp,
        "v": version,
    }
    text = secret + "".join(f"{name}{pairs[name]}" for name in sorted(pairs)) + secret
    if sign_method == "md5":
        return _md5(text).hexdigest()
    return hmac.new(secret.encode(), text.encode(), "sha256").hexdigest()


def douyin_event(app_key: str, secret: str, body: str) -> str:
    """Douyin message push: lower hex MD5(app_key + raw body + secret)."""
    return _md5(app_key + body + secret).hexdigest()


def amap(private_key: str, params: Mapping[str, Any]) -> str:
    """Amap: lower hex MD5 of the sorted, un-encoded k=v&k=v + private key."""
    text = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "sig")
    return _md5(text + private_key).hexdigest()


def dingtalk(secret: str, timestamp: str) -> str:
    """DingTalk robot: base64 HMAC-SHA256, key = secret, text = "timestamp\\nsecret" (not yet URL-encoded)."""
    return base64.b64encode(
        hmac.new(secret.encode(), f"{timestamp}\n{secret}".encode(), "sha256").digest()
    ).decode()


def feishu(secret: str, timestamp: str) -> str:
    """Feishu bot: base64 HMAC-SHA256 of nothing, key = "timestamp\\nsecret"."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", "sha256").digest()).decode()


def same(made: str, given: str) -> bool:
    """Two signatures compared in constant time; hex ones whatever their case."""
    if all(char in "0123456789abcdefABCDEF" for char in made):
        made, given = made.lower(), given.lower()
    return hmac.compare_digest(made.encode(), given.encode())
