"""What sync health says of an account beside its pulls: calls left, breaker, what waits for a person, what errors mean."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.admin_site.marks import ago, moment
from orderhub.inbound.models import Payload
from orderhub.integrations.budget import BELIEVED, SPANS, limit_of, limits_of, window
from orderhub.integrations.models import Breaker, Budget, Call, Connection
from orderhub.outbox.models import Message

#: What an error of a source means and who does what next, by the kind of failure or by the code of what we kept back.
NEXT: dict[str, Any] = {
    "retry": _("Nothing is lost and it goes on by itself. If it stays like this for an hour, ask the platform's support."),
    "unknown": _("Nothing is lost: the platform is asked before anything is repeated. Nothing to do."),
    "reauthorise": _("The shop's owner has to sign in again: press “Connect”. Pulls then go on where they stopped."),
    "configuration": _("Our settings are wrong: compare app key, secret and address with the platform's console."),
    "business": _("The platform refuses this one thing: open the call, read its words, and correct what they name."),
    "quota_spent": _("The platform allows no more calls for now; it goes on when the quota is fresh. If that happens every "
                     "day, ask the platform for more."),
    "quota_kept": _("The last calls are kept for labels and ship reports; it goes on with the next minute or day."),
    "breaker_open": _("The platform gave no answer six times in a row and is left alone; one call tries it again by itself."),
}  # fmt: skip
SHOWN = 3


def budgets(accounts: list[Connection], now: dt.datetime) -> dict[int, dict[str, Any]]:
    """{account: {"today", "held", "left": the tightest limits, "refused": calls that the platform bans now}}. One query."""
    rows: dict[int, list[Budget]] = {}
    for row in Budget.objects.filter(connection__in=accounts).order_by("connection_id", "method", "span"):
        rows.setdefault(row.connection_id, []).append(row)
    return {account.id: _budget(account, rows.get(account.id, []), now) for account in accounts}


def _budget(account: Connection, rows: list[Budget], now: dt.datetime) -> dict[str, Any]:
    limits, seconds = limits_of(account.options), now.timestamp()
    begun: dict[str, float] = {span: window(span, seconds)[0] for span in SPANS}
    current = [row for row in rows if row.started_at.timestamp() >= begun.get(row.span, seconds)]
    left: list[dict[str, Any]] = []
    for span in SPANS:
        mine = [row for row in current if row.span == span]
        if whole := limit_of(limits, "*", span):
            left.append(_left(_now("all calls"), span, sum(row.used for row in mine), whole, learned=False))
        for row in rows:
            if row.span == span:
                given = limit_of(limits, row.method, span)
                fresh = row.learned_at and seconds - row.learned_at.timestamp() < BELIEVED[span]
                limit = given or (row.learned if fresh and row.learned else 0)
                if limit:
                    left.append(
                        _left(row.method, span, row.used if row in mine else 0, limit, learned=not given)
                    )
    left.sort(key=lambda line: -line["share"])
    return {
        "today": sum(row.used for row in current if row.span == "day"),
        "held": sum(row.held for row in current if row.span == "day") + sum(r.held for r in current if r.span == "minute"),
        "left": left[:SHOWN],
        "refused": [{"method": name, "until": moment(at, seconds=True)} for name, at in _refused(rows, now).items()],
    }  # fmt: skip


def _refused(rows: list[Budget], now: dt.datetime) -> dict[str, dt.datetime]:
    """{call: when its ban ends}, the longer of minute and day."""
    found: dict[str, dt.datetime] = {}
    for row in rows:
        if row.blocked_until and row.blocked_until > now:
            found[row.method] = max(row.blocked_until, found.get(row.method, now))
    return found


def _left(what: str, span: str, used: int, limit: int, *, learned: bool) -> dict[str, Any]:
    share = min(100, used * 100 // limit)
    tone = "oh-gauge-bad" if share >= 100 else "oh-gauge-warn" if share >= 70 else ""
    return {"what": what, "span": span, "used": used, "limit": limit, "left": max(0, limit - used), "share": share,
            "learned": learned, "tone": tone}  # fmt: skip


def breakers(now: dt.datetime) -> dict[int, dict[str, Any]]:
    """{account: {"until", "reason", "trying"}} of the accounts that are left alone."""
    return {
        row.connection_id: {
            "until": moment(row.open_until, seconds=True), "reason": row.reason,
            "trying": row.open_until is None or row.open_until <= now, "since": ago(row.changed_at),
        }
        for row in Breaker.objects.filter(times__gt=0)
    }  # fmt: skip


def dead_letters() -> dict[int | None, dict[str, int]]:
    """{account: {"aside": payloads set aside, "stuck": messages that need a person}}; by the partial indexes."""
    found: dict[int | None, dict[str, int]] = {}
    for name, rows in (
        ("aside", Payload.objects.filter(state=Payload.State.SET_ASIDE)),
        ("stuck", Message.objects.filter(state=Message.State.NEEDS_PERSON)),
    ):
        for row in rows.order_by().values("connection_id").annotate(n=Count("id")):
            found.setdefault(row["connection_id"], {"aside": 0, "stuck": 0})[name] = row["n"]
    return found


def last_failures(now: dt.datetime) -> dict[int | None, Call]:
    """The newest failed call of each account within a day."""
    rows = Call.objects.filter(started_at__gte=now - dt.timedelta(days=1)).exclude(outcome="ok")
    newest = rows.order_by("connection_id", "-started_at", "-id").distinct("connection_id")
    return {
        call.connection_id: call for call in newest.only("id", "connection_id", "outcome", "code", "method")
    }


def next_step(error: str, failure: Call | None) -> Any:
    """What an error on a shop means and what to do: by its own code where we kept the call back, else by the last call."""
    code = error.rpartition("(")[2].rstrip(")") if error.endswith(")") else ""
    if code in NEXT:
        return NEXT[code]
    if failure is not None and (not code or failure.code == code):
        return NEXT.get(failure.outcome, "")
    return NEXT["retry"] if error else ""
