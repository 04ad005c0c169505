"""Routing an order again: one or many after a change, or to where a person decides, with the reason kept.

An order that was routed but that no warehouse has yet goes back to RESERVED by the orders' own touch and is
decided anew at once; its stock stays reserved, its place at the outlet is given back by the new decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.utils.translation import gettext as _

from inventory.queries import warehouses
from orderhub.actors import Actor
from orderhub.lifecycle import Refusal, apply
from orders import queries as orders
from orders.lifecycle import LIFECYCLE
from orders.operations import holds
from routing.models import Outlet, Override

BATCH = 500


class ImpossibleChoice(ValueError):
    """A choice that no order could take, with the reason in words."""


@dataclass(slots=True)
class Result:
    """Orders routed anew, and those that were not, each with the reason."""

    routed: list[int] = field(default_factory=list)
    refused: dict[int, Refusal] = field(default_factory=dict)


def override(
    order_ids: Sequence[int],
    *,
    actor: Actor,
    reason: str,
    warehouse_id: int | None = None,
    outlet_code: str = "",
) -> Result:
    """Send orders to a warehouse and/or an outlet that a person picked; ImpossibleChoice before anything is done."""
    if not reason.strip():
        raise ImpossibleChoice(_("Say why: the reason stays with the order."))
    if warehouse_id is None and not outlet_code:
        raise ImpossibleChoice(_("Choose a warehouse or an outlet."))
    if warehouse_id is not None and not any(w.id == warehouse_id and w.active for w in warehouses()):
        raise ImpossibleChoice(_("There is no such warehouse, or it is switched off."))
    if outlet_code and not Outlet.objects.filter(code=outlet_code, active=True).exists():
        raise ImpossibleChoice(_("No active outlet has the code %(code)s.") % {"code": outlet_code})
    heads = orders.heads(order_ids)
    wrong = {i: _wrong(head.state) for i, head in heads.items() if head.state not in ("reserved", "routed")}
    chosen = [identity for identity in heads if identity not in wrong]
    values = {
        "warehouse_id": warehouse_id, "outlet_code": outlet_code, "reason": reason.strip()[:200], "by": actor.name[:80],
    }  # fmt: skip
    Override.objects.bulk_create(
        [Override(order_id=identity, **values) for identity in chosen],
        update_conflicts=True, unique_fields=["order_id"], update_fields=list(values),
    )  # fmt: skip
    holds.release_type(
        chosen, "route", actor, reason.strip()
    )  # a rule left it nothing: a person's choice answers that
    result = again(chosen, actor=actor, reason=reason)
    with connection.cursor() as cursor:  # a choice that could not be made does not wait for the next decision
        cursor.execute("DELETE FROM routing_override WHERE order_id = ANY(%s)", [list(result.refused)])
    result.refused.update(wrong)
    return result


def again(order_ids: Sequence[int], *, actor: Actor, reason: str) -> Result:
    """Decide these orders anew under today's rules, fences and figures; in batches, each its own transaction."""
    result = Result()
    for start in range(0, len(order_ids), BATCH):
        ids = sorted(order_ids)[start : start + BATCH]
        states = {identity: head.state for identity, head in orders.heads(ids).items()}
        routed = [identity for identity in ids if states.get(identity) == "routed"]
        if routed:
            back = apply(LIFECYCLE, "reroute", routed, actor=actor, params={"reason": reason})
            result.refused.update(back.refused)
        ready = [i for i in ids if states.get(i) in ("reserved", "routed") and i not in result.refused]
        result.refused.update(
            {i: _wrong(states.get(i, "")) for i in ids if states.get(i) not in ("reserved", "routed")}
        )
        outcome = apply(LIFECYCLE, "route", ready, actor=actor, params={"reason": reason}) if ready else None
        if outcome is not None:
            result.refused.update(outcome.refused)
            result.routed += [identity for identity in outcome.moved if identity not in outcome.refused]
    return result


def in_bulk(order_ids: Sequence[int], actor: Actor, values: dict[str, str]) -> dict[int, tuple[str, str]]:
    """`again`, as lists ask for it; those that were not routed, each with why."""
    result = again(order_ids, actor=actor, reason=values["why"])
    return {identity: ("refused", refusal.text) for identity, refusal in result.refused.items()}


def _wrong(state: str) -> Refusal:
    return Refusal("wrong_state", _("Only an order that no warehouse has yet can be routed again."))
