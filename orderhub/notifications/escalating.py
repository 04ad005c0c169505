"""Nobody reacts: a ticket without a first answer goes to the next role of its path, each step once, and a note says so."""

from __future__ import annotations

from django.conf import settings
from django.db import connection, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from orderhub.notifications.asking import Notice, notify_many
from orderhub.notifications.models import Step
from orderhub.roles import BY_CODE

#: The path that ships: minutes without an answer, and who is told then.
SHIPPED = ((60, "operations"), (240, "director"))
#: As many tickets go up in one run; the next run takes the rest.
MOST = 500


def escalate() -> int:
    """Take every step that is due; returns how many were taken. A step is counted on the ticket that takes it.

    A kind with a path of its own follows that, all others the path without a kind. Constant SQL but for the roles told.
    """
    taken = 0
    with transaction.atomic(), translation.override(settings.LANGUAGE_CODE):
        due = _due()
        by_role: dict[str, list[Notice]] = {}
        notes = []
        for ticket, title, order_id, place, minutes, role in due:
            said = {
                "ticket": ticket,
                "title": title,
                "minutes": minutes,
                "number": ticket,
                "reason": title[:30],
            }
            by_role.setdefault(role, []).append(Notice(f"escalate:{ticket}:{place}", said, order_id=order_id))
            words = _("Nobody answered within %(minutes)s minutes: %(role)s was told.")
            label = BY_CODE[role].label if role in BY_CODE else role
            notes.append((ticket, order_id, words % {"minutes": minutes, "role": label}))
            taken += 1
        for role, notices in sorted(by_role.items()):
            notify_many(role, "ticket_unanswered", notices)
        if notes:
            tickets, orders, texts = zip(*notes, strict=True)
            with connection.cursor() as cursor:
                cursor.execute(
                    """INSERT INTO orderhub_note (ticket_id, order_id, text)
                       SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[])""",
                    [list(tickets), list(orders), list(texts)],
                )
    return taken


def _due() -> list[tuple[int, str, int | None, int, int, str]]:
    """(ticket, title, order, step, minutes, role) of the steps taken now; the ticket's count is raised in the same statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """WITH waiting AS (
                   SELECT t.id, t.title, t.order_id, s.place, s.minutes, s.role
                   FROM orderhub_ticket t CROSS JOIN LATERAL (
                       SELECT * FROM orderhub_step s WHERE s.place > t.escalated AND s.kind = CASE WHEN EXISTS (
                           SELECT 1 FROM orderhub_step own WHERE own.kind = t.kind AND own.kind <> '') THEN t.kind ELSE '' END
                       ORDER BY s.place LIMIT 1) s
                   WHERE t.state = 'open' AND t.first_response_at IS NULL
                     AND t.created_at + s.minutes * interval '1 minute' <= statement_timestamp()
                   ORDER BY t.id LIMIT %s FOR UPDATE OF t SKIP LOCKED)
               UPDATE orderhub_ticket t SET escalated = w.place FROM waiting w WHERE t.id = w.id
               RETURNING w.id, w.title, w.order_id, w.place, w.minutes, w.role""",
            [MOST],
        )
        return sorted(cursor.fetchall())


def path_of(kind: str) -> list[Step]:
    """The steps that a ticket of this kind goes."""
    own = list(Step.objects.filter(kind=kind).order_by("place")) if kind else []
    return own or list(Step.objects.filter(kind="").order_by("place"))


def seed() -> int:
    """The path that ships, where staff have none; returns how many steps were made."""
    if Step.objects.exists():
        return 0
    steps = [Step(place=10 * n, minutes=minutes, role=role) for n, (minutes, role) in enumerate(SHIPPED, 1)]
    return len(Step.objects.bulk_create(steps))
