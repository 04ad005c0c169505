"""After a change of the rules: which waiting orders would go elsewhere, and routing those again, as a job in two parts.

`look` compares, for every routed order that no warehouse has yet, where it goes with where the rules in use would send it by
the figures that were kept: nothing is locked or written. `go` routes the found ones again by today's figures, so that places
and stock are given back by the very code that took them. What a person decided by hand stays as it is.
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext as _

from inventory.queries import warehouses
from orderhub.actors import Actor
from orderhub.jobs import running
from orderhub.jobs.models import Job
from orderhub.rules import engine
from orders import queries as orders
from routing import known, past
from routing.judgements import POINT
from routing.models import Decision
from routing.operations import judging, reroute

KIND = "reroute"
LOOK_AT, MOVE = 500, 100
#: So many orders are moved by one job; what is left is found by the next look.
MOST = 5_000


class NothingToDo(ValueError):
    """There is nothing to route again; the text says why."""


def look(user_id: int | None) -> Job:
    """Find the orders that would go elsewhere."""
    return running.start(KIND, {"part": "look", "after": 0}, user_id)


def go(looked: Job, user_id: int | None, by: str, reason: str) -> Job:
    """Route the orders again that `looked` found. Raises NothingToDo."""
    found = (looked.result or {}).get("found", [])
    if looked.state != Job.State.DONE or looked.params.get("part") != "look" or not found:
        raise NothingToDo(_("Look first which orders would go elsewhere."))
    if not reason.strip():
        raise NothingToDo(_("Say why: the reason stays with the order."))
    if Job.objects.filter(kind=KIND, params__looked=looked.pk).exists():
        raise NothingToDo(_("These orders were routed again already; look once more."))
    params = {
        "part": "go",
        "looked": looked.pk,
        "at": 0,
        "reason": reason.strip()[:200],
        "by": by,
        "user": user_id,
    }
    return running.start(KIND, params, user_id)


def newest() -> Job | None:
    """The last job of this kind."""
    return Job.objects.filter(kind=KIND).order_by("-id").first()


def step(job: Job) -> bool:
    """One page of looking or of moving."""
    return _look(job) if job.params["part"] == "look" else _move(job)


# --- looking -----------------------------------------------------------------------------------------------------


def _look(job: Job) -> bool:
    params, result = job.params, job.result or {"seen": 0, "by_hand": 0, "found": []}
    ids = orders.waiting("routed", params["after"], LOOK_AT)
    if not job.total:
        job.total = orders.count_waiting("routed")
    last = _last_decisions(ids)
    result["seen"] += len(ids)
    result["by_hand"] += len(ids) - len(last)
    result["found"] += _elsewhere(last)
    job.result, job.done = result, result["seen"]
    finished = len(ids) < LOOK_AT or len(result["found"]) >= MOST
    if finished:
        result["found"], job.total = result["found"][:MOST], job.done
        result["version"] = engine.head_of(POINT).live
    else:
        params["after"], job.total = ids[-1], max(job.total, job.done)
    return finished


def _last_decisions(order_ids: list[int]) -> list[int]:
    """Ids of the last decisions of these orders, without those that a person made."""
    rows = (
        Decision.objects.filter(order_id__in=order_ids)
        .order_by("order_id", "-id")
        .distinct("order_id")
        .values_list("id", "overridden_by", "located_by")
    )
    return [identity for identity, by, rung in rows if not by and rung != "off"]


def _elsewhere(decisions: list[int]) -> list[dict[str, Any]]:
    """[{order, number, from, to}] of those that the rules in use would send elsewhere now."""
    if not decisions:
        return []
    pasts = past.of_decisions(decisions)
    now = timezone.now()
    local = now.astimezone(judging.SHANGHAI)
    promised = {i: head.promised_ship_at for i, head in orders.heads([p.order or 0 for p in pasts]).items()}
    inputs = [
        {
            **p.input,
            "hour": local.hour,
            "weekday": local.isoweekday(),
            "hours_to_promise": judging.hours_left(promised.get(p.order or 0), now),
        }
        for p in pasts
    ]
    answers = engine.decide(POINT, inputs).answers
    facts, houses = known.current(), {house.code: f"{house.code} {house.name}" for house in warehouses()}
    found = []
    for one, answer in zip(pasts, answers, strict=True):
        frm, to = past.moved(one, answer, facts, houses)
        if to:
            found.append({"order": one.order, "number": one.label, "from": frm, "to": to})
    return found


# --- moving ------------------------------------------------------------------------------------------------------


def _move(job: Job) -> bool:
    params, result = job.params, job.result or {"moved": 0, "same": 0, "refused": 0, "rows": []}
    found = Job.objects.get(pk=params["looked"]).result["found"]  # type: ignore[index]
    part = found[params["at"] : params["at"] + MOVE]
    ids = [row["order"] for row in part]
    before = orders.heads(ids)
    by_hand = set(ids) - set(_orders_of(_last_decisions(ids)))
    going = [identity for identity in ids if identity not in by_hand]
    actor = Actor("person", params["by"], params["user"])
    outcome = reroute.again(going, actor=actor, reason=params["reason"]) if going else reroute.Result()
    after = orders.heads(ids)
    names, twice = {house.id: house.code for house in warehouses()}, _moved_before(job, going)
    for row in part:
        identity = row["order"]
        told = {**row, "went": _place(after.get(identity), names)}
        if identity in by_hand:
            told["why"], kind = _("A person decided this order meanwhile; it stays."), "refused"
        elif identity in outcome.refused:
            told["why"], kind = outcome.refused[identity].text, "refused"
        else:
            same = _place(before.get(identity), names) == told["went"] and identity not in twice
            told["why"], kind = "", "same" if same else "moved"
        told["kind"] = kind
        result[kind] += 1
        result["rows"].append(told)
    params["at"] += len(part)
    job.result, job.done, job.total = result, params["at"], len(found)
    return params["at"] >= len(found)


def _moved_before(job: Job, order_ids: list[int]) -> set[int]:
    """Those that this very job had moved already, before its worker was killed and the step came again."""
    counted = (
        Decision.objects.filter(order_id__in=order_ids, made_at__gte=job.created_at)
        .values("order_id")
        .annotate(n=Count("id"))
    )
    return {row["order_id"] for row in counted if row["n"] > 1}


def _orders_of(decisions: list[int]) -> list[int]:
    return list(Decision.objects.filter(id__in=decisions).values_list("order_id", flat=True))


def _place(head: orders.OrderHead | None, names: dict[int, str]) -> str:
    """Where an order goes, in codes."""
    if head is None:
        return ""
    parts = (names.get(head.warehouse_id or 0, ""), head.carrier, head.outlet_code)
    return " · ".join(part for part in parts if part)
