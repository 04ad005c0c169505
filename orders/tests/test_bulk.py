"""Acting on many orders from the list: by filter, in batches, once, each with its reason, and nobody else's."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from orderhub.actors import CLOCK
from orderhub.admin_site import bulk
from orderhub.jobs import running
from orderhub.jobs.models import Job, JobRow
from orderhub.models import Bell
from orderhub.roles import sync_roles
from orders.models import Event, Hold, Order
from orders.operations import holds
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def begin(user: User, act: str, query: str = "", picked: tuple[int, ...] = (), **values: str) -> Job:
    return bulk.begin(Order, act, query, picked, values, user)


def work(job: Job) -> Job:
    running.run_due()
    job.refresh_from_db()
    return job


def claimed(job: Job) -> Job:
    """The job as a worker has it that is about to make a step."""
    Job.objects.filter(pk=job.pk).update(state=Job.State.RUNNING)
    return Job.objects.get(pk=job.pk)


def test_that_what_matches_is_held_and_the_rest_is_not(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    paid = [cast.order("paid") for _n in range(7)]
    cast.order("shipped")
    holds.open_holds([paid[2].pk], "manual", "before", CLOCK)
    job = work(begin(boss, "hold", "state__exact=paid", why="查一查"))
    assert (job.state, job.done, job.total, job.result) == ("done", 7, 7, {"done": 6, "same": 1})
    assert set(Hold.objects.filter(released_at=None).values_list("order_id", flat=True)) == {
        o.pk for o in paid
    }
    assert job.rows.get(record=paid[2].pk).why == "订单已被人工拦截。"
    assert Event.objects.filter(code="hold_opened", actor_name="boss", actor_kind="person").count() == 6
    bell = Bell.objects.get(user=boss)
    assert bell.template == "bulk_ready" and bell.params[0]["done"] == 6


def test_that_an_act_that_empties_its_own_filter_reaches_all_of_it(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    held = [cast.order("paid") for _n in range(5)]
    holds.open_holds([order.pk for order in held], "manual", "look", CLOCK)
    job = work(begin(boss, "release_hold", "queue=held", type="manual", why="没事"))
    assert job.result == {"done": 5} and not Hold.objects.filter(released_at=None).exists()


def test_that_a_killed_worker_does_nothing_twice(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 3)
    made = [cast.order("paid") for _n in range(7)]
    job = begin(boss, "tag", tag="加急")
    for _death in range(2):  # the batch is committed, its worker dies before the job is written
        assert not bulk.step(claimed(job))
    Job.objects.filter(pk=job.pk).update(state="running", lease_until=None)
    job = work(job)
    assert job.result == {"done": 7} and job.rows.count() == 7
    assert all(order.tags == ["加急"] for order in Order.objects.all())
    assert Event.objects.filter(code="edited").count() == len(made), "one line on each timeline"


def test_that_a_worker_killed_within_a_batch_leaves_nothing_of_it(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    cast.order("paid")
    job = begin(boss, "hold", why="x")

    def die(*_given: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "_write", die)
        with pytest.raises(KeyboardInterrupt):
            bulk.step(claimed(job))
    assert not Hold.objects.exists() and not JobRow.objects.exists()
    assert work(job).result == {"done": 1}


def test_that_a_clerk_of_another_shop_does_nothing(client: Client) -> None:
    sync_roles()
    own, other = cast.shop("own", "own_shop"), cast.shop("second", "own_shop")
    mine, theirs = cast.order("paid", shop=own), cast.order("paid", shop=other)
    clerk = person("customer_service", shops=(own.code,))
    assert work(begin(clerk, "hold", why="x")).result == {"done": 1}
    assert set(Hold.objects.values_list("order_id", flat=True)) == {mine.pk}
    for query, picked in (
        (f"shop__id__exact={other.pk}", ()),
        ("", (theirs.pk,)),
        (f"q={theirs.number}", ()),
    ):
        with pytest.raises(bulk.NotAllowed):
            begin(clerk, "hold", query, picked, why="x")
    client.force_login(clerk)
    shown = client.get(reverse("admin:orders_order_bulk"), {"pick": [mine.pk, theirs.pk]}).content.decode()
    assert "已选 1" in shown


def test_that_who_is_narrowed_meanwhile_goes_no_further_not_even_by_a_retry(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bulk, "BATCH", 1)
    sync_roles()
    own, other = cast.shop("own", "own_shop"), cast.shop("second", "own_shop")
    cast.order("shipped", shop=other)
    cast.order("paid", shop=other)
    cast.order("paid", shop=own)
    clerk = person("customer_service")
    job = begin(clerk, "cancel", why="x")
    assert not bulk.step(claimed(job))
    from orderhub.scope import Scope

    Scope.objects.create(user=clerk, shops=[own.code])
    Job.objects.filter(pk=job.pk).update(state="new", lease_until=None)
    assert work(job).result == {"refused": 1, "done": 1}
    assert bulk.retry(job) and work(job).result == {"refused": 1, "done": 1}
    assert job.rows.get(kind="refused").retry == 0, "it was not tried again"


def test_that_a_right_that_is_taken_away_stops_the_work(boss: User) -> None:
    cast.order("paid")
    job = begin(boss, "hold", why="x")
    User.objects.filter(pk=boss.pk).update(is_superuser=False)
    job = work(job)
    assert job.state == "failed" and not Hold.objects.exists()
    with pytest.raises(bulk.NotAllowed):
        begin(User.objects.get(pk=boss.pk), "hold", why="x")


def test_that_the_refused_are_tried_again_and_only_they(boss: User) -> None:
    going, gone = cast.order("paid"), cast.order("shipped")
    job = work(begin(boss, "cancel", why="客户不要了"))
    assert job.result == {"done": 1, "refused": 1}
    assert "已发货" in job.rows.get(record=gone.pk).why
    before = Event.objects.filter(order=going).count()
    Order.objects.filter(pk=gone.pk).update(state="paid")
    assert bulk.retry(job) and work(job).result == {"done": 2}
    assert Event.objects.filter(order=going).count() == before
    assert Order.objects.get(pk=gone.pk).state == "cancelled"
    assert not bulk.retry(job), "nothing was refused"


def test_that_one_record_that_breaks_the_batch_stands_alone(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [cast.order("paid") for _n in range(5)]
    real = holds.open_holds

    def breaks(ids: Any, *given: Any) -> Any:
        held = real(ids, *given)
        if made[3].pk in ids:
            raise RuntimeError("broken")
        return held

    monkeypatch.setattr(holds, "open_holds", breaks)
    job = work(begin(boss, "hold", why="x"))
    assert job.result == {"done": 4, "refused": 1}
    assert job.rows.get(kind="refused").record == made[3].pk
    assert Hold.objects.count() == 4


def test_that_stopped_work_stays_stopped_and_goes_on(boss: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "BATCH", 2)
    for _n in range(5):
        cast.order("paid")
    job = begin(boss, "hold", why="x")
    bulk.step(claimed(job))
    assert running.cancel(job.pk)
    stale = Job.objects.get(pk=job.pk)
    assert not bulk.step(stale) and Hold.objects.count() == 2, (
        "a worker that had it already does nothing more"
    )
    assert running.go_on(job.pk) and work(job).result == {"done": 5}


def test_that_priority_tags_and_routing_are_acts_with_reasons(boss: User) -> None:
    order, ended = cast.order("paid", tags=["a", "b"]), cast.order("cancelled")
    assert work(begin(boss, "priority", priority="3")).result == {"done": 1, "refused": 1}
    assert work(begin(boss, "priority", priority="3")).result == {"same": 1, "refused": 1}
    assert work(begin(boss, "untag", picked=(order.pk,), tag="a")).result == {"done": 1}
    order.refresh_from_db()
    assert (order.priority, order.tags) == (3, ["b"])
    assert work(begin(boss, "reroute", why="x")).result == {"refused": 2}
    assert JobRow.objects.filter(record=ended.pk, why__contains="已取消").count() == 2
    for values in ({"priority": "10"}, {"priority": "-1"}, {"priority": ""}, {"priority": "๓x"}):
        with pytest.raises(bulk.NotAllowed):
            begin(boss, "priority", **values)
    with pytest.raises(bulk.NotAllowed):
        begin(boss, "release_hold", type="nonsense", why="x")


def test_that_a_batch_is_as_many_statements_for_forty_orders_as_for_two(boss: User) -> None:
    counts = []
    for number in (2, 40):
        picked = tuple(cast.order("paid").pk for _n in range(number))
        for act, values in (("hold", {"why": "x"}), ("tag", {"tag": "t"}), ("cancel", {"why": "x"})):
            job = claimed(begin(boss, act, picked=picked, **values))
            with CaptureQueriesContext(connection) as caught:
                bulk.step(job)
            counts.append((act, len([q for q in caught.captured_queries if "moduleswitch" not in q["sql"]])))
    assert counts[:3] == counts[3:], json.dumps(counts)


def test_that_a_clerk_acts_from_the_list_watches_and_stops(boss: User, client: Client) -> None:
    order = cast.order("paid")
    client.force_login(boss)
    page = client.get(reverse("admin:orders_order_changelist") + "?state__exact=paid").content.decode()
    assert f'name="pick" value="{order.pk}"' in page and 'value="state__exact=paid"' in page
    address = reverse("admin:orders_order_bulk")
    shown = client.get(address, {"query": "state__exact=paid", "all": "1"}).content.decode()
    assert "符合条件的全部 1" in shown and "状态: 已付款" in shown
    refused = client.post(address, {"query": "", "act": "hold", "why": ""}, follow=True).content.decode()
    assert not Job.objects.exists() and "请先填写" in refused
    client.post(address, {"query": "state__exact=paid", "act": "hold", "why": "看看"})
    job = Job.objects.get(kind="bulk")
    client.post(reverse("admin:bulk_do", args=[job.pk, "stop"]))
    assert work(job).state == "cancelled"
    client.post(reverse("admin:bulk_do", args=[job.pk, "go-on"]))
    assert work(job).result == {"done": 1}
    for name in ("bulk_job", "bulk_part"):
        shown = client.get(reverse(f"admin:{name}", args=[job.pk])).content.decode()
        assert order.number in shown and "看看" in shown
    assert "看看" in client.get(reverse("admin:bulk_jobs")).content.decode()
    assert client.post(reverse("admin:bulk_do", args=[job.pk, "explode"])).status_code == 404
    client.force_login(User.objects.create_superuser("another"))
    for name in ("bulk_job", "bulk_part"):
        assert client.get(reverse(f"admin:{name}", args=[job.pk])).status_code == 404
    assert client.post(reverse("admin:bulk_do", args=[job.pk, "retry"])).status_code == 404


def test_that_who_may_only_look_has_no_boxes(client: Client) -> None:
    from django.contrib.auth.models import Permission

    looker = User.objects.create_user("looker", is_staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_order"))
    client.force_login(looker)
    cast.order("paid")
    assert 'name="pick"' not in client.get(reverse("admin:orders_order_changelist")).content.decode()
    assert client.get(reverse("admin:orders_order_bulk")).status_code == 403
