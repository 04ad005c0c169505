"""Complaints: masked before they are kept, counted by word, week and channel, drafted into a rule, measured afterwards."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from orderhub import crypto
from orderhub.models import Connection, Ticket
from orderhub.roles import sync_roles
from orderhub.rules import engine, publishing, seeding
from orderhub.rules.checking import check
from orderhub.rules.models import Version
from orderhub.scope import Scope
from orders.complaints import BadRow, masked, row_of, suggestions
from orders.models import Complaint, ComplaintFile, ComplaintWord, Order
from orders.operations import complaining, watching
from orders.tests import aftersale_cast as cast
from orders.tests.api_cast import person

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def words(db: None) -> dict[str, ComplaintWord]:
    complaining.seed_words()
    return {word.word: word for word in ComplaintWord.objects.all()}


@pytest.fixture
def live(db: None) -> None:
    seeding.seed()
    engine.forget()


def said(
    text: str, n: int = 1, ago: dt.timedelta = DAY, shop: str = "own", channel: str = "own_shop"
) -> None:
    owner, at = cast.shop(shop, channel), timezone.now() - ago
    first = Complaint.objects.count()
    Complaint.objects.bulk_create(
        Complaint(shop=owner, external_id=f"e{first + i}", text=text, said_at=at) for i in range(n)
    )


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("我的电话13812345678，还没发货", ["13812345678"]),
        ("打138-1234-5678没人接", ["1234-5678"]),
        ("收货人：王小明，地址错了", ["王小明"]),
        ("我叫李雷，一直没物流", ["李雷"]),
        ("张先生说少件", ["张先"]),
        ("发到文一西路969号3栋201，错了", ["969号", "3栋201"]),
        ("加微信：abc_12345 退款", ["abc_12345"]),
        ("邮箱 a.b@qq.com 运单 75512345678901", ["a.b@qq.com", "75512345678901"]),
    ],
)
def test_that_personal_data_is_taken_out_and_the_complaint_stays(text: str, gone: list[str]) -> None:
    shown = masked(text)
    assert not any(part in shown for part in gone), shown
    assert any(word in shown for word in ("发货", "错了", "没物流", "少件", "退款", "没人接", "运单")), shown


def test_that_the_receivers_own_name_is_taken_out_where_the_order_is_known() -> None:
    order = cast.order("shipped")
    plain = {"name": "欧阳娜娜", "phone": "13800000000", "address": "x"}
    order.receiver.plain_enc = crypto.encrypt(json.dumps(plain, ensure_ascii=False).encode())
    order.receiver.save(update_fields=["plain_enc"])
    given = {
        "id": "1",
        "shop": "own",
        "order": order.number,
        "text": "欧阳娜娜的货没发货",
        "said_at": "2026-06-01",
    }
    assert complaining.take([row_of(given, ["own"])]) == 1
    kept = Complaint.objects.get()
    assert kept.order_id == order.id and "欧阳娜娜" not in kept.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"shop": "nowhere"}, "nowhere"),
        ({"text": " "}, ""),
        ({"said_at": "昨天"}, "昨天"),
        ({"said_at": "2099-01-01"}, "2099"),
        ({"rating": "6"}, "6"),
    ],
)
def test_that_a_bad_row_is_refused_in_words(changes: dict[str, str], words: str) -> None:
    with pytest.raises(BadRow, match=words):
        row_of({"shop": "own", "text": "没发货", "said_at": "2026-06-01 12:00", **changes}, ["own"])


def test_that_words_are_counted_by_week_and_channel_with_their_synonyms(
    words: dict[str, ComplaintWord],
) -> None:
    said("一周了还没发货，没发货", 3)
    said("迟迟不发", 2, 10 * DAY, "tb", "taobao")
    said("没发货", 4, 100 * DAY)
    said("100%满意", 1)
    found = {count.word.word: count for count in complaining.counts(timezone.now())}
    ship = found["没发货"]
    assert (ship.total, ship.recent, ship.weeks[-2], ship.trend) == (5, 3, 2, 5)
    assert ship.channels == {"own_shop": 3, "taobao": 2}
    only = {c.word.word: c.total for c in complaining.counts(timezone.now(), channel="taobao")}
    assert only["没发货"] == 2
    percent = ComplaintWord.objects.create(word="100%")
    assert complaining.counts(timezone.now(), words=[percent])[0].total == 1


def test_that_frequent_wordings_outside_the_list_are_suggested() -> None:
    texts = ["包装太差劲", "这个包装太差", "包装太差了退货", "没发货", "没发货啊", "没发货吗"]
    found = suggestions(texts, ["没发货"])
    assert [each.text for each in found] == ["包装太差"] and found[0].n == 3


def test_that_a_word_becomes_a_draft_that_can_be_published_and_acts(
    live: None, words: dict[str, ComplaintWord], client: Client
) -> None:
    boss = User.objects.create_superuser("boss")
    client.force_login(boss)
    for word in words.values():
        answer = client.post(f"/admin/rules/complaints/{word.id}/draft/")
        word.refresh_from_db()
        draft = Version.objects.get(id=word.version_id or 0)
        assert answer["Location"].endswith(f"/rules/version/{draft.id}/table/")
        assert draft.state == "draft" and check("watch", draft.document) == []
        row = draft.document["nodes"][1]["content"]["rules"][0]
        assert row["_id"] == f"word_{word.id}"
    assert client.get(answer["Location"]).status_code == 200
    trace = words["一直没物流"]
    publishing.publish(trace.version_id or 0, boss)
    engine.forget()
    now = timezone.now()
    order = cast.order("shipped", state_since=now - 2 * DAY, shipped_at=now - 2 * DAY)
    watching.watch()
    order.refresh_from_db()
    assert order.tags == ["一直没物流"] and Ticket.objects.get().role == "service_lead"


def test_that_the_effect_is_a_rate_with_an_honest_hint(live: None, words: dict[str, ComplaintWord]) -> None:
    now, word = timezone.now(), words["没发货"]
    assert complaining.effect(word, now) is None
    draft = complaining.draft_rule(word, None)
    publishing.publish(draft.id, None)
    word.refresh_from_db()
    Version.objects.filter(id=draft.id).update(published_at=now - 28 * DAY)
    made = [cast.order("signed", goods=(("CUP-1", 1, "9.00"),)) for _ in range(3)]
    Order.objects.filter(id=made[0].id).update(ordered_at=now - 40 * DAY)
    said("没发货", 4, 35 * DAY)
    said("没发货", 1, 5 * DAY)
    measured = complaining.effect(word, now)
    assert measured is not None
    assert (measured.before.said, measured.before.orders, measured.after.said, measured.after.orders) == (
        4,
        1,
        1,
        2,
    )
    assert measured.after.rate == 500 and "样本太少" in measured.hint
    early = complaining.effect(word, now - 14 * DAY)
    assert early is not None and "2.0" in early.hint


def test_that_the_hint_tells_chance_from_a_difference() -> None:
    side = complaining.Side
    assert "偶然" in complaining._hint(side(30, 5000), side(25, 5000), 4)
    assert "偶然" in complaining._hint(side(90, 5000), side(25, 5000), 4)
    assert complaining._hint(side(30, 5000), side(25, 5000), 4) != complaining._hint(
        side(90, 5000), side(25, 5000), 4
    )


def test_that_a_file_is_shown_before_it_is_kept_and_kept_once(client: Client, words: Any) -> None:
    client.force_login(User.objects.create_superuser("boss"))
    cast.shop()
    lines = [
        "评价编号,店铺,订单号,评分,内容,时间",
        "r1,own,,1,还没发货 13812345678,2026-06-01 10:00",
        "r2,x,,1,破损,2026-06-01",
    ]
    body = "\n".join(lines).encode("gb18030")
    for kept in (1, 0):
        page = client.post(
            "/admin/rules/complaints/bring/", {"file": SimpleUploadedFile("r.csv", body)}
        ).content.decode()
        assert "还没发货 ***" in page and "13812345678" not in page and "“x”" in page
        file = ComplaintFile.objects.get(taken=None)
        assert "13812345678" not in json.dumps(file.rows) and Complaint.objects.count() == 1 - kept
        client.post(f"/admin/rules/complaints/bring/{file.id}/")
        assert Complaint.objects.count() == 1
    assert Complaint.objects.get().text == "还没发货 ***"
    refused = client.post(
        "/admin/rules/complaints/bring/", {"file": SimpleUploadedFile("r.csv", b"a,b\n1,2")}
    ).content.decode()
    assert "内容" in refused and ComplaintFile.objects.filter(taken=None).count() == 0


def test_that_a_file_of_somebody_narrowed_brings_those_of_their_own_shops(client: Client, words: Any) -> None:
    sync_roles()
    clerk = person("service_lead", shops=("own",))
    client.force_login(clerk)
    cast.shop()
    cast.shop("tb", "taobao")
    lines = [
        "评价编号,店铺,内容,时间",
        "r1,own,还没发货,2026-06-01",
        "r2,tb,破损,2026-06-01",
        "r3,none,少件,2026-06-01",
    ]
    address = "/admin/rules/complaints/bring/"
    sent = SimpleUploadedFile("r.csv", "\n".join(lines).encode())
    client.post(address, {"file": sent})
    file = ComplaintFile.objects.get()
    assert [row[0] for row in file.rows] == ["own"]
    assert len({fault["text"].replace("tb", "?").replace("none", "?") for fault in file.faults}) == 1, (
        "a foreign shop is told like none"
    )
    Scope.objects.filter(user=clerk).update(shops=["tb"])  # moved to another shop between looking and taking
    client.post(f"{address}{file.id}/")
    assert Complaint.objects.count() == 0
    client.post(address, {"file": SimpleUploadedFile("r.csv", "\n".join(lines).encode())})
    client.post(f"{address}{ComplaintFile.objects.get(taken=None).id}/")
    assert [each.shop.code for each in Complaint.objects.all()] == ["tb"]


def test_that_systems_post_complaints_once_and_bad_ones_are_named(client: Client) -> None:
    token = "complaints-token-1"
    account = Connection.objects.create(
        platform="own_shop", name="自营", code="own", base_url="http://127.0.0.1:1",
        options={"api_token_hash": crypto.keyed_hash(token)},
    )  # fmt: skip
    cast.shop()
    from orders.models import Shop

    Shop.objects.update(connection=account)
    items = [
        {"id": "a", "text": "没发货 13812345678", "said_at": "2026-06-01T10:00:00+08:00", "rating": 1},
        {"id": "b", "text": "", "said_at": "2026-06-01"},
    ]
    heads = {"HTTP_AUTHORIZATION": f"Bearer {token}"}
    answers = [
        client.post(
            "/api/v1/complaints", json.dumps({"items": items}), content_type="application/json", **heads
        )
        for _again in range(2)
    ]
    assert [a.status_code for a in answers] == [200, 200], answers[0].content
    assert [(a.json()["taken"], a.json()["repeated"]) for a in answers] == [(1, 0), (0, 1)]
    assert answers[0].json()["refused"][0]["row"] == 2
    assert Complaint.objects.get().text == "没发货 ***"
    assert client.post("/api/v1/complaints", "{}", content_type="application/json").status_code in (401, 403)
    assert (
        client.post("/api/v1/complaints", "{}", content_type="application/json", **heads).status_code == 422
    )


@pytest.mark.django_db
def test_that_a_shop_complains_of_its_own_orders_only() -> None:
    foreign, own = cast.order("paid", shop=cast.shop("far")), cast.order("paid")
    items = [
        {
            "id": order.number,
            "shop": "own",
            "order": order.number,
            "text": "没发货",
            "said_at": "2026-06-01 10:00:00",
        }
        for order in (foreign, own)
    ]
    rows, faults = complaining.read_rows(items)
    assert complaining.take(rows) == 2 and not faults
    kept = dict(Complaint.objects.values_list("external_id", "order_id"))
    assert kept == {foreign.number: None, own.number: own.pk}


def test_that_a_jump_is_told_once_a_week() -> None:
    said("没发货", 12)
    said("没发货", 8, 20 * DAY)
    assert [complaining.jump(), complaining.jump()] == [True, False]
    assert Ticket.objects.get().role == "service_lead"


def test_that_the_page_opens_for_those_who_may_and_draws_what_is_chosen(
    client: Client, words: dict[str, ComplaintWord]
) -> None:
    said("没发货，包装太差", 3)
    client.force_login(User.objects.create_user("nobody", is_staff=True))
    assert client.get("/admin/rules/complaints/").status_code == 403
    client.force_login(User.objects.create_superuser("boss"))
    page = client.get("/admin/rules/complaints/", {"word": words["没发货"].id}).content.decode()
    assert page.count("没发货，包装太差") == 3 and "包装太差 · 3" in page
    client.post(
        "/admin/rules/complaints/word/", {"word": "包装太差", "synonyms": "包装差，盒子烂", "about": "goods"}
    )
    assert ComplaintWord.objects.get(word="包装太差").synonyms == ["包装差", "盒子烂"]


def test_that_the_modules_page_says_what_is_there_and_what_switching_does(client: Client) -> None:
    from orderhub import modules

    client.force_login(User.objects.create_superuser("boss"))
    cast.order("shipped")
    modules.forget()
    page = client.get("/admin/modules/").content.decode()
    assert "1 张现有订单将停下等待" in page and "没有连接电子面单服务。" in page
    client.post("/admin/modules/", {"code": "tracking", "on": "0"})
    assert "1 张等待的订单会自动继续" in client.get("/admin/modules/").content.decode()
    client.post("/admin/modules/", {"code": "tracking", "on": "1"})
    modules.forget()


def test_that_a_words_row_takes_nothing_away_from_the_row_it_stands_before(
    live: None, words: dict[str, ComplaintWord], admin_client: Client
) -> None:
    word = next(each for each in words.values() if each.about == "ship")
    facts = {"state": "reserved", "shipped": False, "has_number": False, "hours_since_payment": 30.0}
    (shipped,) = engine.decide("watch", [facts]).answers
    answer = admin_client.post(f"/admin/rules/complaints/{word.id}/draft/", follow=True)
    word.refresh_from_db()
    assert "3" in " ".join(str(m) for m in answer.context["messages"]), "it may answer for what was late"
    publishing.publish(word.version_id or 0, None)
    engine.forget_heads()
    (now,) = engine.decide("watch", [facts]).answers
    assert (now["why"], now["tag"]) == (f"客诉“{word.word}”", word.word)
    for said_before in ("sms", "feishu", "ticket", "severity"):
        assert now[said_before] == shipped[said_before] != "", said_before
    assert complaining.touched(Version.objects.get(id=word.version_id or 0).document, word) == [2, 3, 4]


def test_that_rows_of_other_orders_are_not_named(live: None, words: dict[str, ComplaintWord]) -> None:
    word = next(each for each in words.values() if each.about == "trace")
    draft = complaining.draft_rule(word, None)
    assert complaining.touched(draft.document, word) == [], "they are about orders that have not left"
