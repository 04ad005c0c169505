"""The only code that moves a state: touches as data, and an engine whose primitive is the batch.

A touch moves a batch of records in one transaction. `sweep` claims records by state, in a short committed
transaction that raises their attempt count and takes a lease; the working transaction locks everything
once, asks the guards, calls each operation once with the batch, and flushes states, events, holds and
messages with one statement a table. `apply` is the same path for named records: a button, an answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, make_dataclass
from functools import cached_property
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from orderhub import modules
from orderhub.actors import CLOCK, Actor
from orderhub.collecting import no_collecting
from orderhub.copying import copy_rows, update_rows
from orderhub.dotted import resolve

LEASE = dt.timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Touch:
    """One row of a lifecycle table. `by`, `guards` and `locks` are dotted names of functions.

    `by(live, writer)` acts on the whole batch; `guard(live) -> {id: Refusal}`; `locks(batch)` takes row locks
    before the first touch, in the order of LOCK_ORDER. `point` is the touchpoint C1–C11 it makes.
    `end=None` leaves the state. `when` is a constant SQL condition that narrows the claim.
    """

    code: str
    label: Any
    start: tuple[str, ...]
    end: str | None
    by: str
    guards: tuple[str, ...] = ()
    locks: tuple[str, ...] = ()
    point: int | None = None
    auto: bool = False
    target: dt.timedelta | None = None
    permission: str = ""
    module: str = ""
    when: str = ""
    danger: bool = False


#: Row locks are taken in this order everywhere; a `locks` function names its place by its attribute `rank`.
LOCK_ORDER = ("records", "capacity", "stock")


class Overtaken(Exception):
    """Another worker was quicker than a `late` batch: it is done again with its locks taken first."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a record did not move: a code for counting, words for a clerk, and when to try again."""

    code: str
    text: str
    retry_in: dt.timedelta = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Lifecycle:
    """A table of touches over one database table, with the narrow columns that its operations read."""

    name: str
    table: str
    columns: tuple[str, ...]
    touches: tuple[Touch, ...]
    on_move: str = ""
    set_aside: str = ""

    @cached_property
    def by_code(self) -> dict[str, Touch]:
        return {touch.code: touch for touch in self.touches}

    @cached_property
    def row(self) -> type:
        names = ["id", "state", *self.columns]
        return make_dataclass(f"{self.name.title()}Row", [(name, Any) for name in names], slots=True)

    def from_state(self, state: str) -> list[Touch]:
        """The touches that a record in `state` may make."""
        return [touch for touch in self.touches if state in touch.start]


class Batch:
    """The records of one transaction, as narrow rows, with what the locks brought (`context`)."""

    def __init__(self, lifecycle: Lifecycle, actor: Actor, params: dict[str, Any] | None = None) -> None:
        self.lifecycle = lifecycle
        self.actor = actor
        self.params = params or {}
        #: Counters that everybody wants may be read without a lock now and locked when they are written, where what
        #: writes them refuses what is no longer true (a constraint, or Overtaken). See decisions/0007.
        self.late = False
        self.now = timezone.now()
        self.rows: dict[int, Any] = {}
        self.context: dict[str, Any] = {}

    def lock(self, ids: Sequence[int], token: int | None) -> None:
        """Lock the records by id and read their narrow columns; those no longer ours are left out."""
        names = ", ".join(f'"{name}"' for name in ("id", "state", *self.lifecycle.columns))
        sql = f'SELECT {names} FROM "{self.lifecycle.table}" WHERE id = ANY(%s)'
        params: list[Any] = [list(ids)]
        if token is not None:
            sql += " AND lease_token = %s AND open_holds = 0"
            params.append(token)
        with connection.cursor() as cursor:
            cursor.execute(sql + " ORDER BY id FOR UPDATE", params)
            make = self.lifecycle.row
            self.rows = {values[0]: make(*values) for values in cursor.fetchall()}


class Writer:
    """What a batch will write, held in memory until `flush`: states, columns, rows, set-based updates."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.now = batch.now
        self.actor = batch.actor
        self.context = batch.context
        self.params = batch.params
        self.refused: dict[int, Refusal] = {}
        self.moved: dict[int, list[str]] = {}
        self.changed: set[int] = set()  # records whose state is another one than before
        self.at: dict[int, dt.datetime] = {}
        self.updates: dict[int, dict[str, Any]] = {}
        self.copies: dict[tuple[str, tuple[str, ...]], list[Sequence[Any]]] = {}
        self.last: list[tuple[int, Callable[[], None]]] = []
        self.wake: set[str] = set()

    def refuse(self, refusals: dict[int, Refusal]) -> None:
        """These records stay where they are, each with its reason and next try."""
        self.refused.update(refusals)

    def set(self, row: Any, **columns: Any) -> None:
        """Columns of the record to write at the flush (named columns only, never a whole record)."""
        self.updates.setdefault(row.id, {}).update(columns)
        for name, value in columns.items():
            if name in self.batch.lifecycle.columns:
                setattr(row, name, value)

    def occurred(self, row: Any, at: dt.datetime | None) -> None:
        """When it really happened (the platform's time), where that is not now."""
        if at is not None:
            self.at[row.id] = at

    def copy(self, table: str, columns: tuple[str, ...], row: Sequence[Any]) -> None:
        """One row to append to `table` at the flush; rows of the same table and columns go in one COPY."""
        self.copies.setdefault((table, columns), []).append(row)

    def finish(self, step: Callable[[], None], rank: str = "records") -> None:
        """A set-based statement to run at the flush, after the copies; those of a later rank of LOCK_ORDER last."""
        self.last.append((LOCK_ORDER.index(rank), step))

    def flush(self) -> None:
        """Write everything: one UPDATE of the records, one COPY a table, then the set-based steps."""
        table = self.batch.lifecycle.table
        rows: dict[int, dict[str, Any]] = {}
        for identity, row in self.batch.rows.items():
            values = self.updates.get(identity, {})
            refusal = self.refused.get(identity)
            if refusal is not None:
                values = {**values, "refusal": refusal.code, "next_try_at": self.now + refusal.retry_in}
            elif identity in self.moved:
                values = {**values, "refusal": "", "next_try_at": values.get("next_try_at", self.now)}
            if identity in self.changed:
                values = {**values, "state": row.state, "state_since": self.at.get(identity, self.now)}
            if identity in self.moved or values or "lease" in self.context:
                rows[identity] = values
        fixed = "attempts = 0, lease_until = NULL, lease_token = NULL"
        update_rows(table, "id", rows, fixed=fixed)
        for (name, columns), lines in self.copies.items():
            copy_rows(name, columns, lines)
        for _rank, step in sorted(self.last, key=lambda entry: entry[0]):
            step()


@dataclass(slots=True)
class Outcome:
    """What a batch came to: codes of the touches made per record, refusals, and records set aside."""

    moved: dict[int, list[str]] = field(default_factory=dict)
    refused: dict[int, Refusal] = field(default_factory=dict)
    set_aside: dict[int, str] = field(default_factory=dict)
    wake: set[str] = field(default_factory=set)

    def add(self, other: Outcome) -> None:
        self.moved.update(other.moved)
        self.refused.update(other.refused)
        self.set_aside.update(other.set_aside)
        self.wake |= other.wake


@no_collecting()
def run_touches(batch: Batch, touches: Iterable[Touch]) -> Outcome:
    """Run consecutive touches on locked records inside the open transaction, then flush once.

    A record that a touch refuses stops there; the others go on. Touches of a module that is off are left out.
    """
    chosen = [touch for touch in touches if not touch.module or modules.enabled(touch.module)]
    names = {name for touch in chosen for name in touch.locks}
    for lock in sorted((resolve(name) for name in names), key=lambda f: LOCK_ORDER.index(f.rank)):  # type: ignore[attr-defined]
        lock(batch)
    writer = Writer(batch)
    announce = resolve(batch.lifecycle.on_move) if batch.lifecycle.on_move else None
    for touch in chosen:
        live = [
            row for row in batch.rows.values() if row.id not in writer.refused and row.state in touch.start
        ]
        for name in touch.guards:
            if live:
                writer.refuse(resolve(name)(live))
                live = [row for row in live if row.id not in writer.refused]
        if not live:
            continue
        resolve(touch.by)(live, writer)
        for row in live:
            if row.id in writer.refused:
                continue
            if touch.end is not None and row.state != touch.end:
                row.state = touch.end
                writer.changed.add(row.id)
            writer.moved.setdefault(row.id, []).append(touch.code)
            if announce is not None:
                announce(touch, row, writer)
    writer.flush()
    return Outcome(writer.moved, writer.refused, {}, writer.wake)


def apply(
    lifecycle: Lifecycle,
    code: str,
    ids: Sequence[int],
    *,
    actor: Actor,
    params: dict[str, Any] | None = None,
    occurred: dict[int, dt.datetime] | None = None,
) -> Outcome:
    """Make one named touch on named records in one transaction; a wrong state is a refusal, not an error.

    `params` reaches the operation as `writer.params`; `occurred` gives each record's own time of happening.
    """
    touch = lifecycle.by_code[code]
    if touch.module and not modules.enabled(touch.module):
        off = Refusal("module_off", f"module {touch.module} is switched off")
        return Outcome(refused=dict.fromkeys(ids, off))
    with transaction.atomic():
        batch = Batch(lifecycle, actor, params)
        batch.lock(ids, None)
        wrong = {
            row.id: Refusal("wrong_state", f"{code} needs {'/'.join(touch.start)}, the record is {row.state}")
            for row in batch.rows.values()
            if row.state not in touch.start
        }
        missing = {
            identity: Refusal("missing", "no such record") for identity in ids if identity not in batch.rows
        }
        for identity in wrong:
            del batch.rows[identity]
        batch.context["occurred"] = occurred or {}
        outcome = run_touches(batch, [touch])
    outcome.refused.update({**wrong, **missing})
    return outcome


__all__ = [
    "CLOCK",
    "LEASE",
    "LOCK_ORDER",
    "Batch",
    "Lifecycle",
    "Outcome",
    "Overtaken",
    "Refusal",
    "Touch",
    "Writer",
    "apply",
    "run_touches",
]
