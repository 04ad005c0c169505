"""What a list does to many orders: one call a batch, in the caller's transaction; what was not done is said, each with why."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orders import timeline
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, HoldType, Order
from orders.models import OrderState as S
from orders.operations import holds
from orders.operations.acting import A_PRIORITY

_PRIORITY = f"""priority = v.value::smallint, next_try_at = CASE WHEN v.value::smallint > o.priority
    THEN least(o.next_try_at, now()) - (v.value::smallint - o.priority) * interval '{A_PRIORITY.total_seconds()} seconds'
    ELSE o.next_try_at END"""
#: {order: (kind of result, why)} of those that were not done.
Undone = dict[int, tuple[str, str]]
ENDED = (S.CLOSED, S.CANCELLED)
LONGEST_TAG = 40


def hold_types() -> list[tuple[str, str]]:
    """(code, label) of what an order may be held by."""
    return [(code, str(label)) for code, label in HoldType.choices]


def hold(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Hold by hand."""
    going, undone = _open(ids)
    made = set(holds.open_holds(going, HoldType.MANUAL, values["why"], actor))
    undone.update({i: ("same", _("The order is held by hand already.")) for i in going if i not in made})
    return undone


def release(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Release the open holds of one type."""
    _locked(ids)
    held = Hold.objects.filter(order_id__in=ids, type=values["type"], released_at=None)
    found = set(held.values_list("order_id", flat=True))
    holds.release_type(sorted(found), values["type"], actor, values["why"])
    return {i: ("same", _("It is not held by this.")) for i in ids if i not in found}


def cancel(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Cancel, as on the order's own page."""
    outcome = apply(LIFECYCLE, "cancel", list(ids), actor=actor, params={"reason": values["why"]})
    labels, undone = dict(S.choices), {}
    wrong = [i for i, refusal in outcome.refused.items() if refusal.code == "wrong_state"]
    states = dict(Order.objects.filter(pk__in=wrong).values_list("pk", "state"))
    for i, refusal in outcome.refused.items():
        state = labels.get(states.get(i, ""), "")
        text = (
            _("It is “%(state)s”; that can't be cancelled.") % {"state": state}
            if i in states
            else refusal.text
        )
        undone[i] = ("same" if states.get(i) == S.CANCELLED else "refused", text)
    return undone


def tag(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Add one tag."""
    word = _word(values)
    return _edit(ids, actor, _("tags"), "tags", lambda tags: tags if word in tags else [*tags, word])


def untag(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Remove one tag."""
    word = _word(values)
    return _edit(ids, actor, _("tags"), "tags", lambda tags: [each for each in tags if each != word])


def prioritise(ids: Sequence[int], actor: Actor, values: dict[str, str]) -> Undone:
    """Set the priority, 0 to 9; raised, an order is due earlier, as where a rule prioritises."""
    wanted = int(values["priority"])
    return _edit(ids, actor, _("priority"), "priority", lambda _before: wanted)


def _word(values: dict[str, str]) -> str:
    """The tag that is meant; commas separate tags on the order's page and can't be in one."""
    return values["tag"].replace("，", " ").replace(",", " ").strip()[:LONGEST_TAG]


def _locked(ids: Sequence[int]) -> list[Order]:
    """The orders, their rows locked by id until the caller commits."""
    rows = Order.objects.filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))
    return list(rows.only("pk", "state", "tags", "priority"))


def _open(ids: Sequence[int]) -> tuple[list[int], Undone]:
    """Those that have not ended, and why the others are not touched."""
    rows, labels = _locked(ids), dict(S.choices)
    ended = {
        row.pk: ("refused", _("It is “%(state)s”: it has ended.") % {"state": labels[row.state]})
        for row in rows
        if row.state in ENDED
    }
    return [row.pk for row in rows if row.pk not in ended], ended


def _edit(ids: Sequence[int], actor: Actor, label: str, column: str, change: Callable[[Any], Any]) -> Undone:
    """One column of the orders, and a line on the timeline of each that changed."""
    going, undone = _open(ids)
    before = dict(Order.objects.filter(pk__in=going).values_list("pk", column))
    after = {i: change(value) for i, value in before.items()}
    changed = {i: value for i, value in after.items() if value != before[i]}
    undone.update({i: ("same", _("It is so already.")) for i in going if i not in changed})
    assignment = "tags = v.value::jsonb" if column == "tags" else _PRIORITY
    write = json.dumps if column == "tags" else str
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE orders_order o SET {assignment} FROM unnest(%s::bigint[], %s::text[]) AS v(id, value)
                WHERE o.id = v.id AND o.id = ANY(%s)""",
            [list(changed), [write(value) for value in changed.values()], list(changed)],
        )
    said, now = {"changed": [label]}, timezone.now()
    timeline.append([timeline.line(i, "edited", actor=actor, now=now, data=said) for i in changed])
    return undone
