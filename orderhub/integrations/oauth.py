"""Shop authorisation: one code exchange, and one refresh a shop however many workers find the token expired.

The refresh is the one request that is made under a row lock: whoever comes second waits, sees a token other
than the one that was refused, and uses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.dotted import resolve
from orderhub.integrations import http
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection

_APP_REFUSED = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_request", "1001")
_TOKEN_FIELDS = ["token_enc", "token_expires_at", "refresh_expires_at", "state", "state_reason", "updated_at"]


#: The owner's page as the standard has it; {words} are the visit's, else options of the connection.
STANDARD = (
    ("response_type", "code"),
    ("client_id", "{client_id}"),
    ("redirect_uri", "{redirect_uri}"),
    ("state", "{state}"),
)


@dataclass(frozen=True)
class Shape:
    """How one platform's OAuth differs.

    `grant` names a function (connection, {"grant_type": …, "code" or "refresh_token": …}) that asks for a token
    and gives the platform's answer; `refresh_life` and `kept` are names of that answer.
    """

    authorise_path: str
    extra: tuple[tuple[str, str], ...] = ()
    grant: str = "orderhub.integrations.oauth.form_grant"
    refresh_life: str = "re_expires_in"
    #: What is kept beside the two tokens. Text only: what else platforms add is not ours to keep.
    kept: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = STANDARD


TAOBAO = Shape("/authorize", (("view", "web"),), kept=("taobao_user_id", "taobao_open_uid"))
SHAPES: dict[str, Shape] = {
    "taobao": TAOBAO,
    "cainiao": TAOBAO,
    "pinduoduo": Shape(
        "/service-market/auth",
        grant="orderhub.integrations.clients.pinduoduo.grant",
        refresh_life="refresh_token_expires_in",
        kept=("owner_id",),
    ),
    "douyin": Shape(
        "/authorize",
        grant="orderhub.integrations.clients.douyin.grant",
        kept=("shop_id",),
        query=(("service_id", "{service_id}"), ("state", "{state}")),
    ),
}


def authorise_url(connection: Connection, state: str, redirect_uri: str | None = None) -> str:
    """Where the shop's owner is sent to agree; `state` comes back and must be compared by the caller."""
    shape = _shape(connection)
    words = _Words(connection, client_id=connection.app_key, state=state)
    if redirect_uri:
        words["redirect_uri"] = redirect_uri
    query = {name: text.format_map(words) for name, text in (*shape.query, *shape.extra)}
    return f"{_address(connection)}{shape.authorise_path}?{urlencode(query)}"


def exchange(connection: Connection, code: str, redirect_uri: str | None = None) -> Connection:
    """Turns the one-use code of the return visit into a stored token and marks the connection ok."""
    token = _ask(
        connection,
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": _redirect(connection, redirect_uri),
        },
    )
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        _store(row, token)
    return _copy(row, connection)


def refresh(connection: Connection, refused: str | None = None) -> Connection:
    """A token other than `refused` (default: the one this instance holds), asked for at most once a shop.

    Raises PlatformError "reauthorise" where the owner has to connect again (the state then says so), and
    "retry" where the authorisation server could not be asked.
    """
    refused = connection.token.get("access_token", "") if refused is None else refused
    error: PlatformError | None = None
    with http.under_lock() as calls:
        try:
            with transaction.atomic():
                row = Connection.objects.select_for_update().get(pk=connection.pk)
                if row.token.get("access_token", "") in ("", refused):
                    error = _refresh_locked(row)
        finally:
            rows = list(calls)
            calls.clear()
    http.write_calls(rows)
    _copy(row, connection)
    if error is not None:
        raise error
    return connection


def mark_needs_authorisation(connection: Connection, reason: str) -> None:
    """The shop's calls stop until its owner connects again; the reason is what a clerk reads."""
    with transaction.atomic():
        row = Connection.objects.select_for_update().get(pk=connection.pk)
        _needs(row, reason)
    _copy(row, connection)


def _refresh_locked(row: Connection) -> PlatformError | None:
    """Asks for a new token under the lock; the error is returned, so that the new state is committed first."""
    reason = row.state_reason or _("The authorisation has expired; please connect the shop again.")
    if row.state == Connection.State.NEEDS_AUTHORISATION:
        return PlatformError("reauthorise", "needs_authorisation", reason)
    refresh_token = row.token.get("refresh_token", "")
    if not refresh_token or (row.refresh_expires_at and row.refresh_expires_at <= timezone.now()):
        _needs(row, reason)
        return PlatformError("reauthorise", "no_refresh", reason)
    try:
        token = _ask(row, {"grant_type": "refresh_token", "refresh_token": refresh_token})
    except PlatformError as error:
        if error.kind == "reauthorise":
            _needs(row, error.message)
        return error
    _store(
        row,
        {
            "refresh_token": refresh_token,
            **{name: value for name, value in token.items() if value not in (None, "")},
        },
    )
    return None


def form_grant(connection: Connection, form: Mapping[str, str]) -> dict[str, Any]:
    """The standard's own way: one form to `/token` under the authorisation address."""
    body = urlencode(
        {
            **form,
            "client_id": connection.app_key,
            "client_secret": str(connection.secrets.get("app_secret", "")),
        }
    ).encode()
    request = http.Outgoing(
        "POST",
        f"{_address(connection)}/token",
        body,
        (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
    )

    def read(response: httpx.Response) -> dict[str, Any]:
        answer = http.json_object(response, effect=False)
        if answer.get("access_token"):
            return answer
        code = str(answer.get("error") or answer.get("error_code") or f"http_{response.status_code}")
        text = str(answer.get("error_description") or answer.get("error_msg") or "")[:300]
        raise refused(code, text, configuration=code in _APP_REFUSED)

    return http.call(connection, f"oauth.{form['grant_type']}", request, effect=False, read=read)


def refused(code: str, text: str, *, configuration: bool) -> PlatformError:
    """The error of a token that was not given: our app is at fault, or the owner has to agree again."""
    if configuration:
        said = _("The platform refuses this app: %(text)s") % {"text": text or code}
        return PlatformError("configuration", code, said)
    said = _("The platform no longer accepts this shop's authorisation: %(text)s") % {"text": text or code}
    return PlatformError("reauthorise", code, said)


def _ask(connection: Connection, form: Mapping[str, str]) -> dict[str, Any]:
    """One token. A lost answer is "retry": the old refresh token is tried again first."""
    answer: dict[str, Any] = resolve(_shape(connection).grant)(connection, form)
    return answer


def _store(row: Connection, token: dict[str, Any]) -> None:
    now, shape = timezone.now(), _shape(row)
    kept = {
        name: str(token[name])
        for name in ("access_token", "refresh_token", *shape.kept)
        if token.get(name) not in (None, "")
    }
    row.set_token(kept, _after(now, token.get("expires_in")), _after(now, token.get(shape.refresh_life)))
    if row.state != Connection.State.DISABLED:
        row.state, row.state_reason = Connection.State.OK, ""
    row.save(update_fields=_TOKEN_FIELDS)


def _needs(row: Connection, reason: str) -> None:
    if row.state != Connection.State.DISABLED:
        row.state, row.state_reason = Connection.State.NEEDS_AUTHORISATION, reason
        row.save(update_fields=["state", "state_reason", "updated_at"])


def _after(now: datetime, seconds: Any) -> datetime | None:
    """`now` plus the platform's seconds (0 means at once: no refresh possible); None where it says nothing."""
    try:
        count = int(str(seconds))
    except ValueError:
        return None
    return now + timedelta(seconds=max(0, min(count, 10 * 365 * 86400)))


def _copy(row: Connection, connection: Connection) -> Connection:
    for name in ("token_enc", "token_expires_at", "refresh_expires_at", "state", "state_reason"):
        setattr(connection, name, getattr(row, name))
    return connection


def _shape(connection: Connection) -> Shape:
    if connection.platform not in SHAPES:
        raise PlatformError(
            "configuration", "no_oauth", _("This platform has no authorisation by its owner.")
        )
    return SHAPES[connection.platform]


def _address(connection: Connection) -> str:
    return str(connection.options.get("oauth_url") or connection.base_url).rstrip("/")


def _redirect(connection: Connection, given: str | None) -> str:
    address = given or connection.options.get("redirect_uri")
    if not address:
        raise _missing("redirect_uri")
    return str(address)


def _missing(name: str) -> PlatformError:
    said = _("The connection has no %(name)s.") % {"name": name}
    return PlatformError("configuration", f"missing_{name}", said)


class _Words(dict[str, str]):
    """The words of the owner's page; what the visit does not know is an option of the connection, or missing."""

    def __init__(self, connection: Connection, **words: str) -> None:
        super().__init__(words)
        self._options = connection.options

    def __missing__(self, name: str) -> str:
        if not self._options.get(name):
            raise _missing(name)
        return str(self._options[name])
