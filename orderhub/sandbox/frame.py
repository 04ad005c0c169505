"""What a platform of the sandbox is: it gets a Request and returns an Answer, and never sees sockets or threads."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from orderhub.sandbox.world import World

BEIJING = timezone(timedelta(hours=8), "Asia/Shanghai")
JSON = "application/json; charset=utf-8"


def beijing(moment: datetime) -> str:
    """The naive Beijing text that most Chinese platforms send."""
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def from_beijing(text: str) -> datetime:
    """An aware moment from ``yyyy-MM-dd HH:mm:ss``; ValueError for anything else."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)


def dumps(value: Any) -> str:
    """Compact JSON with Chinese characters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_form(text: str) -> dict[str, str]:
    """A form or query string as a dict; blank values are kept, the last of a repeated name wins."""
    return dict(parse_qsl(text, keep_blank_values=True))


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``path`` is without the platform's prefix, header names are lower case.

    ``now`` is the moment in which the platform believes itself to be: the fault ``skew`` moves it.
    """

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    form: dict[str, str] = field(default_factory=dict)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def json(self) -> Any:
        """The body as JSON; ValueError when it is none."""
        return json.loads(self.body.decode("utf-8"))

    @property
    def params(self) -> dict[str, str]:
        """Query and form together; the form wins."""
        return {**self.query, **self.form}


@dataclass(frozen=True)
class Answer:
    """What goes back; a dict or list body becomes compact JSON."""

    status: int = 200
    body: bytes | str | dict | list = b""
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)

    def encoded(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else dumps(self.body)).encode("utf-8")


class Platform:
    """Base of every platform: a prefix, one entry, and what it says when the fault injector asks it to.

    A subclass must have ``prefix`` and ``handle``; the rest has sensible defaults.
    """

    prefix = ""
    roots: tuple[
        str, ...
    ] = ()  # paths that are also served without the prefix, for clients that take only a host

    def __init__(self, world: World) -> None:
        self.world = world

    def handle(self, request: Request) -> Answer:
        raise NotImplementedError

    def fault_key(self, request: Request) -> str:
        """The name of the method as the fault injector and the quota counters know it."""
        return request.path.strip("/") or "/"

    def app_of(self, request: Request) -> str:
        """Whose quota this request uses up."""
        return ""

    def quota_answer(self, request: Request) -> Answer:
        """What this platform says when the quota is used up (fault ``quota`` and real counters)."""
        return Answer(429, {"code": "quota", "message": "call quota used up"}, headers={"Retry-After": "1"})

    def deny_answer(self, request: Request) -> Answer:
        """What this platform says when it refuses for a business reason (fault ``deny``)."""
        return Answer(200, {"code": "denied", "message": "refused by the sandbox"})

    def expire_token(self, request: Request) -> Answer | None:
        """Fault ``expire_token``: forget the token of this request; an Answer ends the request here."""
        return Answer(401, {"code": "token_expired", "message": "the token has expired"})

    def drive(self, what: str, options: dict[str, Any]) -> dict[str, Any] | None:
        """POST /_sandbox/drive: do something by itself towards the product; None when it is not mine."""
        return None

    def modify(self, n: int, rng: Any) -> list[str]:
        """POST /_sandbox/modify: change n random records; the changed keys."""
        return []

    def reset(self) -> None:
        """POST /_sandbox/reset: forget what lives in memory (the ledger is emptied by the frame)."""
