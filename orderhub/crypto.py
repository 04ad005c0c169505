"""Personal data and secrets at rest: AES-256-GCM under rotating keys, and keyed hashes to find phones again.

A sealed value is: version byte 1, four bytes of key id (the start of the key's SHA-256), twelve bytes of
nonce, cipher text with tag. The first of FIELD_KEYS seals, all of them open, so a key is rotated by putting
the new one in front and re-sealing what `stale` names. Hashes use HASH_KEY alone: it must not rotate, or
nobody is found any more.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"
_HEAD = 1 + 4 + 12


class CannotOpen(ValueError):
    """A sealed value that no configured key opens, or that was altered."""


class Cipher:
    """Seals with the first key, opens with any; `keys` are 32 raw bytes each, newest first."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = {hashlib.sha256(key).digest()[:4]: AESGCM(key) for key in keys if _right_size(key)}
        if not self._keys:
            raise ValueError("FIELD_KEYS needs at least one base64 key of 32 bytes")
        self._current = next(iter(self._keys))

    def encrypt(self, plain: bytes, context: bytes = b"") -> bytes:
        """Seals bytes; `context` is not stored but must be given again to open (binds a value to its place)."""
        nonce = os.urandom(12)
        return _VERSION + self._current + nonce + self._keys[self._current].encrypt(nonce, plain, context)

    def decrypt(self, sealed: bytes, context: bytes = b"") -> bytes:
        """Opens what `encrypt` sealed; CannotOpen when altered, of another key or another context."""
        sealed = bytes(sealed)
        key = self._keys.get(sealed[1:5])
        if len(sealed) < _HEAD + 16 or sealed[:1] != _VERSION or key is None:
            raise CannotOpen("this value was sealed with a key that is not in FIELD_KEYS")
        try:
            return key.decrypt(sealed[5:_HEAD], sealed[_HEAD:], context)
        except InvalidTag:
            raise CannotOpen("this sealed value was altered") from None

    def stale(self, sealed: bytes) -> bool:
        """True where the value should be sealed again under the newest key."""
        return bytes(sealed)[1:5] != self._current


def _right_size(key: bytes) -> bool:
    if len(key) != 32:
        raise ValueError("every key of FIELD_KEYS is base64 of exactly 32 bytes")
    return True


def read_keys(texts: Iterable[str]) -> tuple[bytes, ...]:
    """Raw keys from base64 texts (standard or URL-safe alphabet); ValueError names no key material."""
    keys = []
    for text in texts:
        plain = text.strip().replace("-", "+").replace("_", "/")
        try:
            keys.append(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
        except binascii.Error:
            raise ValueError("a key of FIELD_KEYS is not base64") from None
    return tuple(keys)


@lru_cache(maxsize=4)
def _cipher(texts: tuple[str, ...]) -> Cipher:
    return Cipher(read_keys(texts))


def _configured() -> Cipher:
    from django.conf import settings

    return _cipher(tuple(settings.FIELD_KEYS))


def encrypt(plain: bytes, context: bytes = b"") -> bytes:
    """Seals bytes under the newest configured key."""
    return _configured().encrypt(plain, context)


def decrypt(sealed: bytes, context: bytes = b"") -> bytes:
    """Opens bytes under any configured key; CannotOpen when that is impossible."""
    return _configured().decrypt(sealed, context)


def stale(sealed: bytes) -> bool:
    """True where a value should be sealed again under the newest key."""
    return _configured().stale(sealed)


def keyed_hash(text: str, key: str | None = None) -> str:
    """HMAC-SHA256 of the text, hex: equal texts are found, the text is not recovered without HASH_KEY."""
    if key is None:
        from django.conf import settings

        key = settings.HASH_KEY
    return hmac.digest(key.encode(), text.encode(), "sha256").hex()


_NOT_DIGITS = re.compile(r"[^0-9]", re.ASCII)
_PREFIX = re.compile(r"^\s*(?:\+|00)?86(?=[\s-]*1[0-9])", re.ASCII)
_EXTENSION = re.compile(r"(?:转|ext\.?|#|,)\s*[0-9]+\s*$|(?<=[0-9]{11})-[0-9]{2,6}\s*$", re.IGNORECASE)


def bare_phone(phone: str) -> str:
    """A phone's own digits: without +86, blanks, dashes and the extension of a virtual number."""
    return _NOT_DIGITS.sub("", _EXTENSION.sub("", _PREFIX.sub("", phone.strip())))


def phone_hash(phone: str, key: str | None = None) -> str:
    """Keyed hash under which a whole phone number is found; "" where there are no digits."""
    digits = bare_phone(phone)
    return keyed_hash(f"phone:{digits}", key) if digits else ""


def tail_hash(phone: str, key: str | None = None) -> str:
    """Keyed hash under which the last four digits are found; "" where there are fewer."""
    digits = bare_phone(phone)
    return keyed_hash(f"tail:{digits[-4:]}", key) if len(digits) >= 4 else ""


def mask_name(name: str) -> str:
    """王小明 becomes 王**, as the channels show it."""
    return name[:1] + "**" if name else ""


def mask_phone(phone: str) -> str:
    """138****1234; short or foreign numbers keep at most their last two digits."""
    digits = bare_phone(phone)
    if len(digits) >= 11:
        return f"{digits[:3]}{'*' * (len(digits) - 7)}{digits[-4:]}"
    return "*" * max(0, len(digits) - 2) + digits[-2:] if len(digits) > 4 else "*" * len(digits)


_PART = "[^0-9号路弄巷街道]"
_REGION = re.compile(
    rf"(?:{_PART}{{2,8}}?(?:省|自治区|特别行政区|市))?"
    rf"(?:{_PART}{{1,9}}?(?:市|自治州|地区|盟))?"
    rf"(?:{_PART}{{1,9}}?(?:区|县|旗|市))?"
    rf"(?:{_PART}{{1,7}}?(?:街道|镇|乡))?"
)


def mask_address(address: str) -> str:
    """The readable region part of an address, the rest as stars: 浙江省杭州市余杭区仓前街道****."""
    match = _REGION.match("".join(address.split()))
    return (match.group(0) if match else "") + "****" if address.strip() else ""
