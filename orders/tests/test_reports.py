"""Reports: the sums of the orders themselves, days as they are here, beside the period before, narrowed like every list."""

from __future__ import annotations

import datetime as dt
import itertools
import re
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone, translation

from logistics.models import Parcel
from orderhub import modules
from orderhub.actors import CLOCK
from orderhub.actors import person as acting
from orderhub.models import Connection
from orderhub.testing.dresses import signed_in, worn
from orders import timeline
from orders.models import Case, Line, Order, Receiver, ReportSchedule, SavedReport, Share, Shop
from orders.reports import REPORTS, asked, frame
from orders.reports.saying import change
from orders.tests import aftersale_cast as cast
from orders.tests.test_order_board import person
from orders.tests.test_order_board_screens import looked_at

pytestmark = pytest.mark.django_db
EVERY = [(report.code, dim.code) for report in REPORTS.values() for dim in report.dims]


@pytest.fixture(autouse=True)
def forget() -> None:
    modules.forget()


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss", password="right-horse-battery")


@pytest.fixture
def office(client: Client, boss: User) -> Client:
    client.force_login(boss)
    client.cookies.load({"django_language": "en"})
    return client


def at(days_ago: int, hour: int = 12) -> dt.datetime:
    """An hour of a day here."""
    return timezone.localtime().replace(hour=hour, minute=0, second=0, microsecond=0) - dt.timedelta(
        days=days_ago
    )


def sold(
    days_ago: int, *, hour: int = 12, ships_after: float | None = 10, promise: float = 48, **columns: Any
) -> Order:
    """An order that was paid at once, promised in 48 hours and left after so many."""
    when = at(days_ago, hour)
    shipped = when + dt.timedelta(hours=ships_after) if ships_after is not None else None
    values = {
        "ordered_at": when, "paid_at": when, "promised_ship_at": when + dt.timedelta(hours=promise), "shipped_at": shipped,
        "signed_at": None,
    }  # fmt: skip
    return cast.order(columns.pop("state", "shipped" if shipped else "paid"), **{**values, **columns})


def later(order: Order, hours: float) -> dt.datetime:
    """So long after it was shipped."""
    assert order.shipped_at
    return order.shipped_at + dt.timedelta(hours=hours)


def told(user: Any, code: str, by: str = "", **given: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    report = REPORTS[code]
    found = frame.tell(
        report,
        report.dim(by),
        report.measure(given.get("show", "")),
        asked.asked({"period": "7", **given}, user),
    )
    return found.rows, found.total


def test_that_fulfilment_counts_what_left_in_time_by_the_day_here(boss: User) -> None:
    sold(1, hour=0)  # a minute past midnight here is the evening before in Greenwich
    sold(1, ships_after=60)
    sold(1, ships_after=None, promise=1)
    sold(1, ships_after=None, promise=200)
    sold(1, ships_after=None, state="cancelled")
    sold(2, ships_after=20)
    sold(8, ships_after=30)
    cast.order("unpaid", ordered_at=at(1))
    rows, total = told(boss, "fulfilment")
    yesterday = next(row for row in rows if row["day"] == at(1).date().isoformat())
    assert (yesterday["orders"], yesterday["shipped"], yesterday["late"], yesterday["cancelled"]) == (
        5,
        2,
        2,
        1,
    )
    assert yesterday["on_time"] == Decimal("33.3") and yesterday["open"] == 2
    assert yesterday["b_orders"] == 1, "the day a week before stands beside it"
    assert (total["orders"], total["b_orders"], total["to_ship"], total["b_to_ship"]) == (6, 1, 20, 30)
    assert len(rows) == 2


def test_that_where_there_was_no_period_before_nothing_is_compared() -> None:
    report = REPORTS["fulfilment"]
    measure = next(one for one in report.measures if one.name == "orders")
    with translation.override("zh-hans"):
        assert change(measure, {measure.name: 5, f"b_{measure.name}": None}) == ("无上期", "")
        whole = {f"b_{measure.name}": 4}
        assert change(measure, {measure.name: 5, f"b_{measure.name}": None}, whole) == ("新增", "")
        assert change(measure, {measure.name: 5, f"b_{measure.name}": 4}, whole)[0] == "+25.0 %"


def test_that_channels_are_the_sums_of_their_orders(boss: User) -> None:
    other = cast.shop("tb", "taobao")
    made = [
        sold(1),
        sold(2),
        sold(3, state="cancelled", ships_after=None),
        sold(1, shop=other, refund_state="asked"),
    ]
    rows, total = told(boss, "channel", "shop")
    kept = [order for order in made if order.state != "cancelled"]
    assert total["amount"] == sum(order.payable for order in kept) and total["orders"] == 4
    assert [row["shop"] for row in rows] == ["own", "tb"]
    assert rows[1]["refund"] == 100 and rows[0]["cancelled"] == Decimal("33.3")
    assert rows[0]["each"] == made[0].payable and rows[0]["b_orders"] is None
    only, _total = told(boss, "channel", "shop", channel="taobao")
    assert [row["shop"] for row in only] == ["tb"]
    assert told(boss, "channel", "shop", shop="nobody's")[1]["orders"] == 4, (
        "what there is none of narrows nothing"
    )


def test_that_skus_regions_carriers_and_cases_are_counted_by_theirs(boss: User) -> None:
    first, second = sold(1), sold(1, goods=(("LAMP-3", 4, "10.00"),))
    Receiver.objects.filter(order=second).update(province="广东省", city="深圳市")
    rows, total = told(boss, "sku")
    assert {row["sku"]: row["pieces"] for row in rows} == {"CUP-1": 2, "BED-2": 1, "LAMP-3": 4}
    lines = Line.objects.filter(order__in=[first, second])
    assert (
        total["amount"] == sum(line.payable - line.freight_share for line in lines) and total["orders"] == 2
    )
    assert [row["province"] for row in told(boss, "region", show="pieces")[0]] == ["广东省", "浙江省"]
    assert told(boss, "region", "city")[0][0]["city"] in {"深圳市", "杭州市"}
    for order, carrier, ok in ((first, "ZTO", True), (second, "YTO", False), (sold(2), "ZTO", True)):
        Parcel.objects.create(
            number=f"P{order.pk}", order=order, warehouse=cast.warehouse(), worked_by="own", carrier=carrier, service="zto",
            shipped_at=order.shipped_at, signed_at=later(order, 30), first_attempt_ok=ok,
            state="signed", weight_g=1500,
        )  # fmt: skip
    Parcel.objects.create(
        number="void", order=first, warehouse=cast.warehouse(), worked_by="own", carrier="ZTO", service="zto", state="voided"
    )  # fmt: skip
    rows, total = told(boss, "carrier")
    assert [(row["parcels"], row["first"], row["to_sign"], row["kilos"]) for row in rows] == [
        (2, 100, 30, 3),
        (1, 0, 30, Decimal("1.5")),
    ]
    for n, (kind, state) in enumerate((("refund", "done"), ("return", "open"), ("refund", "refused"))):
        Case.objects.create(number=f"R{n}", order=first, kind=kind, state=state, amount="10.00", opened_at=at(1),
                            done_at=at(0, 0) if state == "done" else None)  # fmt: skip
    rows, total = told(boss, "aftersale")
    assert (
        total["cases"],
        total["orders"],
        total["amount"],
        total["open"],
        total["done"],
        total["refused"],
    ) == (3, 1, 20, 1, 1, 1)
    assert {row["cases"] for row in rows} == {1, 2} and total["to_done"] == 12


def test_that_only_what_people_did_is_theirs(boss: User) -> None:
    order, foreign = sold(1), sold(1, shop=cast.shop("tb", "taobao"))
    li = User.objects.create_user("li", first_name="雷", last_name="李")
    say(order, li, "hold_released"), say(order, li, "cancel"), say(foreign, li, "revealed")
    say(order, boss, "hold_opened"), say(order, None, "hold_released")
    rows, total = told(boss, "staff")
    assert [(row["person"], row["acts"], row["orders"], row["revealed"]) for row in rows] == [
        ("李雷", 3, 2, 1),
        ("boss", 1, 1, 0),
    ]
    assert total["acts"] == 4 and total["released"] == 1
    assert len(told(boss, "staff", "deed")[0]) == 4
    assert told(boss, "staff", shop="tb")[1]["acts"] == 1


def say(order: Order, user: User | None, code: str) -> None:
    timeline.append([timeline.line(order.pk, code, actor=acting(user) if user else CLOCK, now=at(1))])


def test_that_who_is_narrowed_counts_only_what_they_see(office: Client) -> None:
    sold(1), sold(1, shop=cast.shop("tb", "taobao"))
    away = sold(1, warehouse=None)
    Share.objects.create(
        order=away, line=away.lines.all()[0], place=1, warehouse=cast.warehouse(), quantity=1, payable=1
    )
    elsewhere = sold(1, warehouse=None)
    address = reverse("admin:report", args=["channel"])
    for clerk, seen in (
        (person("orders.view_order", shops=["tb"]), 1), (person("orders.view_order", shops=["nowhere"]), None),
        (person("orders.view_order", warehouses=["HZ01"]), 3), (person("orders.view_order"), 4),
    ):  # fmt: skip
        answer = clerk.get(address, {"show": "orders", "shop": "own" if seen is None else ""})
        total = next(tile for tile in answer.context["tiles"] if tile["on"])
        assert total["now"] == ("–" if seen is None else str(seen))
    assert elsewhere.pk and {
        one[1] for one in person("orders.view_order", shops=["tb"]).get(address).context["asked"].shops
    } == {"tb"}


def test_that_a_report_asks_for_its_right() -> None:
    clerk = person("orders.view_order")
    assert clerk.get(reverse("admin:report", args=["staff"])).status_code == 403
    assert clerk.get(reverse("admin:report", args=["aftersale"])).status_code == 403
    assert clerk.get(reverse("admin:report", args=["none"])).status_code == 404
    page = clerk.get(reverse("admin:report", args=["sku"])).content.decode()
    assert reverse("admin:report", args=["staff"]) not in page
    assert clerk.get(reverse("admin:reports")).status_code == 200
    assert person("orders.view_shop").get(reverse("admin:reports")).status_code == 403


def test_that_filters_are_kept_by_name_for_oneself(office: Client, boss: User) -> None:
    save = reverse("admin:report_save", args=["channel"])
    for query in ("period=90", "period=last_week&by=day"):
        assert office.post(save, {"name": "周报", "query": query}).status_code == 302
    saved = SavedReport.objects.get()
    assert saved.query == "period=last_week&by=day"
    page = office.get(reverse("admin:report", args=["channel"])).content.decode()
    assert "period=last_week&amp;by=day" in page and "周报" in page
    office.post(save, {"name": " ", "query": ""})
    forget = reverse("admin:report_forget", args=[saved.pk])
    other = person("orders.view_order")
    assert other.post(forget).status_code == 404 and office.get(forget).status_code == 405
    assert "周报" not in other.get(reverse("admin:report", args=["channel"])).content.decode()
    office.post(forget)
    assert not SavedReport.objects.exists()


def test_that_named_periods_are_days_here_and_bad_ones_are_none(office: Client) -> None:
    today = dt.date(2026, 3, 4)  # a Wednesday
    found = {name: asked.days_of(name, today) for name in asked.PERIODS}
    assert found["last_week"] == (dt.date(2026, 2, 23), dt.date(2026, 3, 1))
    assert found["last_month"] == (dt.date(2026, 2, 1), dt.date(2026, 2, 28))
    assert found["yesterday"] == (dt.date(2026, 3, 3),) * 2 and found["this_month"][0] == dt.date(2026, 3, 1)
    for bad in ({"period": "x"}, {"from": "2026-02-31", "to": "x"}, {"from": "1900-01-01", "to": "2026-01-01"},
                {"by": "x", "show": "x", "channel": "'", "shop": "%", "house": "%s"}):  # fmt: skip
        assert office.get(reverse("admin:report", args=["channel"]), bad).status_code == 200


@pytest.mark.parametrize(("code", "by"), EVERY)
def test_that_every_table_stands_and_costs_the_same(office: Client, code: str, by: str) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as caught:
            answer = office.get(reverse("admin:report", args=[code]), {"by": by})
        assert answer.status_code == 200
        return len([one for one in caught if "moduleswitch" not in one["sql"]])

    everything()
    cost()
    few = cost()
    for _n in range(3):
        everything()
    assert cost() == few <= 12
    assert re.search(
        r"<th scope=\"row\"", office.get(reverse("admin:report", args=[code]), {"by": by}).content.decode()
    )


_numbers = itertools.count(1)


def everything() -> None:
    """An order that every report counts, in this period and the one before."""
    for days_ago in (1, 31):
        n = next(_numbers)
        order = sold(days_ago, buyer_ref=f"b{n}")
        Parcel.objects.create(
            number=f"PE{n}", order=order, warehouse=cast.warehouse(), worked_by="own", carrier="ZTO", service="zto",
            outlet_code=f"{n:018}", shipped_at=order.shipped_at, state="shipped",
        )  # fmt: skip
        Case.objects.create(
            number=f"RE{n}",
            order=order,
            kind="refund",
            amount="5.00",
            opened_at=at(days_ago),
            reason=f"破损{n}",
        )
        say(order, User.objects.get(username="boss"), "hold_released")


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_that_reports_are_clean_in_every_dress(live_server: Any, page: Any) -> None:
    boss = User.objects.create_superuser("boss")
    signed_in(page, live_server.url, boss)
    story(boss)
    faults = []
    screens = {code: reverse("admin:report", args=[code]) for code in ("fulfilment", "region")} | {
        name: reverse(f"admin:orders_reportschedule_{name}") for name in ("changelist", "add")
    }
    for name, address in screens.items():
        for dress in worn(page, live_server.url, address):
            faults += looked_at(page, f"report-{name}-{dress}")
    for code in REPORTS:
        page.goto(live_server.url + reverse("admin:report", args=[code]))
        faults += looked_at(page, f"report-{code}")
    assert not faults


def story(boss: User) -> None:
    """Two months of a house with five shops, four provinces and what goes wrong."""
    shops: list[Shop] = [cast.shop(), *(cast.shop(code, channel) for code, channel in
                         (("tb", "taobao"), ("pdd", "pinduoduo"), ("dy", "douyin")))]  # fmt: skip
    places = [("浙江省", "杭州市"), ("广东省", "深圳市"), ("江苏省", "南京市"), ("四川省", "成都市")]
    for n in range(90):
        order = sold(n * 7 % 58, shop=shops[n % 4], ships_after=6 + n % 60, state="cancelled" if n % 17 == 0 else "shipped",
                     refund_state="asked" if n % 11 == 0 else "none", buyer_ref=f"b{n % 50}")  # fmt: skip
        province, city = places[(n + n // 4) % 4]
        Receiver.objects.filter(order=order).update(province=province, city=city)
        Parcel.objects.create(
            number=f"PS{n}", order=order, warehouse=cast.warehouse(), worked_by="own", carrier=("ZTO", "YTO", "SF")[n % 3],
            service="zto", shipped_at=order.shipped_at, picked_up_at=order.shipped_at, first_attempt_ok=bool(n % 5),
            state="signed", signed_at=later(order, 20 + n % 40), weight_g=800 + n,
        )  # fmt: skip
        if n % 9 == 0:
            Case.objects.create(number=f"RS{n}", order=order, kind=("refund", "return")[n % 2], amount="30.00",
                                opened_at=at(n % 50), reason="破损")  # fmt: skip
        say(order, boss, ("hold_released", "cancel", "revealed")[n % 3])
    SavedReport.objects.create(user=boss, report="fulfilment", name="每周履约", query="period=last_week")
    account = Connection.objects.create(
        platform="email", name="邮件", code="mail", base_url="http://127.0.0.1:1"
    )
    made = ReportSchedule.objects.create(
        name="每日履约", report="fulfilment", connection=account, next_at=timezone.now()
    )  # fmt: skip
    made.people.add(boss)
