"""Mail, the bell, quiet hours, staff's own words, and the path that an unanswered ticket goes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from orderhub.models import Bell, Message, Note, Recipient, Step, Ticket, Wording
from orderhub.notifications import asking, bells, escalating, templates
from orderhub.notifications.asking import Notice, notify, notify_many
from orderhub.outbox import sending
from orderhub.sandbox.tests.served import Served, served
from orderhub.testing.connections import connection

pytestmark = pytest.mark.django_db
SHANGHAI = dt.timezone(dt.timedelta(hours=8))


@pytest.fixture(scope="module")
def world() -> Iterator[Served]:
    with served("email", "feishu", orders=60) as made:
        yield made


@pytest.fixture
def box(world: Served) -> Iterator[Served]:
    world.control("reset")
    world.control("faults", clear=True)
    yield world
    world.control("faults", clear=True)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    templates.forget()
    yield
    templates.forget()


def tell(n: int, **more: Any) -> int:
    return notify(
        "service_lead", "needs_person", f"order:{n}", {"number": f"OH{n}", "reason": "拆单失败"}, **more
    )


def go() -> None:
    Message.objects.update(next_try_at=timezone.now())
    sending.drain("notice.send")
    sending.drain("notice.bell")


def mailed(box: Served, **more: Any) -> Recipient:
    account = connection("email", box.url)
    return Recipient.objects.create(
        role="service_lead", connection=account, email="lead@sandbox.example", **more
    )


def staff(*names: str, role: str = "service_lead") -> list[User]:
    group, _made = Group.objects.get_or_create(name=role)
    made = [User.objects.create_user(name) for name in names]
    group.user_set.add(*made)
    return made


def test_that_a_mail_arrives_once_with_all_that_came_together(box: Served) -> None:
    mailed(box)
    for n in range(5):
        tell(n)
    go()
    go()
    (mail,) = box.effects("mail.taken")
    assert mail["body"]["to"] == ["lead@sandbox.example"] and mail["body"]["subject"].endswith("(5)")
    assert all(f"OH{n}：" in mail["body"]["text"] for n in range(5))
    assert set(Message.objects.values_list("state", flat=True)) == {"done"}


def test_that_a_mail_speaks_the_recipients_language(box: Served) -> None:
    mailed(box, language="en")
    tell(1)
    go()
    assert "Orders that need a person" in box.effects("mail.taken")[0]["body"]["subject"]


@pytest.mark.parametrize(
    ("fault", "state", "mails"),
    [("500_before", "new", 0), ("deny", "needs_person", 0), ("lost_answer", "unknown", 1)],
)
def test_that_trouble_at_the_mail_server_sends_nothing_twice(
    box: Served, fault: str, state: str, mails: int
) -> None:
    mailed(box)
    box.control("faults", kind=fault, platform="email", method="DATA", times=1)
    tell(1)
    go()
    assert Message.objects.get().state == state and len(box.effects("mail.taken")) == mails
    go()
    go()
    message = Message.objects.get()
    assert len(box.effects("mail.taken")) == (0 if state == "needs_person" else 1)
    assert message.state == {"new": "done"}.get(state, "needs_person")


def test_that_a_wrong_password_is_a_setting_to_be_corrected(box: Served) -> None:
    person = mailed(box)
    person.connection.set_secrets({"app_secret": "wrong"})
    person.connection.save()
    tell(1)
    go()
    assert Message.objects.get().error_kind == "configuration" and not box.effects("mail.taken")


def test_that_everybody_of_a_role_has_it_at_the_bell_and_unread_ones_are_one(box: Served) -> None:
    anna, ben = staff("anna", "ben")
    staff("carl", role="finance")
    for n in range(30):
        tell(n)
        tell(n)
    go()
    assert (bells.unread(anna.id), bells.unread(ben.id), Bell.objects.count()) == (1, 1, 2)
    shown = bells.newest(anna.id)[0]
    assert len(shown.lines) == 20 and shown.more == 10
    with translation.override("en"):
        assert bells.newest(anna.id)[0].title == "Orders that need a person"
    assert bells.read(anna.id) == 1 and bells.unread(anna.id) == 0 and bells.unread(ben.id) == 1
    tell(99)
    go()
    assert (bells.unread(anna.id), bells.newest(ben.id)[0].more) == (1, 11)


def test_that_two_hundred_notices_take_as_many_statements_as_two(box: Served) -> None:
    staff("anna", "ben")
    mailed(box)
    counts = []
    for first, n in ((0, 2), (1000, 200)):
        notices = [Notice(f"w:{first + i}", {"number": str(i), "reason": "x"}) for i in range(n)]
        templates.wording("watch")  # remembered for seconds
        with CaptureQueriesContext(database) as caught:
            assert notify_many("service_lead", "watch", notices) == 3 * n
        counts.append(len(caught))
    assert counts[0] == counts[1]
    go()
    assert len(box.effects("mail.taken")) == 1 and Bell.objects.count() == 2


@pytest.mark.parametrize(
    ("hour", "due"),
    [(21, None), (22, (6, 8)), (23, (6, 8)), (7, (5, 8)), (8, None), (12, None)],
)
def test_that_quiet_hours_over_midnight_end_in_the_morning(hour: int, due: tuple[int, int] | None) -> None:
    person = Recipient(quiet_from=dt.time(22), quiet_to=dt.time(8))
    until = person.quiet_until(dt.datetime(2026, 3, 5, hour, tzinfo=SHANGHAI))
    assert until == (dt.datetime(2026, 3, *due, tzinfo=SHANGHAI) if due else None)


def test_that_what_is_urgent_passes_quiet_hours_and_the_rest_waits(
    box: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailed(box, quiet_from=dt.time(22), quiet_to=dt.time(8))
    night = timezone.localtime().replace(hour=23, minute=0) + dt.timedelta(days=1)
    monkeypatch.setattr(asking.timezone, "now", lambda: night)
    tell(1)
    tell(2)
    tell(3, urgent=True)
    due = dict(Message.objects.values_list("data__params__number", "next_try_at"))
    morning = (night + dt.timedelta(days=1)).replace(hour=8, second=0, microsecond=0)
    assert due["OH1"] == due["OH2"] == morning
    assert due["OH3"] < night + dt.timedelta(minutes=2) and due["OH3"] < morning


def test_that_staffs_words_are_used_and_wrong_placeholders_refused(box: Served) -> None:
    mailed(box)
    own = Wording.objects.get(template="needs_person")
    own.title_zh, own.line_zh, own.window_seconds = "请看单", "%(number)s 的原因：%(reason)s，完成 100%", 5
    own.full_clean()
    own.save()
    templates.forget()
    tell(1)
    assert Message.objects.get().next_try_at < timezone.now() + dt.timedelta(seconds=6)
    go()
    text = box.effects("mail.taken")[0]["body"]["text"]
    assert "请看单" in text and "OH1 的原因：拆单失败，完成 100%" in text
    for words in ("%(phone)s", "%(number", "%(number)d"):
        with pytest.raises(ValidationError) as refused:
            Wording(template="needs_person", line_zh=words).full_clean()
        assert "line_zh" in refused.value.message_dict


def ticket(n: int, minutes: int, **columns: Any) -> Ticket:
    made = Ticket.objects.create(kind="watch", cause_key=f"c{n}", title=f"第 {n} 张", **columns)
    Ticket.objects.filter(id=made.id).update(created_at=timezone.now() - dt.timedelta(minutes=minutes))
    return made


def test_that_an_unanswered_ticket_goes_up_each_step_once(box: Served) -> None:
    Step.objects.create(place=10, minutes=30, role="service_lead")
    Step.objects.create(place=20, minutes=120, role="director")
    (lead,), (head,) = staff("lead"), staff("head", role="director")
    fresh, late, answered = ticket(1, 10), ticket(2, 45), ticket(3, 500, first_response_at=timezone.now())
    assert [escalating.escalate() for _ in range(3)] == [1, 0, 0]
    go()
    assert (bells.unread(lead.id), bells.unread(head.id)) == (1, 0)
    Ticket.objects.filter(id=late.id).update(created_at=timezone.now() - dt.timedelta(minutes=121))
    assert [escalating.escalate() for _ in range(3)] == [1, 0, 0]
    go()
    assert bells.unread(head.id) == 1
    assert list(Note.objects.values_list("ticket_id", flat=True)) == [late.id, late.id]
    assert not {fresh.id, answered.id} & set(Note.objects.values_list("ticket_id", flat=True))


def test_that_a_kind_with_a_path_of_its_own_goes_only_that(box: Served) -> None:
    Step.objects.create(place=1, minutes=1, role="service_lead")
    Step.objects.create(kind="watch", place=1, minutes=60, role="director")
    ticket(1, 30)
    assert escalating.escalate() == 0


def test_that_the_bell_counts_and_is_read_by_its_owner_alone(box: Served, client: Any) -> None:
    anna, ben = staff("anna", "ben")
    User.objects.filter(id__in=[anna.id, ben.id]).update(is_staff=True)
    tell(1)
    go()
    client.force_login(anna)
    page = client.get("/admin/bells/").content.decode()
    assert "OH1：拆单失败" in page and "oh-unread" in page
    other = Bell.objects.get(user=ben)
    client.post("/admin/bells/read/", {"notice": other.id})
    assert bells.unread(ben.id) == 1
    client.post("/admin/bells/read/")
    assert (bells.unread(anna.id), bells.unread(ben.id)) == (0, 1)


def test_that_staff_see_their_words_before_they_save_them(admin_client: Any) -> None:
    assert Wording.objects.count() == len(
        templates.TEMPLATES
    )  # made by the migration: looking writes nothing
    assert admin_client.get("/admin/orderhub/wording/").status_code == 200
    own = Wording.objects.get(template="watch")
    page = admin_client.get(f"/admin/orderhub/wording/{own.id}/change/").content.decode()
    assert "%(number)s" in page and "【等待过久的订单】" in page and "【Orders that wait too long】" in page
    words = {
        "template": "watch",
        "title_zh": "快看",
        "line_zh": "%(number)s",
        "title_en": "",
        "line_en": "%(who)s",
    }
    shown = admin_client.post("/admin/wording/preview/", words).content.decode()
    assert "【快看】" in shown and "· OH2606010001" in shown and "没有占位符“who”" in shown
    assert Wording.objects.get(template="watch").title_zh == ""


def test_that_the_log_says_who_was_told_what_and_how_it_went(box: Served, admin_client: Any) -> None:
    staff("anna")
    mailed(box)
    box.control("faults", kind="deny", platform="email", method="DATA", times=1)
    tell(1)
    go()
    page = admin_client.get("/admin/orderhub/told/").content.decode()
    assert "anna" in page and "客服主管" in page and "mail server refuses" not in page
    assert str(templates.TEMPLATES["needs_person"].label) in page and "邮件服务器拒绝该邮件" in page
    message = Message.objects.get(kind="notice.send")
    assert f"../message/{message.id}/change/" in page
