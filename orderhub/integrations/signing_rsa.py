"""Signatures with key pairs (Alipay, WeChat Pay): SHA-256 with RSA, PKCS#1 v1.5; a bad signature is False."""

from __future__ import annotations

import base64
import binascii
import json
import textwrap
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM


def _pem(text: str, kind: str) -> bytes:
    """PEM from PEM, or from the bare base64 that Alipay's console hands out."""
    text = text.strip()
    if text.startswith("-----"):
        return text.encode()
    body = "\n".join(textwrap.wrap("".join(text.split()), 64))
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----\n".encode()


@lru_cache(maxsize=64)
def _private(text: str) -> rsa.RSAPrivateKey:
    errors: list[str] = []
    for kind in ("PRIVATE KEY", "RSA PRIVATE KEY"):
        try:
            key = serialization.load_pem_private_key(_pem(text, kind), password=None)
        except ValueError as error:
            errors.append(str(error))
            continue
        if isinstance(key, rsa.RSAPrivateKey):
            return key
    raise ValueError("not an RSA private key in PEM or base64")


@lru_cache(maxsize=64)
def _public(text: str) -> rsa.RSAPublicKey:
    key = serialization.load_pem_public_key(_pem(text, "PUBLIC KEY"))
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("not an RSA public key in PEM or base64")
    return key


def rsa_sign(private_key: str, text: str | bytes) -> str:
    """base64 of the signature over the UTF-8 text; ValueError for an unusable key."""
    data = text.encode() if isinstance(text, str) else text
    return base64.b64encode(_private(private_key).sign(data, padding.PKCS1v15(), hashes.SHA256())).decode()


def rsa_verify(public_key: str, text: str | bytes, signature: str) -> bool:
    """Whether the base64 signature belongs to the text; ValueError only for an unusable key."""
    data = text.encode() if isinstance(text, str) else text
    try:
        raw = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return False
    try:
        _public(public_key).verify(raw, data, padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def alipay_text(
    params: Mapping[str, Any], *, drop: tuple[str, ...] = ("sign", "sign_type"), keep_empty: bool = True
) -> str:
    """The text Alipay signs: sorted k=v joined by &, values decoded; requests keep sign_type, notifies drop it."""
    kept = {name: str(value) for name, value in params.items() if name not in drop and value is not None}
    return "&".join(f"{name}={kept[name]}" for name in sorted(kept) if keep_empty or kept[name] != "")


def alipay_request_sign(private_key: str, params: Mapping[str, Any]) -> str:
    """RSA2 signature of a gateway request: empty values dropped, sign_type included."""
    return rsa_sign(private_key, alipay_text(params, drop=("sign",), keep_empty=False))


def alipay_notify_valid(public_key: str, params: Mapping[str, Any]) -> bool:
    """Whether Alipay signed this notify. Its SDKs differ on empty values, so both readings are tried."""
    if params.get("sign_type", "RSA2") != "RSA2":
        return False
    signature = str(params.get("sign", ""))
    return any(
        rsa_verify(public_key, alipay_text(params, keep_empty=keep), signature) for keep in (True, False)
    )


def wechatpay_authorization(
    private_key: str,
    *,
    method: str,
    path: str,
    mchid: str,
    serial_no: str,
    nonce: str,
    timestamp: str,
    body: str,
) -> str:
    """The Authorization header of a WeChat Pay v3 request."""
    signature = rsa_sign(private_key, f"{method}\n{path}\n{timestamp}\n{nonce}\n{body}\n")
    return (
        f'WECHATPAY2-SHA256-RSA2048 mchid="{mchid}",nonce_str="{nonce}",signature="{signature}",'
        f'timestamp="{timestamp}",serial_no="{serial_no}"'
    )


def wechatpay_notify_valid(public_key: str, headers: Mapping[str, str], body: str | bytes) -> bool:
    """Whether WeChat Pay signed this raw body, of a notify or of an answer."""
    found = {name.lower(): value for name, value in headers.items()}
    head = f"{found.get('wechatpay-timestamp', '')}\n{found.get('wechatpay-nonce', '')}\n"
    text = head.encode("utf-8", "replace") + (body.encode() if isinstance(body, str) else body) + b"\n"
    return rsa_verify(public_key, text, found.get("wechatpay-signature", ""))


def wechatpay_decrypt(api_v3_key: str, body: str | bytes) -> str | None:
    """The plain text of a notify's resource (AES-256-GCM); None when it does not open."""
    resource = json.loads(body)["resource"]
    try:
        plain = AESGCM(api_v3_key.encode()).decrypt(
            resource["nonce"].encode(),
            base64.b64decode(resource["ciphertext"]),
            (resource.get("associated_data") or "").encode(),
        )
    except (InvalidTag, binascii.Error):
        return None
    return plain.decode()
