"""Own-shop orders without coordinates: looked up in batches before they are routed, taken or put before a person.

Asking goes on with no transaction open; what came of it is written for the whole batch at once. Who cannot be asked
is asked again, with growing waits; nobody waits for a map service longer than the promise allows.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub import modules
from orderhub.actors import CLOCK
from orders import queries as orders
from orders.operations import destination, holds
from orders.operations.destination import Done
from routing import address_words, guards
from routing.addresses.parse import parse
from routing.addresses.words import Parsed, Verdict
from routing.models import AddressPolicy, AddressReview
from routing.operations import deciding, finding
from routing.operations.deciding import Case, State, Way

BATCH = 25
LEASE = dt.timedelta(seconds=120)
FIRST_WAIT, LONGEST_WAIT = dt.timedelta(seconds=30), dt.timedelta(minutes=15)
NO_PROMISE = dt.timedelta(hours=48)

_DUE = """
    WITH due AS (
        SELECT id FROM routing_addressreview
        WHERE next_try_at <= statement_timestamp() AND (state = 'new' OR (state = 'waiting' AND verdict = 'failed'
              AND (lease_until IS NULL OR lease_until < statement_timestamp())))
        ORDER BY promised_at, id LIMIT %s FOR UPDATE SKIP LOCKED)
    UPDATE routing_addressreview t SET attempts = t.attempts + 1, next_try_at = statement_timestamp() + %s::interval
    FROM due WHERE t.id = due.id RETURNING t.id"""


@dataclass(slots=True)
class _Looked:
    item: AddressReview
    parsed: Parsed
    found: finding.Found
    verdict: Verdict


def run(*, limit: int = 1000) -> int:
    """Take in orders that wait for a look-up, look up what is due, let go what must not wait; how many were looked up."""
    if not modules.enabled("address"):
        left = AddressReview.objects.filter(state__in=(State.NEW, State.WAITING)).order_by("id")
        let_go(list(left.values_list("id", flat=True)[:limit]))
        return 0
    tidy()
    done = 0
    while done < limit:
        begin(BATCH * 4)
        ids = _claim(BATCH)
        if not ids:
            break
        look_up(ids)
        done += len(ids)
    return done


def begin(n: int) -> int:
    """An item for each order that routing keeps waiting for its address."""
    ids = orders.refused_as(guards.PENDING, limit=n)
    known = set(
        AddressReview.objects.filter(order_id__in=ids, kind=AddressReview.Kind.HOLD).values_list(
            "order_id", "version"
        )
    )
    made = [
        AddressReview(
            order_id=head.id, version=head.destination_version,
            promised_at=head.promised_ship_at or (head.paid_at or timezone.now()) + NO_PROMISE,
        )
        for head in orders.heads(ids).values()
        if (head.id, head.destination_version) not in known
    ]  # fmt: skip
    AddressReview.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def _claim(n: int) -> list[int]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_DUE, [n, f"{LEASE.total_seconds()} seconds"])
        return sorted(row[0] for row in cursor.fetchall())


def look_up(ids: Sequence[int]) -> None:
    """Ask about these items, then settle them in one transaction."""
    items = list(AddressReview.objects.filter(id__in=ids))
    refs = orders.receivers([item.order_id for item in items])
    threshold_of = finding.thresholds()
    parsed = {item.id: written(refs[item.order_id]) for item in items if item.order_id in refs}
    keys = {identity: deciding.key_of(one) for identity, one in parsed.items()}
    recalled = deciding.recall(list(keys.values()))
    looked: list[_Looked] = []
    remembered: list[tuple[AddressReview, Parsed]] = []
    gone: list[AddressReview] = []
    for item in items:
        one = parsed.get(item.id)
        if one is None:
            gone.append(item)
            continue
        item.key, item.city = keys[item.id], _city(one)
        if item.key in recalled:
            remembered.append((item, one))
            continue
        threshold = threshold_of(item.city)
        found = finding.find(one, threshold)
        looked.append(_Looked(item, one, found, finding.judged(found, one, threshold)))
    with transaction.atomic():
        locked = {item.id: item for item in deciding.lock([item.id for item in items])}
        results, sampled = _settle(looked, remembered, recalled, locked)
        AddressReview.objects.filter(id__in=[item.id for item in gone]).update(state=State.WITHDRAWN)
    deciding.reroute_after(results, {item.id: item.order_id for item in items}, CLOCK)
    for row, done in sampled:
        _sample(row, done)


def _settle(
    looked: list[_Looked],
    remembered: list[tuple[AddressReview, Parsed]],
    recalled: dict[str, dict[str, object]],
    locked: dict[int, AddressReview],
) -> tuple[dict[int, Done], list[tuple[_Looked, Done]]]:
    """Write what came of a batch; {item: Done} of the accepted, and those drawn for a blind check."""

    def ours(item: AddressReview) -> bool:
        """Nobody decided it, and nobody opened it, while we asked."""
        now = locked[item.id]
        open_now = now.lease_until is not None and now.lease_until > timezone.now()
        return now.state in (State.NEW, State.WAITING) and not open_now

    accepted: list[_Looked] = []
    waiting: list[_Looked] = []
    for row in looked:
        if ours(row.item):
            (accepted if row.verdict.code == "accept" else waiting).append(row)
    for row in looked:
        item, verdict = row.item, row.verdict
        item.verdict, item.reason, item.sure = verdict.code, verdict.reason, round(verdict.sure, 4)
        item.trouble = row.found.trouble[:200]
        item.sealed = deciding.sealed(row.parsed, row.found.candidates)
    results: dict[int, Done] = {}
    cases = [
        Case(r.item, r.parsed, r.found.candidates, deciding.of_candidate(r.found.candidates[0], 1))
        for r in accepted
    ]
    if cases:
        results = deciding.decide(cases, CLOCK, Way.AUTO)
    known = [(item, one) for item, one in remembered if ours(item)]
    if known:
        kept = [Case(item, one, [], deciding.remembered(recalled[item.key])) for item, one in known]
        for case in kept:
            case.item.sealed = deciding.sealed(case.parsed, [])
            case.item.verdict, case.item.reason = "accept", "clear_winner"
        results.update(deciding.decide(kept, CLOCK, Way.MEMORY))
    _wait(waiting)
    touched = [
        *(row.item for row in accepted),
        *(row.item for row in waiting),
        *(item for item, _one in known),
    ]
    names = ["state", "verdict", "reason", "sure", "city", "key", "sealed", "trouble", "next_try_at"]
    AddressReview.objects.bulk_update(touched, names)
    share = AddressPolicy.current().sample
    done = [(row, results[row.item.id]) for row in accepted if results[row.item.id].outcome == "done"]
    return results, [pair for pair in done if random.random() < share]


def _wait(rows: list[_Looked]) -> None:
    """Put before a person: the order is held, unless it has gone on without its address."""
    heads = orders.heads([row.item.order_id for row in rows])
    held: dict[int, str] = {}
    for row in rows:
        head = heads.get(row.item.order_id)
        if head is None or head.state not in destination.FREE or head.destination_version != row.item.version:
            row.item.state = (
                State.LET_GO if head is not None and head.state != "cancelled" else State.WITHDRAWN
            )
            continue
        row.item.state = State.WAITING
        row.item.next_try_at = timezone.now() + min(FIRST_WAIT * 2 ** min(row.item.attempts, 8), LONGEST_WAIT)
        held[head.id] = address_words.reason(row.verdict.reason)
    holds.open_holds(held, "address", held, CLOCK)


def _sample(row: _Looked, done: Done) -> None:
    """The same item again for somebody who does not know what was taken; the order does not wait for it."""
    item = row.item
    AddressReview.objects.get_or_create(
        order_id=item.order_id, version=done.version, kind=AddressReview.Kind.SAMPLE,
        defaults={
            "state": State.WAITING, "verdict": "confirm", "reason": "", "sure": item.sure, "city": item.city,
            "sealed": item.sealed, "promised_at": timezone.now() + dt.timedelta(days=3),
        },
    )  # fmt: skip


def tidy(*, n: int = 2000) -> None:
    """Items whose order went another way: changed, released by hand, cancelled, or too near to its promise."""
    waiting = list(
        AddressReview.objects.filter(state=State.WAITING, kind=AddressReview.Kind.HOLD).order_by("id")[:n]
    )
    if not waiting:
        return
    heads = orders.heads([item.order_id for item in waiting])
    held = orders.held_by([item.order_id for item in waiting], "address")
    near = timezone.now() + dt.timedelta(hours=AddressPolicy.current().let_go_hours)
    changed, gone, late = [], [], []
    for item in waiting:
        head = heads.get(item.order_id)
        if head is None or head.state == "cancelled" or item.order_id not in held:
            gone.append(item.id)
        elif head.destination_version != item.version:
            changed.append(item)
        elif item.verdict == AddressReview.Verdict.FAILED and item.promised_at < near:
            late.append(item.id)
    AddressReview.objects.filter(id__in=gone, state=State.WAITING).update(state=State.WITHDRAWN)
    for item in changed:
        AddressReview.objects.filter(id=item.id, state=State.WAITING, version=item.version).update(
            version=heads[item.order_id].destination_version,
            state=State.NEW,
            next_try_at=timezone.now(),
            attempts=0,
        )
    let_go(late)


def let_go(ids: Sequence[int]) -> int:
    """These are routed by their district after all, and it is written on the order."""
    with transaction.atomic():
        items = [i for i in deciding.lock(list(ids)) if i.state in (State.NEW, State.WAITING)]
        if not items:
            return 0
        AddressReview.objects.filter(id__in=[item.id for item in items]).update(state=State.LET_GO)
        going = [item.order_id for item in items if item.kind == AddressReview.Kind.HOLD]
        note = _("The address could not be looked up in time: routed by its district.")
        destination.go_on(going, CLOCK, event="address_let_go", note=note)
    return len(items)


def written(ref: orders.ReceiverRef) -> Parsed:
    """A plain receiver's whole text in parts, the regions of its columns in front."""
    names = dict.fromkeys((ref.province, ref.city, ref.district, ref.town))
    address = (ref.plain or {}).get("address", "")
    head = "".join(name for name in names if name and not address.startswith(name))
    return parse(address if address.startswith(ref.province) else f"{head}{address}")


def _city(parsed: Parsed) -> str:
    """The city's code, four digits and two zeros; a municipality's districts share one."""
    return f"{parsed.adcode[:4]}00" if parsed.adcode else ""
