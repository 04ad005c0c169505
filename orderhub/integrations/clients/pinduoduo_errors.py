"""What Pinduoduo's refusals mean: by number, by sub code, and by the words that say a token is over.

The numbers of the waybill pages are official, the rest is collected from public clients; a connection's option
`error_kinds` ({"70031": "retry"}) overrides the table until a real number has been seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from orderhub.integrations.errors import KINDS, Kind, PlatformError

CODES: dict[int, Kind] = {
    10000: "business",
    10001: "configuration",
    10016: "configuration",
    10017: "configuration",
    10018: "configuration",
    10019: "reauthorise",
    20004: "configuration",
    20005: "configuration",
    20031: "configuration",
    20032: "configuration",
    20034: "configuration",
    20035: "configuration",
    21001: "business",
    21002: "business",
    30000: "configuration",
    30001: "configuration",
    50000: "retry",
    50001: "retry",
    50002: "retry",
    52001: "retry",
    52002: "retry",
    52003: "retry",
    52004: "business",
    52101: "retry",
    52102: "retry",
    52103: "retry",
    70031: "retry",
    70032: "configuration",
    70033: "retry",
    70034: "configuration",
    70035: "configuration",
    70036: "configuration",
}
#: Refused before anything was done: may be repeated even where the call would have changed something.
BEFORE_THE_EFFECT: dict[int, float] = {52101: 10.0, 52102: 30.0, 52103: 30.0, 70031: 60.0, 70033: 600.0}
#: Behind 50001 a sub code says what the business behind the gateway meant.
SUB_CODES: dict[str, Kind] = {
    "isv.service-error": "retry",
    "isv.waybill-is-updating": "retry",
    "isv.": "business",
}
#: What public clients key on, whatever the number.
TOKEN_IS_OVER = ("access_token已过期", "access_token 已过期", "access_token不合法")


def refusal(error: Mapping[str, Any], effect: bool, own: Mapping[str, Any] | None = None) -> PlatformError:
    """The PlatformError of an error_response; what nobody knows is never repeated by itself."""
    number, sub = str(error.get("error_code") or ""), str(error.get("sub_code") or "")
    message = str(error.get("sub_msg") or error.get("error_msg") or _("Pinduoduo refused the call."))[:500]
    code = sub or number
    digits = int(number) if number.isascii() and number.isdigit() and len(number) < 9 else -1
    if any(words in f"{error.get('error_msg')}{error.get('sub_msg')}" for words in TOKEN_IS_OVER):
        return PlatformError("reauthorise", number, message)
    if digits in BEFORE_THE_EFFECT:
        return PlatformError("retry", code, message, BEFORE_THE_EFFECT[digits])
    kind = _own(own, number) or CODES.get(digits)
    if digits == 50001 and sub:
        kind = SUB_CODES[
            max((begin for begin in SUB_CODES if sub.startswith(begin)), key=len, default="isv.")
        ]
    if kind is None:
        kind = "unknown" if effect else "business"
    if kind == "retry" and effect:
        kind = "unknown"  # a gateway or a service that failed may have failed after the effect
    return PlatformError(kind, code, message, 10.0 if kind == "retry" else None)


def _own(own: Mapping[str, Any] | None, number: str) -> Kind | None:
    said = (own or {}).get(number)
    return said if said in KINDS else None  # type: ignore[return-value]
