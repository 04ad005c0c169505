"""What may be kept of a request or an answer: everything named like a secret or a person is taken out.

Closed by default: text that can't be taken apart is kept as its length only, except plain sentences of
error pages, and every phone-like number goes whatever it is called.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl

from orderhub.integrations import jsontext

LIMIT = 2000
MARK = "***"
#: Whole names (lower case, without _ and -) that carry secrets or people.
# fmt: off
_NAMES = frozenset({
    "name", "session", "sign", "signature", "xdatadigest", "datadigest", "password", "passwd", "pwd",
    "authorization", "cookie", "setcookie", "kdservicesessionid", "oaid", "caid", "detail", "address",
    "mobile", "phone", "tel", "telno", "content", "context", "desc", "description", "buyernick",
    "buyerid", "buyeropenid", "buyeropenuid", "buyerlogonid", "buyermessage", "buyeremail",
    "sellermemo", "sellermessage", "remark", "memo", "templateparam", "printdata", "encrypteddata",
    "custdata", "lng", "lat", "longitude", "latitude", "courier", "couriername", "courierphone",
    "doudianopenid", "openid", "openaddressid", "idcard", "email", "zip", "receiverzip", "receiverinfo",
    "buyerwords", "sellerwords", "posttel", "postreceiver", "receivermsg", "postreceivermsg", "decrypttext",
    "recipient", "sender", "senderinfo", "receiveinfo", "to", "from", "passbackparams",
})
# fmt: on
#: Parts of names that do the same wherever they stand.
_PARTS = (
    "secret",
    "token",
    "privatekey",
    "password",
    "mobile",
    "phone",
    "receivername",
    "receiveraddress",
    "detailaddress",
    "sendername",
    "senderaddress",
    "contact",
    "mask",
    "encrypt",
    "cipher",
    "appkeysecret",
)
_PHONE = re.compile(r"(?<![0-9])(?:\+?86[- ]?)?1[3-9][0-9](?:[- ]?[0-9]{4}){2}(?![0-9])")
_LANDLINE = re.compile(r"(?<![0-9])0[0-9]{2,3}-[0-9]{7,8}(?![0-9])")
_TAG = re.compile(r"<[^>]*>")
_SCRIPT = re.compile(r"<(script|style)\b.*?</\1>", re.IGNORECASE | re.DOTALL)


def redacted(body: str | bytes, secrets: Iterable[str] = ()) -> str:
    """At most 2,000 characters of a body without secrets and personal data."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    text = _taken_apart(text.lstrip("\ufeff").strip()).replace("\x00", "␀")
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, MARK)
    return _numbers(text)[:LIMIT]


def without_phones(text: str) -> str:
    """A sentence with every telephone number taken out."""
    return _numbers(text)


def is_private(name: str) -> bool:
    """Whether a field of this name is never kept."""
    plain = name.rsplit("}", 1)[-1].lower().replace("_", "").replace("-", "")
    return plain in _NAMES or any(part in plain for part in _PARTS)


def _taken_apart(text: str) -> str:
    if not text:
        return ""
    if text[0] in "{[":
        try:
            return jsontext.dumps(_walk(jsontext.loads(text)))
        except ValueError:
            return f"[unreadable JSON, {len(text)} characters]"
    if text[0] == "<":
        return _markup(text)
    if "=" in text and "\n" not in text and " " not in text:
        return _form(text)
    return text


def _walk(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: MARK if is_private(name) and item not in (None, "", [], {}) else _walk(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_walk(item) for item in value]
    return _inner(value) if isinstance(value, str) else value


def _inner(text: str) -> str:
    """JSON text inside a value (a param, a print payload) is taken apart as well."""
    return _taken_apart(text) if text[:1] in ("{", "[", "<") else _numbers(text)


def _form(text: str) -> str:
    pairs = parse_qsl(text, keep_blank_values=True)
    return "&".join(
        f"{name}={MARK if is_private(name) and value else _inner(value)}" for name, value in pairs
    )


def _markup(text: str) -> str:
    if (
        "<!DOCTYPE" not in text[:2000].upper()
        and "<!ENTITY" not in text.upper()
        and "<HTML" not in text[:500].upper()
    ):
        try:
            root = ET.fromstring(text)
        except (ET.ParseError, RecursionError, ValueError):
            return f"[unreadable XML, {len(text)} characters]"
        for element in root.iter():
            if is_private(element.tag):
                element.clear()
                element.text = MARK
            elif element.text:
                element.text = _inner(element.text)
        return ET.tostring(root, encoding="unicode")
    words = " ".join(_TAG.sub(" ", _SCRIPT.sub(" ", text)).split())
    return f"[HTML, {len(text)} characters] {words[:300]}"


def _numbers(text: str) -> str:
    return _LANDLINE.sub(MARK, _PHONE.sub(MARK, text))
