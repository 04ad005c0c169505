"""Calls are money: counted per connection and call for the minute and the day, and kept for what matters most.

A limit comes from the connection's options (`budgets`: {"*" | "app" | call: {"minute": n, "day": n}}) or from the
platform's own refusal. The less a call matters, the more of each limit it must leave for the others. "*" is all
calls of a connection together; "app" is all connections of one app key, each of which half its fair share is kept for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Literal

from orderhub.integrations.importance import Importance

Span = Literal["minute", "day"]
SPANS: tuple[Span, ...] = ("minute", "day")
#: The share of a limit that calls of this importance leave to those above them.
RESERVE = {Importance.EFFECT: 0.0, Importance.PULL: 0.1, Importance.REPORT: 0.3}
#: A platform that refused after fewer calls than this was busy with somebody else: nothing is learned from it.
LEAST = 10
#: A ban shorter than this many seconds is about calls a second and says nothing of the minute.
A_WINDOW = 30.0
#: What was learned is believed this long, then tried again.
BELIEVED = {"minute": 3600.0, "day": 3 * 86400.0}
BEIJING = timedelta(hours=8)
#: Beginnings of the codes by which platforms say that our calls are too many, and for how long that holds where
#: they name no seconds: until the minute, or the day, is over. HTTP 429 says it everywhere.
TOO_MANY: dict[str, dict[str, Span]] = {
    "": {"http_429": "minute"},
    "taobao": {
        "7": "minute",
        "accesscontrol.limited": "minute",
        "accesscontrol.limited-by-app-access-count": "day",
    },
    "pinduoduo": {"70031": "minute", "52101": "minute"},
    "douyin": {"60000": "minute"},
    "own_shop": {"quota": "minute"},
    "alipay": {"isv.app-call-limited": "minute"},
    "wangdiantong": {"rate_limit": "minute"},
    "wangdiantong_qiye": {"rate_limit": "minute"},
    "qimen": {"7": "minute", "isv.qimen-call-limited": "minute", "isv.app-call-limited": "minute"},
    "zto": {"S206": "minute", "S221": "minute"},
    "kingdee": {"14": "minute"},
    "aliyun_sms": {"Throttling": "minute"},
    "wechatpay": {"FREQUENCY_LIMITED": "minute", "RATELIMIT_EXCEEDED": "minute"},
    "feishu": {"11232": "minute"},
    "dingtalk": {"130101": "minute", "410100": "minute", "90030": "minute", "punish": "minute"},
    "amap": {
        "10004": "minute", "10010": "minute", "10014": "minute", "10015": "minute", "10019": "minute",
        "10020": "minute", "10021": "minute", "10003": "day", "10029": "day", "10044": "day", "10045": "day",
    },
}  # fmt: skip
TOO_MANY["cainiao"] = TOO_MANY["taobao"]
Key = tuple[int, str, Span]  # connection, call, span


def window(span: Span, now: float) -> tuple[float, float]:
    """(start, end) of the window that `now` lies in: a full minute, or a day of Beijing."""
    size, shift = (60.0, 0.0) if span == "minute" else (86400.0, BEIJING.total_seconds())
    start = (now + shift) // size * size - shift
    return start, start + size


@dataclass(slots=True)
class Count:
    """One call's row: `known` is what all workers wrote, `mine` and `held` what this one has not written yet."""

    started: float
    known: int = 0
    mine: int = 0
    held: int = 0
    learned: int = 0
    learned_at: float = 0.0
    blocked_until: float = 0.0
    unwritten: bool = False

    @property
    def used(self) -> int:
        return self.known + self.mine


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call may not leave now and for how many seconds; `spent`: nothing is left for anybody."""

    wait: float
    spent: bool
    span: Span


class Book:
    """What this worker knows of all budgets. Not thread-safe: `turns` holds the lock."""

    def __init__(self) -> None:
        self.counts: dict[Key, Count] = {}
        self.apps: dict[int, str] = {}

    def count(self, key: Key, now: float) -> Count:
        """The row of a key in the window that `now` lies in; a window that is over starts again at nothing."""
        start, _end = window(key[2], now)
        found = self.counts.get(key)
        if found is None:
            found = self.counts[key] = Count(start)
        elif found.started < start:
            found.started, found.known, found.mine, found.held = start, 0, 0, 0
        return found

    def refusal(
        self, connection: int, app: str, method: str, limits: Mapping[str, Any], level: Importance, now: float
    ) -> Refusal | None:
        """Whether the budget lets this call leave now; None where it does."""
        self.apps[connection] = app
        for span in SPANS:
            row = self.count((connection, method, span), now)
            end = window(span, now)[1]
            if row.blocked_until > now:
                return Refusal(row.blocked_until - now, True, span)
            learned = row.learned if now - row.learned_at < BELIEVED[span] else 0
            wanted = [(limit, row.used) for limit in (limit_of(limits, method, span), learned) if limit]
            if limit := limit_of(limits, "*", span):
                wanted.append((limit, self.used(connection, span, now)))
            if limit := limit_of(limits, "app", span):
                wanted.append((limit, self._of_app(connection, app, limit, span, now)))
            for limit, used in wanted:
                if used >= limit - ceil(limit * RESERVE[level]):
                    return Refusal(end - now, used >= limit, span)
        return None

    def used(self, connection: int, span: Span, now: float) -> int:
        """Calls of a connection in the running window, all methods together."""
        start, _end = window(span, now)
        return sum(
            row.used
            for (owner, _method, kind), row in self.counts.items()
            if owner == connection and kind == span and row.started >= start
        )

    def _of_app(self, connection: int, app: str, limit: int, span: Span, now: float) -> int:
        """Calls of an app key; what is kept for its other connections counts as used."""
        shares = {owner: self.used(owner, span, now) for owner, key in self.apps.items() if key == app}
        fair = limit // (2 * len(shares))
        kept = sum(max(0, fair - used) for owner, used in shares.items() if owner != connection)
        return sum(shares.values()) + kept

    def spend(self, connection: int, method: str, now: float) -> None:
        """One call leaves."""
        for span in SPANS:
            row = self.count((connection, method, span), now)
            row.mine, row.unwritten = row.mine + 1, True

    def hold(self, connection: int, method: str, span: Span, now: float) -> None:
        """One call was refused by us."""
        row = self.count((connection, method, span), now)
        row.held, row.unwritten = row.held + 1, True

    def learn(self, connection: int, method: str, span: Span, wait: float | None, now: float) -> None:
        """The platform says that calls were too many: nothing of this kind leaves until it is over, and what got
        through before is the limit from now on, unless the ban was about calls a second.
        """
        row = self.count((connection, method, span), now)
        first = row.blocked_until <= now
        until = now + wait if wait else window(span, now)[1]
        row.blocked_until, row.unwritten = max(row.blocked_until, until), True
        about_window = span == "day" or (wait or 0.0) >= A_WINDOW
        if first and about_window and row.used - 1 >= LEAST:
            row.learned, row.learned_at = row.used - 1, now

    def unwritten(self) -> dict[Key, Count]:
        """Rows that the table does not know yet, in the one order in which all workers write."""
        return {key: row for key, row in sorted(self.counts.items()) if row.unwritten}


def limit_of(limits: Mapping[str, Any], name: str, span: str) -> int:
    """A limit of the connection's options; 0 where none is set, or it is no positive number."""
    given = limits.get(name)
    value = given.get(span) if isinstance(given, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def limits_of(options: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a connection's options that holds its limits."""
    given = options.get("budgets")
    return given if isinstance(given, dict) else {}


def said_too_many(platform: str, code: str) -> Span | None:
    """Whether a platform's code says that calls were too many, and for which window; the longest beginning counts."""
    known = TOO_MANY[""] | TOO_MANY.get(platform, {})
    found = [begin for begin in known if code == begin or (len(begin) > 6 and code.startswith(begin))]
    return known[max(found, key=len)] if found else None
