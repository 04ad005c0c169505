"""The decision point of notices: whether a group or telephone is disturbed, at night too, how long it is collected, who else.

Nothing is lost by it: what goes to no group still stands at the bell of everybody in the role.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from orderhub.rules.documents import table
from orderhub.rules.points import Field, Past, Point, Policy

CODE = "notify"
DAY = 24 * 60 * 60
#: Decided without a rule: that a rule fails must be told when this point's own rule is the one that does.
UNRULED = frozenset({"rule_failing"})


NOTIFY = Point(
    CODE,
    _("Notices"),
    _(
        "Whether a notice disturbs groups and telephones, whether it goes out in quiet hours, how long it is collected "
        "into one message, and who else is told. The bell in the admin rings anyway."
    ),
    (
        Field("notice", _("Notice"), "choice", choices="orderhub.notifications.models.kinds"),
        Field("role", _("For the role"), "choice", choices="orderhub.rules.actions.roles"),
        Field(
            "severity", _("Severity"), "choice", _("Of a watch rule: amber or red."),
            choices="orderhub.rules.actions.severities",
        ),
        Field("many", _("How many"), "number", _("Told at this moment."), low=0, high=1_000_000),
        Field("hour", _("Hour"), "number", _("0 to 23, Beijing time."), low=0, high=23),
        Field("weekday", _("Weekday"), "number", _("1 Monday to 7 Sunday."), default=1, low=1, high=7),
        Field("worded_urgent", _("Urgent by its wording"), "bool", _("As the wording of the notice says.")),
        Field(
            "worded_seconds", _("Collected by its wording"), "number", _("As the wording of the notice says."),
            _("seconds"), default=60, low=0, high=DAY,
        ),
    ),
    (
        Field("tell", _("Tell groups and telephones"), "bool", _("Otherwise only the bell rings."), default=True),
        Field("urgent", _("Urgent"), "bool", _("Goes out in quiet hours as well."), default=False),
        Field(
            "seconds", _("Collect for (seconds)"), "number", _("What comes within this time goes out as one message."),
            _("seconds"), default=60, low=0, high=DAY,
        ),
        Field(
            "also", _("Also tell"), "choice", choices="orderhub.rules.actions.roles", default="",
        ),
    ),
    (
        {"notice": "watch", "role": "warehouse_manager", "severity": "red", "many": 3, "hour": 2},
        {"notice": "watch", "role": "warehouse_manager", "severity": "amber", "many": 200, "hour": 15},
        {"notice": "late_payment", "role": "service_lead", "many": 1, "hour": 10},
    ),
    (
        Policy(
            "wording",
            _("By the wording, red at once"),
            _("What a watch rule calls red goes out at night too; everything else as its wording says."),
            "orderhub.notifications.judgement.wording",
        ),
    ),
    past="orderhub.notifications.judgement.past",
)  # fmt: skip


def wording() -> dict[str, Any]:
    """Red of a watch rule is urgent; all else is as staff worded it."""
    return table(
        _now("Notices"),
        [("notice", _now("Notice")), ("role", _now("For the role")), ("severity", _now("Severity"))],
        [
            ("tell", _now("Tell groups and telephones")),
            ("urgent", _now("Urgent")),
            ("seconds", _now("Collect for (seconds)")),
            ("also", _now("Also tell")),
        ],
        [
            ("red", ("", "", "'red'"), ("true", "true", "worded_seconds", "''")),
            ("rest", ("", "", ""), ("true", "worded_urgent", "worded_seconds", "''")),
        ],
    )


def decided(
    template: str, role: str, severity: str, many: int, urgent: bool, seconds: float
) -> dict[str, Any]:
    """What the rule says of one asking: {"tell", "urgent", "seconds", "also"}."""
    if template in UNRULED:
        return {"tell": True, "urgent": urgent, "seconds": seconds, "also": ""}
    from orderhub.rules import engine  # the engine tells of its own failures by notices

    now = timezone.localtime()
    facts = {
        "notice": template, "role": role, "severity": severity, "many": many, "hour": now.hour,
        "weekday": now.isoweekday(), "worded_urgent": urgent, "worded_seconds": seconds,
    }  # fmt: skip
    said: dict[str, Any] = engine.decide(CODE, [facts]).answers[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO orderhub_asking (facts, said) VALUES (%s, %s)", [json.dumps(facts), json.dumps(said)]
        )
    return said


def past(
    since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None, after_id: int, limit: int
) -> list[Past]:
    """Askings of this time, as the rules were asked. Notices are of no one order: `ids` finds none. One statement."""
    if ids is not None:
        return []
    from orderhub.notifications import templates

    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT id, at, facts::text, said::text FROM orderhub_asking WHERE at >= %s AND at < %s AND id > %s
               ORDER BY id LIMIT %s""",
            [since, until, after_id, limit],
        )
        rows = cursor.fetchall()
    made = []
    for identity, at, facts, said in rows:
        given, answer = json.loads(facts), json.loads(said)
        known = templates.TEMPLATES.get(given["notice"])
        label = f"{known.label if known else given['notice']} {timezone.localtime(at):%m-%d %H:%M}"
        made.append(Past(identity, label, given, answer, order=0))
    return made


def count(since: dt.datetime, until: dt.datetime, ids: Sequence[int] | None) -> int:
    """How many askings `past` would bring."""
    if ids is not None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM orderhub_asking WHERE at >= %s AND at < %s", [since, until])
        return int(cursor.fetchone()[0])


past.count = count  # type: ignore[attr-defined]
