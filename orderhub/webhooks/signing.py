"""Standard Webhooks (github.com/standard-webhooks): secrets, and the signature `v1,` + base64 HMAC-SHA256 of id.time.body."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hmac
import secrets

from django.utils import timezone

from orderhub import crypto
from orderhub.webhooks.models import Endpoint

_CONTEXT = b"webhook.secret"
#: So long both secrets sign after a rotation.
OVERLAP = dt.timedelta(days=1)


def new_secret() -> str:
    """A fresh secret of 32 bytes as receivers paste it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def seal(secret: str) -> bytes:
    """The secret as it is kept."""
    return crypto.encrypt(secret.encode(), _CONTEXT)


def rotate(endpoint: Endpoint) -> str:
    """A new secret, shown once; the one before signs for a day more."""
    secret = new_secret()
    endpoint.before_enc, endpoint.before_until = endpoint.secret_enc, timezone.now() + OVERLAP
    endpoint.secret_enc = seal(secret)
    endpoint.save(update_fields=["before_enc", "before_until", "secret_enc"])
    return secret


def signature(secret: str, identity: str, at: int, body: bytes) -> str:
    """One signature; ValueError for a secret that is none."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise ValueError("not a webhook secret") from error
    said = f"{identity}.{at}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, said, "sha256")).decode()


def headers(endpoint: Endpoint, identity: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers, signed by every secret that is good now."""
    sealed = [endpoint.secret_enc]
    if endpoint.before_enc and endpoint.before_until and endpoint.before_until > timezone.now():
        sealed.append(endpoint.before_enc)
    opened = [crypto.decrypt(bytes(one), _CONTEXT).decode() for one in sealed]
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signature(secret, identity, at, body) for secret in opened),
    }
