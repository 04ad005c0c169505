"""Rules while orders run: felt by every process, helped where they fail, and the shops' own figures as they were."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from orderhub.drills import workers
from orderhub.models import Message, Recipient, RuleSet, Ticket, Trace, Version
from orderhub.rules import engine, failing, publishing, registry, retention, seeding
from orderhub.rules.documents import table
from orderhub.sweeping import sweep
from orderhub.testing.connections import connection as account
from orders.admin import filters
from orders.lifecycle import LIFECYCLE
from orders.models import Hold, Order, Shop
from orders.operations import figures
from orders.tests.conftest import own_order, trade
from orders.tests.test_intake import take


@pytest.fixture
def boss(db: None) -> Iterator[User]:
    seeding.seed()
    engine.forget()
    failing.forget()
    yield User.objects.create_superuser("boss")
    engine.forget()
    failing.forget()


def publish(boss: User, point: str, document: dict[str, Any]) -> Version:
    code = registry.point(point).policies[0].code
    made = publishing.publish(publishing.new_draft(point, code, boss, document=document).id, boss)
    engine.forget_heads()
    return made


def past_checking(boss: User, point: str, document: dict[str, Any]) -> Version:
    """A version that is live although checking would have refused it: a fault of ours."""
    owner = RuleSet.objects.get(point=point, in_use=True)
    draft = publishing.new_draft(point, owner.code, boss, document=document)
    Version.objects.filter(id=draft.id).update(state="live")
    RuleSet.objects.filter(id=owner.id).update(good=owner.live_id, live=draft.id)
    engine.forget_heads()
    return draft


def hours(count: int) -> dict[str, Any]:
    return table("t", [], [("hours", "H"), ("amber_minutes", "A")], [("all", (), (str(count), "60"))])


@pytest.mark.django_db
def test_that_a_version_failing_in_mid_batch_stops_no_order(
    taobao: Shop, boss: User, django_capture_on_commit_callbacks: Any
) -> None:
    Recipient.objects.create(role="operations", connection=account("dingtalk", "http://127.0.0.1:1"))
    rows = [
        ("odd", ("50.00",), ("-7",)),
        ("rest", ("",), ("1",)),
    ]  # a risk below nought, only for orders of 50 yuan
    bad = past_checking(boss, "payment", table("t", [("amount", "A")], [("risk", "R")], rows))
    bodies = [trade(str(5000 + n)) for n in range(9)]
    bodies[4] = trade("5004", payment="50.00")
    for n in (0, 1, 2, 3, 5, 6, 7, 8):
        bodies[n]["payment"] = "47.00"
        bodies[n]["orders"]["order"][0]["divide_order_fee"] = "19.50"
    take(taobao, *bodies)
    with django_capture_on_commit_callbacks(execute=True):
        sweep(LIFECYCLE, "claimed", ("verify",))
        take(taobao, trade("6000"))
        sweep(LIFECYCLE, "claimed", ("verify",))
    assert set(Order.objects.values_list("state", flat=True)) == {"paid"} and Order.objects.count() == 10
    assert not Hold.objects.exists()
    assert Ticket.objects.filter(cause_key=f"rules:{bad.id}").count() == 1
    assert Message.objects.filter(kind="notice.send", data__template="rule_failing").count() == 1


@pytest.mark.django_db
def test_that_checking_would_have_refused_it(boss: User) -> None:
    rows = [("odd", ("50.00",), ("-7",)), ("rest", ("",), ("1",))]
    document = table("t", [("amount", "A")], [("risk", "R")], rows)
    with pytest.raises(publishing.NotReady, match="0"):
        publish(boss, "payment", document)


def _listens(wanted: float) -> list[tuple[float, float]]:
    """(when, promised hours) as a process of its own sees it, until it sees the wanted ones."""
    seen: list[tuple[float, float]] = []
    end = time.time() + 60
    while time.time() < end and (not seen or seen[-1][1] != wanted):
        answer = engine.decide("promise", [{"shop_hours": 48}]).answers[0]
        seen.append((time.time(), answer["hours"]))
        time.sleep(0.05)
    return seen


def _publishes(version: int, user: int) -> float:
    time.sleep(1.5)
    publishing.publish(version, User.objects.get(id=user))
    return time.time()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_a_publication_is_felt_by_other_processes_within_five_seconds(boss: User) -> None:
    draft = publishing.new_draft("promise", "own", boss, document=hours(7))
    engine.decide("promise", [{}])  # what is forked has it cached
    jobs = [lambda: _listens(7), lambda: _listens(7), lambda: _publishes(draft.id, boss.id)]
    first, second, published = workers.together(lambda job: jobs[job](), [(0,), (1,), (2,)])
    for seen in (first, second):
        assert seen[0][1] == 48 and seen[-1][1] == 7
        felt = next(at for at, hours_ in seen if hours_ == 7)
        assert felt - published < 5


@pytest.mark.django_db
def test_that_the_promise_is_the_shops_own_until_a_rule_says_otherwise(taobao: Shop, boss: User) -> None:
    Shop.objects.update(promise_hours=30)
    take(taobao, trade("1001"))
    first = Order.objects.get(channel_number="1001")
    assert first.promised_ship_at - first.paid_at == dt.timedelta(hours=30)  # type: ignore[operator]
    rows = [("own", ("'own_shop'",), ("shop_hours", "30")), ("rest", ("",), ("12", "90"))]
    publish(boss, "promise", table("t", [("channel", "C")], [("hours", "H"), ("amber_minutes", "A")], rows))
    take(taobao, trade("1002"))
    second = Order.objects.get(channel_number="1002")
    assert second.promised_ship_at - second.paid_at == dt.timedelta(hours=12)  # type: ignore[operator]
    assert figures.amber() == {taobao.id: dt.timedelta(minutes=90)}


@pytest.mark.django_db
def test_that_amber_is_what_the_rule_says_of_each_shop(taobao: Shop, own_shop: Shop, boss: User) -> None:
    take(taobao, trade("1001"))
    take(own_shop, own_order("OS1"))
    Order.objects.update(state="paid", promised_ship_at=timezone.now() + dt.timedelta(hours=3))
    assert Order.objects.filter(filters.soon()).count() == 2
    rows = [("own", ("'own_shop'",), ("shop_hours", "30")), ("rest", ("",), ("shop_hours", "240"))]
    publish(boss, "promise", table("t", [("channel", "C")], [("hours", "H"), ("amber_minutes", "A")], rows))
    assert list(Order.objects.filter(filters.soon()).values_list("channel_number", flat=True)) == ["1001"]


@pytest.mark.django_db
def test_that_the_duplicate_window_is_a_rules_to_say(own_shop: Shop, boss: User) -> None:
    take(own_shop, own_order("OS1"), own_order("OS2"))
    assert Hold.objects.filter(type="duplicate").count() == 1
    publish(
        boss,
        "duplicates",
        table("t", [], [("minutes", "M"), ("mode", "D")], [("all", (), ("shop_minutes", "'off'"))]),
    )
    take(own_shop, own_order("OS3"))
    assert Hold.objects.filter(type="duplicate").count() == 1


@pytest.mark.django_db
def test_that_merging_is_a_rules_to_say(taobao: Shop, boss: User) -> None:
    now = figures.together()
    assert now.modes == {taobao.id: "suggest"} and now.waits == {}
    publish(boss, "merge", table("t", [], [("minutes", "M"), ("mode", "D")], [("all", (), ("15", "'auto'"))]))
    now = figures.together()
    assert (
        now.modes == {taobao.id: "auto"} and now.waits == {taobao.id: 15} and now.of(["auto"]) == [taobao.id]
    )


@pytest.mark.django_db
def test_that_shipped_policies_are_sound_and_say_what_the_shops_say(boss: User) -> None:
    from orderhub.rules import checking

    for point in registry.points():
        for version in Version.objects.filter(rule_set__point=point.code):
            assert checking.check(point.code, version.document) == [], version.rule_set
    for mode in Shop.DuplicateMode.values:
        answer = engine.decide("duplicates", [{"shop_minutes": 17, "shop_mode": mode}]).answers[0]
        assert answer == {"minutes": 17, "mode": mode}
    for mode in Shop.MergeMode.values:
        assert engine.decide("merge", [{"shop_minutes": 3, "shop_mode": mode}]).answers[0]["mode"] == mode


@pytest.mark.django_db
def test_that_old_traces_go_a_bounded_number_at_a_time(boss: User) -> None:
    old = timezone.now() - dt.timedelta(days=200)
    Trace.objects.bulk_create(
        [Trace(order_id=n, point="payment", at=old if n % 2 else timezone.now()) for n in range(50)]
    )
    assert retention.prune(batch=7, most=7) == 7
    assert retention.prune(batch=7) == 18
    assert Trace.objects.count() == 25 and not Trace.objects.filter(at__lte=old).exists()
