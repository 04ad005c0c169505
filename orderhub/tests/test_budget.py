"""Budgets and breakers: what may leave, what is kept, what is learned from refusals, and that workers agree."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext

from orderhub.drills import workers
from orderhub.integrations import budget, http, turns
from orderhub.integrations.breaker import FAILURES, FIRST_WAIT, Line
from orderhub.integrations.budget import Book
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.importance import Importance, Pool, importance, spending
from orderhub.integrations.models import Breaker, Budget, Call, Connection
from orderhub.models import Message
from orderhub.outbox import sending, writing
from orderhub.outbox.sending import Answer
from orderhub.tests.test_clients_http import answering, says

NOON = 1_790_000_000.0
LIMITS = {"*": {"minute": 20}, "get": {"minute": 10}}
pytestmark = pytest.mark.django_db


class Clock:
    """Moves only when told."""

    def __init__(self) -> None:
        self.now = NOON

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(turns, "time", made)
    return made


class Platform:
    """A server that counts what reaches it and answers as told."""

    def __init__(self) -> None:
        self.seen = 0
        self.reply = says(b"{}")

    def __call__(self, wire: Any) -> None:
        self.seen += 1
        self.reply(wire)


@pytest.fixture
def platform() -> Iterator[tuple[Platform, str]]:
    made = Platform()
    with answering(made) as url:
        yield made, url


def account(url: str = "http://127.0.0.1:9", code: str = "one", **options: Any) -> Connection:
    return Connection.objects.create(
        platform="taobao", name=code, code=code, base_url=url, app_key="app", options=options
    )


def call(connection: Connection, method: str = "get", *, effect: bool = False) -> Any:
    return http.send(connection, method, http.Outgoing("GET", connection.base_url), effect=effect)


def allowed(book: Book, method: str, level: Importance, at: float = NOON, limits: Any = LIMITS) -> int:
    """How many more calls the book lets leave now."""
    n = 0
    while n < 100 and book.refusal(1, "app", method, limits, level, at) is None:
        book.spend(1, method, at)
        n += 1
    return n


def test_that_near_the_end_only_what_matters_most_is_called() -> None:
    book = Book()
    assert allowed(book, "get", Importance.REPORT) == 7
    assert allowed(book, "get", Importance.PULL) == 2
    assert allowed(book, "get", Importance.EFFECT) == 1
    spent = book.refusal(1, "app", "get", LIMITS, Importance.EFFECT, NOON)
    assert spent and spent.spent and 0 < spent.wait <= 60
    assert allowed(book, "put", Importance.EFFECT) == 10  # all calls of the connection together: 20


def test_that_a_new_minute_is_a_new_budget_and_a_day_ends_at_midnight_in_beijing() -> None:
    book = Book()
    assert allowed(book, "get", Importance.EFFECT) == 10
    assert allowed(book, "get", Importance.EFFECT, NOON + 60) == 10
    start, end = budget.window("day", NOON)
    assert end - start == 86400 and (start + 8 * 3600) % 86400 == 0 and start <= NOON < end


def test_that_half_the_fair_share_of_an_app_is_kept_for_its_other_shops() -> None:
    book, limits = Book(), {"app": {"minute": 100}}
    book.apps[2] = "app"
    assert allowed(book, "get", Importance.EFFECT, limits=limits) == 75
    other = [book.refusal(2, "app", "get", limits, Importance.EFFECT, NOON) for _ in range(1)]
    assert other == [None]


@pytest.mark.parametrize(
    "junk", [{"get": 5}, {"get": {"minute": "9"}}, {"get": {"minute": True}}, {"get": {"minute": -1}}]
)
def test_that_a_limit_that_is_no_number_limits_nothing(junk: dict[str, Any]) -> None:
    assert allowed(Book(), "get", Importance.REPORT, limits=junk) == 100


def test_that_a_limit_is_learned_from_a_refusal_and_not_from_a_ban_of_a_second() -> None:
    book = Book()
    for _ in range(40):
        book.spend(1, "get", NOON)
    book.learn(1, "get", "minute", 1.0, NOON)
    assert (
        book.refusal(1, "app", "get", {}, Importance.EFFECT, NOON)
        and not book.counts[1, "get", "minute"].learned
    )
    book.learn(1, "get", "minute", 60.0, NOON + 2)
    assert book.counts[1, "get", "minute"].learned == 39
    assert allowed(book, "get", Importance.PULL, NOON + 120, {}) == 35
    assert allowed(book, "get", Importance.PULL, NOON + 2 * 3600, {}) == 100  # believed for an hour


@pytest.mark.parametrize(
    ("platform", "code", "span"),
    [("wangdiantong", "http_429", "minute"), ("taobao", "7", "minute"), ("taobao", "70", None), ("zto", "S206", "minute"),
     ("taobao", "accesscontrol.limited-by-api-access-count", "minute"), ("amap", "10003", "day"),
     ("taobao", "accesscontrol.limited-by-app-access-count", "day"), ("aliyun_sms", "Throttling.User", "minute"),
     ("taobao", "isv.invalid", None), ("amap", "10001", None)],
)  # fmt: skip
def test_that_codes_for_too_many_calls_are_known(platform: str, code: str, span: str | None) -> None:
    assert budget.said_too_many(platform, code) == span


def test_that_calls_are_counted_in_one_row_a_window_and_a_refused_one_never_leaves(
    platform: tuple[Platform, str], clock: Clock
) -> None:
    server, url = platform
    shop = account(url, budgets={"get": {"minute": 3}})
    for _ in range(3):
        call(shop)
    with pytest.raises(Held) as held:
        call(shop)
    assert held.value.kind == "retry" and held.value.code == "quota_spent" and held.value.retry_after
    assert server.seen == 3 and Call.objects.count() == 3
    turns.sync(due=False)
    rows = {row.span: (row.used, row.held, row.app_key) for row in Budget.objects.all()}
    assert rows == {"minute": (3, 1, "app"), "day": (3, 0, "app")}
    clock.now += 60
    call(shop)
    turns.sync(due=False)
    assert {row.span: row.used for row in Budget.objects.all()} == {"minute": 1, "day": 4}


def test_that_pulls_stop_before_labels(platform: tuple[Platform, str], clock: Clock) -> None:
    shop = account(platform[1], budgets={"*": {"minute": 10}})
    with spending(Importance.PULL), pytest.raises(Held) as held:
        for _ in range(10):
            call(shop, "list")
    assert held.value.code == "quota_kept" and platform[0].seen == 9
    call(shop, "label")


def test_that_too_many_requests_silence_that_call_only_for_as_long_as_asked(
    platform: tuple[Platform, str], clock: Clock
) -> None:
    server, url = platform
    shop = account(url)
    server.reply = says(b"", 429, Retry_After="45")
    with pytest.raises(PlatformError, match="http_429"):
        call(shop)
    server.reply = says(b"{}")
    with pytest.raises(Held) as held:
        call(shop)
    assert held.value.retry_after == 45 and server.seen == 1
    call(shop, "other")
    clock.now += 46
    call(shop)
    turns.sync(due=False)
    assert not Breaker.objects.exists()


def test_that_a_breaker_opens_probes_with_one_call_and_closes(
    platform: tuple[Platform, str], clock: Clock
) -> None:
    server, url = platform
    shop, other = account(url), account(url, "two")
    server.reply = says(b"", 503)
    for _ in range(FAILURES):
        with pytest.raises(PlatformError, match="http_503"):
            call(shop, effect=True)
    with pytest.raises(Held) as held:
        call(shop, effect=True)
    assert held.value.kind == "retry" and held.value.code == "breaker_open"
    assert held.value.retry_after == FIRST_WAIT and server.seen == FAILURES
    turns.sync(due=False)
    assert Breaker.objects.get().times == 1 and "503" in Breaker.objects.get().reason
    with pytest.raises(PlatformError, match="http_503"):
        call(other)  # its own line
    clock.now += FIRST_WAIT + 1
    with pytest.raises(PlatformError, match="http_503"):
        call(shop)  # the probe
    with pytest.raises(Held) as longer:
        call(shop)
    assert longer.value.retry_after == 2 * FIRST_WAIT
    clock.now += 2 * FIRST_WAIT + 1
    server.reply = says(b"{}")
    call(shop)
    call(shop)
    turns.sync(due=False)
    assert Breaker.objects.get().times == 0 and Breaker.objects.get().open_until is None


def test_that_only_one_call_is_the_probe() -> None:
    line = Line()
    for _ in range(FAILURES):
        line.hear(PlatformError("retry", "timeout", "late"), NOON)
    assert line.wait(NOON) == FIRST_WAIT
    assert line.wait(NOON + 20) == 0 and line.wait(NOON + 21) > 0


def test_that_a_refusal_is_an_answer_and_opens_no_breaker() -> None:
    line = Line()
    for n in range(4 * FAILURES):
        line.hear(PlatformError("retry" if n % FAILURES else "business", "x", "no"), NOON)
    assert not line.times


def test_that_another_worker_learns_of_an_open_breaker_and_a_blocked_call(
    platform: tuple[Platform, str], clock: Clock
) -> None:
    shop = account(platform[1])
    platform[0].reply = says(b"", 503)
    for _ in range(FAILURES):
        with pytest.raises(PlatformError):
            call(shop)
    turns.sync(due=False)
    turns.forget()  # as a worker that has called nothing yet
    with pytest.raises(Held):
        call(shop)
    assert platform[0].seen == FAILURES


def test_that_threads_of_the_pool_know_how_much_their_work_matters() -> None:
    with spending(Importance.REPORT), Pool(2) as pool:
        assert set(pool.map(lambda _n: importance(), range(4))) == {Importance.REPORT}
    with spending(Importance.REPORT), spending(Importance.PULL):
        assert importance() == Importance.REPORT
    assert importance() == Importance.EFFECT


def test_that_counting_costs_no_statement_a_call(platform: tuple[Platform, str], clock: Clock) -> None:
    shop = account(platform[1])
    call(shop)
    with CaptureQueriesContext(
        database,
    ) as seen:
        for _ in range(10):
            call(shop)
    assert [q["sql"] for q in seen if "orderhub_budget" in q["sql"]] == []
    clock.now += turns.FRESH_SECONDS
    with CaptureQueriesContext(database) as seen:
        call(shop)
    assert sum("INSERT INTO orderhub_budget" in q["sql"] for q in seen) == 1


def test_that_a_try_that_was_kept_back_is_no_try(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    shop = account(budgets={"*": {"minute": 1}})
    writing.ask_once("channel.ship", "P1", connection_id=shop.id, subject_id=1)

    def send(messages: list[Message]) -> dict[int, Answer]:
        try:
            call(shop, effect=True)
        except PlatformError as error:  # as providers do: the error's own class is lost
            return {m.id: Answer("unknown", kind=error.kind, text=error.message) for m in messages}
        return {}

    monkeypatch.setattr(sending, "resolve", lambda name: send)
    turns.take(shop, "x")
    for _ in range(12):
        Message.objects.update(next_try_at=database_now())
        assert sending.drain("channel.ship") == 1
    message = Message.objects.get()
    assert message.state == "unknown" and message.attempts == 0 and message.lease_until is None
    assert message.next_try_at > database_now()


def database_now() -> Any:
    with database.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        return cursor.fetchone()[0]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_four_workers_together_stay_within_a_budget_but_for_a_second_of_calls(
    platform: tuple[Platform, str],
) -> None:
    shop = account(platform[1], budgets={"get": {"day": 150}})
    answers = workers.together(_call_until_held, [(shop.id,) for _ in range(4)], 120)
    assert all(isinstance(answer, int) for answer in answers), answers
    made = sum(answers)
    row = Budget.objects.get(span="day")
    assert row.used == made == platform[0].seen
    assert 150 <= made <= 150 + 4 * RATE * (turns.FRESH_SECONDS + 0.5)


RATE = 25


def _call_until_held(identity: int) -> int:
    shop = Connection.objects.get(id=identity)
    made, end = 0, time.monotonic() + 60
    while time.monotonic() < end:
        try:
            call(shop)
        except Held:
            break
        made += 1
        threading.Event().wait(1 / RATE)
    turns.finish()
    return made
