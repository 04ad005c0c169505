"""Which statements each test sends to PostgreSQL, and the cheapest tests that together send those once more.

Decision: all tests run on the embedded server. On another version only those run again that can tell the two apart: every
test of races, and for every statement a test that sends it. A statement is its text without literals and without the
lengths of its lists; a command that a test starts counts as one, as it has a connection of its own. Whatever is not
Django's own plain SQL (raw statements, COPY, locks, ON CONFLICT, JSON, windows, …) is sent unless it costs a second and
more (of 1,154 that left 29 out and halved the time); what Django writes by itself from columns, joins and comparisons
only where a test sends `WORTH` new ones a second. So nobody keeps
a list: a new statement is in it with the next run, and a test that the record does not know is run.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import re
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

#: {test id: [seconds, [statements]]}.
Record = dict[str, list[Any]]
#: So many plain statements that no other test sends make a second of a test worth it.
WORTH = 2.0
#: And so many special ones.
SPECIAL_WORTH = 1.0
#: Seconds that a test costs at least.
LEAST = 0.05
#: Begins the name of a statement that is more than Django's plain SQL.
SPECIAL = "!"
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_NUMBER = re.compile(r"\b\d+(?:\.\d+)?\b")
_LIST = re.compile(r"\((?:%s|'\?'|0)(?:, ?(?:%s|'\?'|0|NULL|DEFAULT))*\)")
_LISTS = re.compile(r"\(%s\)(?:, ?\(%s\))+")
_SAVEPOINTS = ("SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT")
_QUOTED = re.compile(r'"[^"]*"')
#: What Django writes for plain questions; any other call, and these words and signs, are more than that.
_PLAIN = "COUNT|COALESCE|SUM|MAX|MIN|UPPER|LOWER|IN|AND|OR|NOT|EXISTS|WHERE|VALUES|ON|THEN|AS|FROM|WHEN|INTO|ELSE|CASE"
_MORE = re.compile(
    r"->|#>|@>|<@|&&|\|\||~|::(?!text)|\b(?:WITH|OVER|LATERAL|CONFLICT|FOR|MERGE|COPY|EXPLAIN|LOCK|ARRAY|ANY|ALL|FILTER|"
    rf"INTERVAL|COLLATE|DISTINCT ON|UNION|INTERSECT|EXCEPT|WINDOW)\b|^SET\b|\b(?!(?:{_PLAIN})\b)[a-z_]\w* ?\(",
    re.IGNORECASE,
)
_COMPILER = "django/db/models/sql/compiler.py"


def shape(text: str, raw: bool) -> str:
    """A short name of the statement, the same for all values; "" for what every transaction has.

    `raw`: it was not written by Django's compiler.
    """
    if text.startswith(_SAVEPOINTS):
        return ""
    bare = _LISTS.sub("(%s)", _LIST.sub("(%s)", _NUMBER.sub("0", _LITERAL.sub("'?'", text))))
    bare = " ".join(bare.split())
    name = hashlib.blake2s(bare.encode("utf-8", "replace"), digest_size=6).hexdigest()
    return (SPECIAL if raw or _MORE.search(_QUOTED.sub('""', bare)) else "") + name


def covering(tests: Record, certain: Iterable[str]) -> set[str]:
    """Ids of tests to run beside the `certain` ones, so that together they send what `tests` send; see above for how much."""
    left: set[str] = {name for _seconds, sent in tests.values() for name in sent}
    for test in certain:
        left.difference_update(tests.get(test, [0, []])[1])
    special = {name for name in left if name.startswith(SPECIAL)}
    chosen = _cheapest(tests, special, SPECIAL_WORTH)
    for test in chosen:
        left.difference_update(tests[test][1])
    return chosen | _cheapest(tests, left, WORTH)


def _cheapest(tests: Record, wanted: set[str], worth: float) -> set[str]:
    """Tests that send what is wanted, those with the most of it a second first, down to `worth` a second."""

    def value(test: str) -> float:
        return len(left.intersection(tests[test][1])) / max(tests[test][0], LEAST)

    left, chosen = set(wanted), set[str]()
    heap = [(-value(test), test) for test in tests]
    heapq.heapify(heap)
    while left and heap:
        known, test = heapq.heappop(heap)
        now = value(test)  # never more than it was
        if not now or now < worth:
            continue
        if now < -known:
            heapq.heappush(heap, (-now, test))
            continue
        chosen.add(test)
        left.difference_update(tests[test][1])
    return chosen


class Recorder:
    """What the tests of this process send, by test."""

    def __init__(self) -> None:
        self.tests: Record = {}
        self._names: dict[str, str] = {}
        self._sent: set[str] = set()
        self._began = 0.0

    def begin(self) -> None:
        self._sent, self._began = set(), time.perf_counter()

    def end(self, test: str) -> None:
        self.tests[test] = [round(time.perf_counter() - self._began, 3), sorted(self._sent)]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What is sent, and the time that it takes, is not of the test."""
        began, kept = time.perf_counter(), set(self._sent)
        yield
        self._sent = kept
        self._began += time.perf_counter() - began

    def sent(self, query: Any) -> None:
        text = query if isinstance(query, str) else _text(query)
        name = self._names.get(text)
        if name is None:
            if len(self._names) > 50_000:
                self._names.clear()
            name = self._names[text] = shape(text, raw=not _compiled())
        if name:
            self._sent.add(name)

    def install(self) -> None:
        """From now on every cursor of this process tells what it sends, and every command of the product that is started."""
        import psycopg

        for method in ("execute", "executemany", "copy"):
            setattr(psycopg.Cursor, method, self._telling(getattr(psycopg.Cursor, method)))
        sys.addaudithook(self._heard)

    def _telling(self, method: Any) -> Any:
        def told(cursor: Any, query: Any, *args: Any, **kwargs: Any) -> Any:
            self.sent(query)
            return method(cursor, query, *args, **kwargs)

        return told

    def _heard(self, event: str, arguments: tuple[Any, ...]) -> None:
        said = " ".join(map(str, arguments[1])) if event == "subprocess.Popen" else ""
        if "manage.py" in said and "manage.py sandbox" not in said:  # the sandbox has no PostgreSQL
            self.sent("command " + re.sub(r"/\S+/", "/", said))


def _text(query: Any) -> str:
    if isinstance(query, bytes):
        return query.decode("utf-8", "replace")
    return str(query.as_string(None))


def _compiled() -> bool:
    """Whether the statement that is being sent was written by Django's compiler."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename.endswith(_COMPILER):
            return True
        frame = frame.f_back
    return False


class Recording:
    """The plugin behind --statements: each process of the tests records, the first one writes."""

    def __init__(self, path: Path, spread: bool) -> None:
        self.path, self.recorder, self.tests = path, Recorder(), dict[str, list[Any]]()
        if not spread:
            self.recorder.install()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Any:
        self.recorder.begin()
        try:
            return (yield)
        finally:
            self.recorder.end(item.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Any:
        if fixturedef.argname != "django_db_setup":
            return (yield)
        with self.recorder.aside():  # every run makes the database
            return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["statements"] = self.recorder.tests

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        self.tests |= getattr(node, "workeroutput", {}).get("statements", {})

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        if not hasattr(config, "workeroutput"):
            self.path.write_text(json.dumps(self.tests or self.recorder.tests))


class Covering:
    """The plugin behind --covering: of what was asked for, that stays which tells versions of the server apart."""

    def __init__(self, path: Path) -> None:
        self.record: Record = json.loads(path.read_text())

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        here = {item.nodeid: self.record[item.nodeid] for item in items if item.nodeid in self.record}
        certain = {
            item.nodeid for item in items if item.get_closest_marker("race") or item.nodeid not in here
        }
        kept = certain | covering(here, certain)
        config.hook.pytest_deselected(items=[item for item in items if item.nodeid not in kept])
        items[:] = [item for item in items if item.nodeid in kept]
