"""Answers to decision points: the live version decides, the last good one where it fails, defaults where that fails too.

What is live is read at most every two seconds a process, so a publication is felt everywhere within five. Equal
inputs of a batch are evaluated once. Nothing here raises for a bad document: orders go on, and one alert goes out.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from orderhub.lifecycle import Writer
from orderhub.rules import failing, registry, shaping
from orderhub.rules.compiled import Failed, Runnable
from orderhub.rules.documents import shipped
from orderhub.rules.points import Point

log = logging.getLogger(__name__)

#: A publication is live in every process within this many seconds.
FRESH_FOR = 2.0
TRACE_TABLE = "orderhub_trace"
TRACE_COLUMNS = ("order_id", "point", "version_id", "at", "answer", "row", "note")

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Head:
    """What decides at a point: ids of versions; None means the policy as it ships, not yet in the database."""

    rule_set: int | None
    policy: str
    live: int | None
    good: int | None
    shadow: int | None


@dataclass(slots=True)
class Decided:
    """`answers` are typed and complete, one an input, in order (equal inputs share one). `failed`: `good` or defaults helped."""

    point: str
    answers: list[Answer]
    version: int | None
    policy: str
    failed: bool = False
    #: by id() of an answer: the version that gave it, and the input it saw
    said: dict[int, tuple[int | None, Answer]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluation for trying: an answer, or what went wrong."""

    answer: Answer | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A table's row that matched: node, its name, the row's own id, its place (0 is the first), its cells by heading."""

    node: str
    name: str
    row: str
    index: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """Rows that matched, in the order of evaluation, with the answer they led to."""

    rows: list[Row]
    answer: Answer | None
    error: str = ""


_heads: tuple[float, dict[str, Head]] | None = None
_runnables: dict[int, Runnable] = {}
_shipped: dict[tuple[str, str], Runnable] = {}


def decide(point: str, inputs: Sequence[Mapping[str, Any]]) -> Decided:
    """The answers of what is live now to a batch of inputs; constant SQL (none while what is live is known)."""
    spec, head = registry.point(point), head_of(point)
    live = _runnable(spec, head.policy, head.live)
    decided = Decided(point, [], head.live, head.policy)
    if not inputs:
        return decided
    fallback: _Fallback | None = None
    shape = [(code, shaping.into(spec.input_of[code])) for code in sorted(live.uses)] if live else []
    known: dict[Any, Answer] = {}
    complete, run = shaping.complete, live.run if live else None
    for given in inputs:
        context = {code: convert(given.get(code)) for code, convert in shape}
        key: Any = tuple(context.values())
        try:
            answer = known.get(key)
        except TypeError:  # a list among the inputs
            key = repr(key)
            answer = known.get(key)
        if answer is None:
            try:
                if run is None:
                    raise Failed("the live version is not there")
                answer = complete(spec, run(context))
                version = head.live
            except (Failed, shaping.Outside) as error:
                if fallback is None:
                    fallback = _Fallback(spec, head, str(error))
                answer, version = fallback.answer(given)
            decided.said[id(answer)] = (version, context)
            known[key] = answer
        decided.answers.append(answer)
    if fallback is not None:
        decided.failed = True
        failing.alert_later(spec, head.rule_set, head.live, fallback.reason)
    return decided


class _Fallback:
    """What decides the inputs on which the live version failed."""

    def __init__(self, spec: Point, head: Head, reason: str) -> None:
        self.spec, self.head, self.reason = spec, head, reason
        self.good = _runnable(spec, head.policy, head.good) if head.good != head.live else None
        log.error("rules of %s: version %s failed: %s", spec.code, head.live, reason)

    def answer(self, given: Mapping[str, Any]) -> tuple[Answer, int | None]:
        if self.good is not None:
            try:
                return shaping.complete(self.spec, self.good.run(_context(self.good, given))), self.head.good
            except (Failed, shaping.Outside) as error:
                log.error("rules of %s: version %s failed too: %s", self.spec.code, self.head.good, error)
        return shaping.defaults(self.spec), None


def head_of(point: str) -> Head:
    """What decides at the point, as of at most two seconds ago."""
    global _heads
    if _heads is None or time.monotonic() - _heads[0] > FRESH_FOR:
        at = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT point, id, code, live_id, good_id, shadow_id FROM orderhub_ruleset WHERE in_use"
            )
            _heads = (at, {row[0]: Head(*row[1:]) for row in cursor.fetchall()})
    found = _heads[1].get(point)
    if found is None:
        return Head(None, registry.point(point).policies[0].code, None, None, None)
    return found


def uses(point: str) -> frozenset[str]:
    """The inputs that what decides now may read: facts that nobody asks for need not be gathered."""
    head, spec = head_of(point), registry.point(point)
    versions = {head.live, *filter(None, (head.good, head.shadow))}
    every = (_runnable(spec, head.policy, version) for version in versions)
    return frozenset().union(*(each.uses for each in every if each is not None))


def _runnable(spec: Point, policy: str, version: int | None) -> Runnable | None:
    """A version's document, compiled; without a version the policy as it ships; None where there is none."""
    if version is None:
        known = _shipped.get((spec.code, policy))
        if known is None and policy in spec.policy_of:
            document = shipped(spec.policy_of[policy].document)
            known = _shipped[spec.code, policy] = Runnable(spec, document)
        return known
    found = _runnables.get(version)
    if found is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT document, state FROM orderhub_version WHERE id = %s", [version])
            row = cursor.fetchone()
        if row is None:
            return None
        found = Runnable(spec, loaded(row[0]))
        if row[1] not in ("draft", "checked"):  # those may change yet
            if len(_runnables) > 500:
                _runnables.clear()
            _runnables[version] = found
    return found


def loaded(document: Any) -> Any:
    """A jsonb column as read by a bare cursor (Django leaves it as text)."""
    return json.loads(document) if isinstance(document, str) else document


def _context(runnable: Runnable, given: Mapping[str, Any]) -> Answer:
    fields = runnable.point.input_of
    return {code: shaping.into(fields[code])(given.get(code)) for code in runnable.uses}


def runnable_of(point: str, source: Any) -> Runnable | None:
    """A document or the id of a version, ready to run. None where there is no such version."""
    spec = registry.point(point)
    return Runnable(spec, source) if isinstance(source, dict) else _runnable(spec, "", int(source))


def evaluate(point: str, source: Any, inputs: Sequence[Mapping[str, Any]]) -> list[Result]:
    """What a document (or version id) answers, error by error; never touches what is live."""
    runnable = runnable_of(point, source)
    if runnable is None:
        return [Result(None, "there is no such version") for _ in inputs]
    made = []
    for given in inputs:
        try:
            made.append(Result(shaping.complete(runnable.point, runnable.run(_context(runnable, given)))))
        except (Failed, shaping.Outside) as error:
            made.append(Result(None, str(error)))
    return made


def matched(point: str, source: Any, given: Mapping[str, Any]) -> Match:
    """One traced evaluation of a document, or of a version by id (None: the shipped policy in use)."""
    if source is None:
        runnable = _runnable(registry.point(point), head_of(point).policy, None)
    else:
        runnable = runnable_of(point, source)
    if runnable is None:
        return Match([], None, "there is no such version")
    context = _context(runnable, given)
    try:
        rows = _rows(runnable.traced(context))
        return Match(rows, shaping.complete(runnable.point, runnable.run(context)))
    except (Failed, shaping.Outside) as error:
        return Match([], None, str(error))


def _rows(trace: dict[str, Any]) -> list[Row]:
    found = []
    for node_id, node in sorted(trace.items(), key=lambda item: item[1].get("order", 0)):
        data = node.get("traceData")
        for hit in data if isinstance(data, list) else [data]:
            if isinstance(hit, dict) and isinstance(hit.get("rule"), dict):
                cells = {str(head): str(cell) for head, cell in hit["rule"].items() if head != "_id"}
                row = str(hit["rule"].get("_id", ""))
                found.append(Row(node_id, str(node.get("name", "")), row, int(hit.get("index", 0)), cells))
    return found


def leave_trace(
    writer: Writer, point: str, row_id: int, decided: Decided, answer: Answer, note: str = ""
) -> None:
    """Keep why this order was decided so (only where something changed); goes with the batch's one COPY.

    `answer` is the very object out of `decided.answers`.
    """
    version, context = decided.said[id(answer)]
    match = matched(point, version, context)
    rows = [{"node": r.node, "name": r.name, "row": r.row, "index": r.index} for r in match.rows]
    values = (row_id, point, version, writer.now, answer, rows, note[:300])
    writer.copy(TRACE_TABLE, TRACE_COLUMNS, values)


def forget_heads() -> None:
    """Read again what is live (after a publication here); documents that can't change are kept."""
    global _heads
    _heads = None


def as_shipped() -> None:
    """Decide by the policies as they ship and ask the database of nothing, until something is forgotten (for tests)."""
    global _heads
    forget()
    _heads = (math.inf, {})


def forget() -> None:
    """Drop everything remembered (a publication here, a test, a forked worker)."""
    global _heads
    _heads = None
    _runnables.clear()
    _shipped.clear()
