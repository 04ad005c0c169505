"""The order's page: honest about what changed meanwhile, and only as far as one may."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from orderhub import crypto, modules
from orderhub.actors import CLOCK
from orderhub.lifecycle import apply
from orderhub.models import Message, Payload
from orders.admin import page
from orders.lifecycle import LIFECYCLE, OWN_FORM
from orders.models import Event, Hold, Order, OrderState, Receiver
from orders.operations import holds
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db
LIST = "/admin/orders/order/"


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    modules.forget()


@pytest.fixture
def chief(db: None) -> User:
    return User.objects.create_superuser("老板", password="x")


@pytest.fixture
def office(client: Client, chief: User) -> Client:
    """Signed in, may do everything."""
    client.force_login(chief)
    return client


def clerk(*permissions: str) -> Client:
    """Signed in with these permissions only."""
    made = User.objects.create_user(f"clerk{User.objects.count()}", password="x", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        made.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(made)
    return client


def address(order: Order, what: str = "change", *args: Any) -> str:
    name = "orders_order_change" if what == "change" else f"order_{what}"
    return reverse(f"admin:{name}", args=[order.pk, *args])


def token_of(response: Any) -> str:
    found = re.search(r'name="_seen" value="(\w+)"', response.content.decode())
    assert found, "the form carries what the person saw"
    return found[1]


def edit(order: Order, token: str, at: dt.datetime, tags: str = "") -> dict[str, str]:
    local = timezone.localtime(at)
    return {
        "_seen": token, "promised_ship_at_0": local.strftime("%Y-%m-%d"), "promised_ship_at_1": local.strftime("%H:%M:%S"),
        "tags": tags,
    }  # fmt: skip


def statements(client: Client, url: str = LIST) -> list[str]:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(url).status_code == 200
    # the switches of modules are read at most every two seconds, whoever asks
    return [query["sql"] for query in caught.captured_queries if "moduleswitch" not in query["sql"]]


# the page and its buttons


@pytest.mark.parametrize("state", [str(state) for state in OrderState])
def test_that_the_buttons_are_those_of_the_lifecycle_table(office, chief, state):
    made = cast.closed() if state == "closed" else cast.order(state)
    wanted = {
        touch.code for touch in LIFECYCLE.touches
        if state in touch.start and touch.permission and touch.code not in OWN_FORM
    }  # fmt: skip
    assert {button.code for button in page.buttons(made, chief)} == wanted
    shown = office.get(address(made)).content.decode()
    assert set(re.findall(rf"/order/{made.pk}/touch/(\w+)/", shown)) == wanted


def test_that_a_person_without_the_touchs_permission_has_no_button_and_no_way(db):
    made = cast.order("paid")
    reader = clerk("orders.view_order")
    assert "/touch/" not in reader.get(address(made)).content.decode()
    assert reader.post(address(made, "touch", "cancel"), {"reason": "x"}).status_code == 403
    made.refresh_from_db()
    assert made.state == "paid"


@pytest.mark.parametrize("what", [("touch", "cancel"), ("hold",), ("note",), ("reveal",), ("return",)])
def test_that_what_changes_something_is_post_only(office, what):
    made = cast.order("paid")
    before = Event.objects.count()
    assert office.get(address(made, *what)).status_code == 405
    made.refresh_from_db()
    assert (made.state, Event.objects.count()) == ("paid", before)


def test_that_a_post_without_the_sites_own_token_is_refused(chief):
    made = cast.order("paid")
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(chief)
    assert strict.post(address(made, "touch", "cancel"), {"reason": "x"}).status_code == 403
    made.refresh_from_db()
    assert made.state == "paid"


def test_that_cancelling_asks_for_a_reason_and_writes_it_down(office):
    made = cast.order("paid")
    office.post(address(made, "touch", "cancel"), {"reason": " "})
    made.refresh_from_db()
    assert made.state == "paid"
    office.post(address(made, "touch", "cancel"), {"reason": "买家不要了"})
    made.refresh_from_db()
    assert made.state == "cancelled"
    event = Event.objects.get(order=made, code="cancel")
    assert (event.data["reason"], event.actor_name) == ("买家不要了", "老板")


def test_that_a_button_pressed_too_late_says_so_and_changes_nothing(office):
    made = cast.order("paid")
    Order.objects.filter(pk=made.pk).update(state="shipped")
    answer = office.post(address(made, "touch", "cancel"), {"reason": "x"}, follow=True)
    assert "已发货" in answer.content.decode()
    made.refresh_from_db()
    assert made.state == "shipped"


def test_that_an_automatic_touch_is_nobodys_button(office):
    made = cast.order("claimed")
    assert office.post(address(made, "touch", "verify")).status_code == 404
    made.refresh_from_db()
    assert made.state == "claimed"


# stale forms


def test_that_a_stale_form_never_undoes_a_cancellation(office):
    made = cast.order("paid")
    token = token_of(office.get(address(made)))
    apply(LIFECYCLE, "cancel", [made.pk], actor=CLOCK, params={"reason": "买家取消"})
    answer = office.post(address(made), edit(made, token, timezone.now() + dt.timedelta(days=9), "急"))
    assert answer.status_code == 200
    assert "已被他人更改" in answer.content.decode()
    made.refresh_from_db()
    assert (made.state, made.promised_ship_at, made.tags) == ("cancelled", None, [])


def test_that_a_form_without_what_was_seen_is_refused(office):
    made = cast.order("paid")
    office.post(address(made), edit(made, "", timezone.now(), "急"))
    made.refresh_from_db()
    assert made.tags == []


def test_that_the_engines_claims_do_not_make_a_form_stale(office):
    made = cast.order("paid")
    token = token_of(office.get(address(made)))
    Order.objects.filter(pk=made.pk).update(
        attempts=1, lease_token=9, lease_until=timezone.now(), next_try_at=timezone.now()
    )
    office.post(address(made), edit(made, token, timezone.now(), "急, 送礼"))
    made.refresh_from_db()
    assert made.tags == ["急", "送礼"]


def test_that_a_form_writes_the_columns_that_were_changed_and_no_others(office):
    made = cast.order("paid", tags=["旧"], promised_ship_at=timezone.now().replace(microsecond=0))
    token = token_of(office.get(address(made)))
    with CaptureQueriesContext(connection) as caught:
        office.post(address(made), edit(made, token, made.promised_ship_at, "急"))
    written = [q["sql"] for q in caught.captured_queries if q["sql"].startswith('UPDATE "orders_order"')]
    assert len(written) == 1
    assert re.findall(r'"(\w+)" = ', written[0].split("WHERE")[0]) == ["tags"]
    assert Event.objects.get(order=made, code="edited").actor_name == "老板"


def test_that_an_order_that_has_ended_has_no_form_and_takes_none(office):
    made = cast.closed()
    shown = office.get(address(made))
    assert 'name="_seen"' not in shown.content.decode()
    office.post(address(made), edit(made, page_token(made), timezone.now(), "急"))
    made.refresh_from_db()
    assert made.tags == []


def page_token(order: Order) -> str:
    from orderhub.admin_site.base import seen

    return seen(order)


# holds


def test_that_releasing_one_of_two_holds_does_not_move_the_order(office):
    made = cast.order("paid")
    holds.open_holds([made.pk], "manual", "先等等", CLOCK)
    holds.open_holds([made.pk], "duplicate", "像是重复", CLOCK)
    first, second = Hold.objects.filter(order=made).order_by("id")
    office.post(address(made, "release", first.pk), {"note": "看过了"})
    made.refresh_from_db()
    assert (made.open_holds, made.state) == (1, "paid")
    assert Hold.objects.get(pk=first.pk).released_by == "老板"
    assert Hold.objects.get(pk=second.pk).released_at is None
    office.post(address(made, "release", second.pk), {"note": "不是重复"})
    made.refresh_from_db()
    assert made.open_holds == 0


def test_that_a_hold_is_not_released_without_a_reason_or_a_right_or_twice(office):
    made = cast.order("paid")
    holds.open_holds([made.pk], "manual", "先等等", CLOCK)
    hold = Hold.objects.get(order=made)
    office.post(address(made, "release", hold.pk), {"note": ""})
    assert (
        clerk("orders.view_order").post(address(made, "release", hold.pk), {"note": "x"}).status_code == 403
    )
    made.refresh_from_db()
    assert made.open_holds == 1
    for _twice in range(2):
        office.post(address(made, "release", hold.pk), {"note": "好了"})
    made.refresh_from_db()
    assert made.open_holds == 0
    assert Event.objects.filter(order=made, code="hold_released").count() == 1


def test_that_a_hold_of_another_order_is_not_released_from_this_page(office):
    mine, other = cast.order("paid"), cast.order("paid")
    holds.open_holds([other.pk], "manual", "先等等", CLOCK)
    hold = Hold.objects.get(order=other)
    assert office.post(address(mine, "release", hold.pk), {"note": "x"}).status_code == 404
    assert Hold.objects.get(pk=hold.pk).released_at is None


# the receiver


def with_plain(order: Order) -> Order:
    plain = {"name": "王小明", "phone": "13800001234", "address": "浙江省杭州市余杭区文一西路969号"}
    Receiver.objects.filter(order=order).update(plain_enc=crypto.encrypt(json.dumps(plain).encode()))
    return order


def test_that_a_receiver_is_shown_in_full_only_after_the_log_line(office):
    made = with_plain(cast.order("paid"))
    assert "13800001234" not in office.get(address(made)).content.decode()
    answer = office.post(address(made, "reveal"), {"reason": "买家要改电话"})
    assert "13800001234" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    event = Event.objects.get(order=made, code="revealed")
    assert (event.actor_name, event.data) == ("老板", {"reason": "买家要改电话"})


@pytest.mark.parametrize("reason", ["", "  "])
def test_that_no_receiver_is_shown_without_a_reason(office, reason):
    made = with_plain(cast.order("paid"))
    answer = office.post(address(made, "reveal"), {"reason": reason}, follow=True)
    assert "13800001234" not in answer.content.decode()
    assert not Event.objects.filter(code="revealed").exists()


def test_that_no_receiver_is_shown_without_the_right_or_beyond_the_days_quota(office, monkeypatch):
    from orders.admin import acts

    made = with_plain(cast.order("paid"))
    assert clerk("orders.view_order").post(address(made, "reveal"), {"reason": "x"}).status_code == 403
    monkeypatch.setattr(acts, "REVEALS_A_DAY", 1)
    assert office.post(address(made, "reveal"), {"reason": "一"}).status_code == 200
    assert office.post(address(made, "reveal"), {"reason": "二"}).status_code == 403
    assert Event.objects.filter(code="revealed").count() == 1


def test_that_a_masked_receiver_stays_masked(office):
    made = with_plain(cast.order("paid"))
    Receiver.objects.filter(order=made).update(visibility="masked")
    assert "/reveal/" not in office.get(address(made)).content.decode()
    answer = office.post(address(made, "reveal"), {"reason": "x"}, follow=True)
    assert "13800001234" not in answer.content.decode()


# what the page tells


def test_that_the_page_takes_the_same_statements_however_much_happened(office):
    made = cast.order("signed")
    statements(office, address(made))  # switches and live rules are remembered for seconds
    few = statements(office, address(made))
    for n in range(20):
        Event.objects.create(
            order=made,
            code="channel_changed",
            occurred_at=timezone.now(),
            actor_kind="platform",
            actor_name="taobao",
        )
        Message.objects.create(kind="sms.send", key=f"m{n}", subject_id=n, order_id=made.pk)
    assert len(statements(office, address(made))) == len(few)


def test_that_the_page_says_what_was_learned_late_and_by_whom(office):
    made = cast.order("shipped")
    then = timezone.now() - dt.timedelta(hours=5)
    Event.objects.create(
        order=made, code="sign", point=7, occurred_at=then, actor_kind="platform", actor_name="zto"
    )
    shown = office.get(address(made)).content.decode()
    assert "5 小时后得知" in shown
    assert "中通快递" in shown


def test_that_what_a_buyer_wrote_can_not_become_part_of_the_page(office):
    made = cast.order("paid", buyer_message="<script>alert(1)</script>")
    holds.open_holds([made.pk], "manual", "<img src=x onerror=alert(2)>", CLOCK)
    shown = office.get(address(made)).content.decode()
    assert "<script>alert(1)" not in shown
    assert "<img src=x" not in shown


def test_that_a_message_that_needs_a_person_is_the_next_step_and_has_its_retry(office):
    made = cast.order("printed")
    stuck = Message.objects.create(
        kind="channel.ship", key="p-1", subject_id=1, order_id=made.pk, state="needs_person", attempts=8,
        error_kind="business", error="交易已关闭",
    )  # fmt: skip
    shown = office.get(address(made)).content.decode()
    assert "需要你处理" in shown
    assert "交易已关闭" in shown
    office.post(reverse("admin:outbox_retry", args=[stuck.pk]), {"next": address(made)})
    stuck.refresh_from_db()
    assert (stuck.state, stuck.attempts) == ("unknown", 0)


def test_that_a_payload_set_aside_is_explained_and_retried_on_the_orders_own_page(office):
    made = cast.order("paid")
    payload = Payload.objects.create(
        connection=made.shop.connection, kind="order", external_id="C1", version="1", source="pull",
        raw_enc=crypto.encrypt(b"{}"), state="set_aside", reason="不认识的状态", order_id=made.pk,
    )  # fmt: skip
    assert "不认识的状态" in office.get(address(made)).content.decode()
    office.post(reverse("admin:payload_replay", args=[payload.pk]), {"next": address(made)})
    payload.refresh_from_db()
    assert payload.state == "new"


def test_that_an_order_that_does_not_exist_is_no_error_page(office):
    assert office.get("/admin/orders/order/987654/change/").status_code == 302


def test_that_what_a_rule_did_and_stock_of_an_unpaid_order_are_told_in_words() -> None:
    from orders.admin import sentences

    with translation.override("zh-hans"):
        acted = {"actions": ["bell", "prioritise", "ticket"], "why": "已过承诺发货时间"}
        assert (
            sentences.details("rule_acted", acted) == "已过承诺发货时间 · 已发站内通知、已提前处理、已开工单"
        )
        told = sentences.details(
            "hold_unpaid", {"until": "2026-11-27T23:36:00+08:00", "pieces": 5, "warehouse_id": 1}
        )
        assert told.startswith("5 件 · 至 ") and "warehouse_id" not in told
