"""The eleven touchpoints as a bar: facts from the timeline, drawn over the lifecycle table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from orderhub import modules
from orderhub.admin_site.marks import remembered
from orders.lifecycle import TOUCHES
from orders.models import OrderState as S

#: The touches that make a touchpoint, C1 to C11.
POINTS = {
    touch.point or 0: touch for touch in sorted((t for t in TOUCHES if t.point), key=lambda t: t.point or 0)
}
#: Happens only when goods come back.
ONLY_ON_RETURN = 11
OVER = (S.CANCELLED, S.CLOSED)


@dataclass(frozen=True, slots=True)
class Mark:
    """One touchpoint of one order: `look` is done, now, ahead, off (its module is off) or none (not needed)."""

    point: int
    label: Any
    look: str
    at: dt.datetime | None
    late: bool = False

    @property
    def words(self) -> str:
        """What a reader without eyes for colours gets."""
        words = {
            "done": _("done"), "now": _("next"), "ahead": _("to come"), "off": _("switched off"), "none": _("not needed"),
        }  # fmt: skip
        return f"C{self.point} {self.label}: {words[self.look]}"


def reached(order_ids: Iterable[int]) -> dict[int, dict[int, dt.datetime]]:
    """{order: {point: when it first happened}}, one query."""
    ids = list(order_ids)
    found: dict[int, dict[int, dt.datetime]] = {identity: {} for identity in ids}
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT order_id, point, min(occurred_at) FROM orders_event
               WHERE order_id = ANY(%s) AND point IS NOT NULL GROUP BY 1, 2""",
            [ids],
        )
        for order_id, point, at in cursor.fetchall():
            found[order_id][point] = at
    return found


def bar(state: str, done: dict[int, dt.datetime], state_since: dt.datetime | None = None) -> list[Mark]:
    """The marks of one order. The one called `now` is the first automatic point not reached yet."""
    marks = []
    waiting = state not in OVER
    for point, touch in POINTS.items():
        at = done.get(point)
        late = False
        if at is not None:
            look = "done"
        elif point == ONLY_ON_RETURN or (state == S.CANCELLED):
            look = "none"
        elif touch.module and not modules.enabled(touch.module):
            look = "off"
        elif waiting:
            look, waiting = "now", False
            late = bool(
                touch.target
                and state_since
                and state in touch.start
                and timezone.now() - state_since > touch.target
            )
        else:
            look = "ahead"
        marks.append(Mark(point, touch.label, look, at, late))
    return marks


def mini(marks: list[Mark]) -> SafeString:
    """Eleven ticks for a list's row, with a sentence for screen readers."""
    done = sum(mark.look == "done" for mark in marks)
    following = next((mark for mark in marks if mark.look == "now"), None)
    label = _("%(done)d of 11 touchpoints") % {"done": done}
    if following:
        label += " · " + _("next: %(label)s") % {"label": following.label}
    return _ticks(label, tuple(mark.look for mark in marks))


@remembered
def _ticks(label: str, looks: tuple[str, ...]) -> SafeString:
    ticks = format_html_join("", '<i class="oh-tick oh-tick-{}"></i>', ((look,) for look in looks))
    return format_html(
        '<span class="oh-mini" role="img" aria-label="{}" title="{}">{}</span>', label, label, ticks
    )
