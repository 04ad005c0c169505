"""Kingdee K3Cloud: save, submit, audit and query of bills, by a session kept in this process or by signed headers.

There is no idempotency key: a bill carries our own number, and that number is queried before every save.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import httpx
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing_kingdee
from orderhub.integrations.clients.base import Client, utf8
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps, loads

STUB = "Kingdee.BOS.WebApi.ServicesStub."
SESSION_LOST = 1
NOT_OPERABLE = "12"
#: MsgCode → kind for (calls with effect, calls that read).
MESSAGES: dict[int, tuple[Kind, Kind]] = {
    0: ("business", "business"),
    1: ("configuration", "configuration"),
    2: ("configuration", "configuration"),
    3: ("configuration", "configuration"),
    4: ("unknown", "retry"),
    5: ("configuration", "configuration"),
    6: ("unknown", "retry"),
    7: ("configuration", "configuration"),
    8: ("configuration", "configuration"),
    9: ("business", "business"),
    10: ("business", "business"),
    11: ("business", "business"),
    12: ("business", "business"),
    13: ("retry", "retry"),
    14: ("retry", "retry"),
    15: ("configuration", "configuration"),
}
_sessions: dict[tuple[Any, ...], str] = {}
_lock = threading.Lock()


class SessionLost(PlatformError):
    """The server no longer knows our session: sign in once more and repeat (nothing was done)."""


class Kingdee(Client):
    """Bills of one account set. options: acctid, username, lcid, org_num, auth ("session" or "signed")."""

    platform = "kingdee"

    def save(self, form_id: str, model: dict[str, Any]) -> dict[str, Any]:
        """Saves one bill; {"id", "number"}. Rows of the model that are not sent are not deleted."""
        data = {
            "Model": model,
            "IsDeleteEntry": False,
            "IsVerifyBaseDataField": False,
            "ValidateRepeatJson": True,
            "IsControlPrecision": True,
            "IsAutoSubmitAndAudit": False,
        }
        result = self._operate("Save", form_id, data)
        entity: dict[str, Any] = next(iter(result["ResponseStatus"].get("SuccessEntitys") or []), {})
        return {
            "id": str(result.get("Id") or entity.get("Id") or ""),
            "number": str(result.get("Number") or entity.get("Number") or ""),
        }

    def submit(self, form_id: str, numbers: Iterable[str]) -> list[str]:
        """Submits bills; the numbers done. Code "12": not in a state for it, so read the state (perhaps done already)."""
        return self._step("Submit", form_id, numbers)

    def audit(self, form_id: str, numbers: Iterable[str]) -> list[str]:
        """Audits submitted bills; the numbers done. Code "12" as in `submit`."""
        return self._step("Audit", form_id, numbers)

    def query(self, form_id: str, keys: Sequence[str], filter: str, limit: int = 2000) -> list[list[Any]]:
        """Rows in the order of `keys`; the filter is SQL-like, values go in by `quoted`."""
        data = {
            "FormId": form_id,
            "FieldKeys": ",".join(keys),
            "FilterString": filter,
            "OrderString": "",
            "TopRowCount": 0,
            "StartRow": 0,
            "Limit": limit,
        }
        rows = self._post("DynamicFormService.ExecuteBillQuery", {"data": data}, effect=False, read=_rows)
        if any(len(row) != len(keys) for row in rows):
            raise http.unreadable(effect=False)
        return rows

    @staticmethod
    def quoted(value: str) -> str:
        """A text as a literal of FilterString: quotes doubled, line breaks and NUL refused."""
        if any(char in value for char in "\r\n\x00"):
            raise ValueError("a filter value is one line of text")
        return "'" + value.replace("'", "''") + "'"

    def login(self) -> str:
        """Signs in by app secret and keeps the session for this process; the session id."""
        body = {
            "acctid": self.option("acctid"),
            "username": self.option("username"),
            "appid": self.connection.app_key,
            "appsecret": self.secret("app_secret"),
            "lcid": self.option("lcid", 2052),
        }
        request = http.Outgoing(
            "POST",
            self._url("AuthService.LoginByAppSecret"),
            utf8(dumps(body)),
            (("Content-Type", "application/json; charset=utf-8"),),
        )
        session = self._call("AuthService.LoginByAppSecret", request, effect=False, read=_session)
        with _lock:
            _sessions[self._who()] = session
        return session

    def _operate(self, operation: str, form_id: str, data: dict[str, Any]) -> dict[str, Any]:
        return self._post(
            f"DynamicFormService.{operation}",
            {"formid": form_id, "data": data},
            effect=True,
            read=lambda answer: _result(answer, effect=True),
        )

    def _step(self, operation: str, form_id: str, numbers: Iterable[str]) -> list[str]:
        result = self._operate(operation, form_id, {"Numbers": list(numbers), "Ids": "", "NetworkCtrl": ""})
        return [str(row.get("Number")) for row in result["ResponseStatus"].get("SuccessEntitys") or []]

    def _post(self, service: str, body: dict[str, Any], *, effect: bool, read: Any) -> Any:
        signed = self.option("auth", "session") == "signed"
        for attempt in (1, 2):
            session = "" if signed else _sessions.get(self._who()) or self.login()
            request = self._request(service, body, session)
            try:
                return self._call(
                    service, request, effect=effect, read=lambda response: read(_answer(response, effect))
                )
            except SessionLost as lost:
                with _lock:
                    _sessions.pop(self._who(), None)
                if signed or attempt == 2:
                    raise PlatformError("configuration", str(SESSION_LOST), lost.message) from lost
        raise AssertionError("unreachable")

    def _request(self, service: str, body: dict[str, Any], session: str) -> http.Outgoing:
        url = self._url(service)
        headers = [("Content-Type", "application/json; charset=utf-8")]
        if session:
            headers += [("kdservice-sessionid", session), ("Cookie", f"kdservice-sessionid={session}")]
        else:
            try:
                made = signing_kingdee.signed_headers(
                    acct_id=str(self.option("acctid")),
                    user_name=str(self.option("username")),
                    app_id=self.connection.app_key,
                    app_secret=self.secret("app_secret"),
                    lcid=self.option("lcid", 2052),
                    org_num=self.option("org_num", 0),
                    url=url,
                )
            except ValueError as error:
                raise PlatformError("configuration", "app_id", str(error)) from error
            headers += list(made.items())
        return http.Outgoing("POST", url, utf8(dumps(body)), tuple(headers), read_seconds=20.0)

    def _url(self, service: str) -> str:
        root = self.base_url if self.base_url.lower().endswith("/k3cloud") else f"{self.base_url}/K3Cloud"
        return f"{root}/{STUB}{service}.common.kdsvc"

    def _who(self) -> tuple[Any, ...]:
        """Whose session: another secret or user is another session."""
        secret = hashlib.sha256(self.secret("app_secret").encode()).hexdigest()
        options = self.connection.options
        return (
            self.connection.pk,
            self.base_url,
            self.connection.app_key,
            options.get("acctid"),
            options.get("username"),
            secret,
        )


def _answer(response: httpx.Response, effect: bool) -> Any:
    """The JSON of an answer; the gateway's plain-text failures are told apart before it is parsed."""
    text = response.content.decode("utf-8-sig")
    if text.lstrip().startswith("response_error:"):
        said = text.lstrip().removeprefix("response_error:").strip()[:300]
        raise PlatformError(
            "unknown" if effect else "retry", "response_error", said or _("Kingdee's gateway failed.")
        )
    return loads(text)


def _result(answer: Any, effect: bool) -> dict[str, Any]:
    result = answer.get("Result") if isinstance(answer, dict) else None
    status = result.get("ResponseStatus") if isinstance(result, dict) else None
    if not isinstance(result, dict) or not isinstance(status, dict):
        raise http.unreadable(effect)
    if status.get("IsSuccess") is True:
        return result
    number = status.get("MsgCode")
    number = number if isinstance(number, int) else 0
    errors = [row for row in status.get("Errors") or [] if isinstance(row, dict)]
    message = "; ".join(
        ": ".join(part for part in (str(row.get("FieldName") or ""), str(row.get("Message") or "")) if part)
        for row in errors[:5]
    ) or _("Kingdee refused the bill.")
    if number == SESSION_LOST:
        raise SessionLost("configuration", str(number), message)
    kind = MESSAGES.get(number, ("unknown", "business"))[0 if effect else 1]
    raise PlatformError(kind, str(number), message, 30.0 if kind == "retry" else None)


def _rows(answer: Any) -> list[list[Any]]:
    if isinstance(answer, dict):
        _result(answer, effect=False)
        raise http.unreadable(effect=False)
    if not isinstance(answer, list) or not all(isinstance(row, list) for row in answer):
        raise http.unreadable(effect=False)
    if answer and len(answer[0]) == 1 and isinstance(answer[0][0], dict) and "Result" in answer[0][0]:
        _result(answer[0][0], effect=False)
        raise http.unreadable(effect=False)
    return answer


def _session(response: httpx.Response) -> str:
    answer = _answer(response, effect=False)
    if not isinstance(answer, dict):
        raise http.unreadable(effect=False)
    session = str(answer.get("KDSVCSessionId") or "")
    if answer.get("LoginResultType") == 1 and session:
        return session
    message = str(answer.get("Message") or _("Kingdee refused the sign-in."))
    raise PlatformError("configuration", f"login_{answer.get('LoginResultType')}", message)
