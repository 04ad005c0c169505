"""A version beside the one in use, on new decisions: counted, never acted upon.

It follows what was decided a moment ago, as a trial that never ends, by the code of the simulation: so it costs the
chain nothing, can't disturb a batch, and its counts are those that a simulation of the same time would give.
"""

from __future__ import annotations

import datetime as dt
import logging

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.rules import simulating
from orderhub.rules.models import RuleSet, ShadowCount, Version
from orderhub.rules.registry import point as point_of
from orderhub.rules.tally import Tally
from orderhub.tickets.opening import close_gone, open_ticket

log = logging.getLogger(__name__)

#: Decisions younger than this may still be in a transaction that nobody else can read.
LAG = dt.timedelta(seconds=30)
PAGES_A_TURN = 5


def follow() -> int:
    """Count what was decided since the last turn, for every set with a shadow; returns how many decisions."""
    counted = 0
    for rule_set in RuleSet.objects.filter(shadow__isnull=False, live__isnull=False).order_by("id"):
        cause = f"shadow_failed:{rule_set.pk}"
        try:
            counted += _follow(rule_set)
        except Exception:  # the next set, and the next turn, go on; somebody is told once
            log.exception("shadow of %s", rule_set.code)
            title = _("The shadow of “%(name)s” can't be counted") % {"name": rule_set.label or rule_set.code}
            body = _(
                "Orders go on by the live version. End the shadow, try the draft on past orders, then begin it again."
            )
            open_ticket("shadow_failed", cause, title, body=body, role="operations")
        else:
            close_gone([cause], _("It is counted again."))
    return counted


def _follow(rule_set: RuleSet) -> int:
    shadow, live = Version.objects.in_bulk([rule_set.shadow_id, rule_set.live_id]).values()
    if shadow.pk != rule_set.shadow_id:
        shadow, live = live, shadow
    point = point_of(rule_set.point)
    if not point.past:
        return 0
    now, counted = timezone.now(), 0
    ShadowCount.objects.get_or_create(
        version=shadow, defaults={"live": live, "until": now - LAG, "since": now - LAG}
    )
    with transaction.atomic():
        row = ShadowCount.objects.select_for_update(skip_locked=True).filter(version=shadow).first()
        if row is None:
            return 0
        tally, end = Tally.from_json(row.result), now - LAG
        if row.live_id != live.pk:  # compared with another version from here on: a new count
            tally, row.live, row.until, row.since, row.after = Tally(), live, end, end, 0
        for _turn in range(PAGES_A_TURN):
            pasts = simulating.read(point, row.until, end, None, row.after, simulating.PAGE)
            simulating.compare(point, pasts, live.document, shadow.document, tally)
            counted += len(pasts)
            if len(pasts) < simulating.PAGE:
                row.until, row.after = end, 0
                break
            row.after = pasts[-1].id
        row.result, row.seen, row.differing, row.impossible = (
            tally.as_json(), tally.seen, tally.differing, tally.impossible,
        )  # fmt: skip
        row.save(
            update_fields=["result", "seen", "differing", "impossible", "live", "until", "since", "after"]
        )
    return counted
