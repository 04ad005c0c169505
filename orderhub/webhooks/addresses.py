"""Where a webhook may go: to public addresses only. The name is looked up once; the checked address is the one called.

A name that means a private address now and a public one at the check (DNS rebinding) gains nothing: nobody looks it up
a second time.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

#: Ranges that carry an IPv4 address inside: what counts is that one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
MOST = 8


class Refused(Exception):
    """This address may not be called; says why."""


def parts(url: str) -> SplitResult:
    """The address's parts; Refused where it is no plain https address."""
    try:
        split = urlsplit(url)
        port = split.port
    except ValueError:
        raise Refused(_("This is no web address.")) from None
    host = split.hostname or ""
    if split.scheme not in ("https", "http") or not host or port == 0:
        raise Refused(_("This is no web address."))
    if split.username or split.password:
        raise Refused(_("Leave name and password out of the address."))
    if split.scheme != "https" and host not in settings.WEBHOOK_PRIVATE:
        raise Refused(_("Webhooks go to https addresses only."))
    return split


def pinned(url: str) -> tuple[SplitResult, str]:
    """(the address's parts, the IP to call). Every IP of the name has to be public, else Refused. Looks up the name."""
    split = parts(url)
    host = str(split.hostname)
    try:
        found = socket.getaddrinfo(host, split.port or 443, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Refused(_("The name %(host)s is not known.") % {"host": host}) from None
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))[:MOST]
    if host not in settings.WEBHOOK_PRIVATE:
        for address in addresses:
            if not public(address):
                raise Refused(_("%(host)s leads to a private address.") % {"host": host})
    return split, addresses[0]


def public(address: str) -> bool:
    """Whether an IP is one of the open internet, also inside mapped, translated and tunnelled forms."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inside = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inside is None and ip in _NAT64:
            inside = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inside is not None:
            return public(str(inside))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified
