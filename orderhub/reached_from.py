"""Where a request comes from, behind proxies that are trusted: what they wrote, and nothing that the caller did.

Every proxy adds whom it saw at the right end of X-Forwarded-For; what stands left of that anybody may have written.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def address_of(request: Any) -> str:
    """The caller's address by `settings.TRUSTED_PROXIES`: a number of proxies, or their networks; [] is none.

    Who did not come through all of them, or through something that they could not name, is whoever is at the other end.
    """
    trusted, peer = settings.TRUSTED_PROXIES, str(request.META.get("REMOTE_ADDR", ""))
    if not trusted:
        return peer
    told = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    if isinstance(trusted, int):
        seen = read(told[-trusted]) if len(told) >= trusted else None
        return str(seen) if seen is not None else peer
    last = read(peer)
    while last is not None and any(last in network for network in trusted) and told:
        further = read(told.pop())
        if further is None:
            break
        last = further
    return str(last) if last is not None else peer


def read(text: str) -> Address | None:
    """An address as proxies write it, with or without a port; None where it is none."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
