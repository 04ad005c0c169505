"""What every client has: its connection, its secrets, Beijing time, and a refusal that names a missing setting."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, TypeVar

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection

T = TypeVar("T")
BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")


class Client:
    """Base of the platform clients. Signing, paging and errors of one platform; nothing of our orders."""

    platform = ""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @property
    def base_url(self) -> str:
        return self.connection.base_url.rstrip("/")

    def secret(self, *names: str) -> str:
        """The first secret present under these names; a configuration error where none is."""
        secrets = self.connection.secrets
        for name in names:
            if secrets.get(name):
                return str(secrets[name])
        raise self._missing(names[0])

    def option(self, name: str, default: Any = None) -> Any:
        """A setting of the connection; a configuration error where it is absent and has no default."""
        value = self.connection.options.get(name)
        if value in (None, ""):
            if default is None:
                raise self._missing(name)
            return default
        return value

    def _missing(self, name: str) -> PlatformError:
        return PlatformError(
            "configuration", f"missing_{name}", _("The connection has no %(name)s.") % {"name": name}
        )

    def _call(
        self, label: str, request: http.Outgoing, *, effect: bool, read: Callable[[httpx.Response], T]
    ) -> T:
        if self.connection.state == Connection.State.DISABLED:
            raise PlatformError("configuration", "disabled", _("This connection is switched off."))
        return http.call(self.connection, label, request, effect=effect, read=read)


def beijing(moment: datetime) -> str:
    """An aware moment as the naive Beijing text that most Chinese platforms want."""
    if moment.tzinfo is None:
        raise ValueError("a moment needs its time zone")
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def from_beijing(text: str) -> datetime:
    """An aware UTC moment from `yyyy-MM-dd HH:mm:ss` of Beijing; ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING).astimezone(UTC)


def utf8(text: str) -> bytes:
    """The bytes to sign and send; a lone surrogate (legal in JSON, in no UTF-8) becomes a question mark."""
    return text.encode("utf-8", "replace")
