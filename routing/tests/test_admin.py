"""The admin's pages of routing: a drawn fence, a file of fences, the map, places by day, the order page's panel."""

import datetime as dt
import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.test import RequestFactory
from django.urls import reverse

from orderhub.actors import Actor
from orderhub.lifecycle import apply
from orders.lifecycle import LIFECYCLE
from routing import fences
from routing.admin import panels
from routing.models import CapacityDay, Decision, Fence, FenceImport, Outlet
from routing.operations import capacity
from routing.tests.cast import POINT, day_of, fence, outlet, rate, square

BOW_TIE = {"type": "Polygon", "coordinates": [[[120, 30], [121, 31], [121, 30], [120, 31], [120, 30]]]}


@pytest.fixture
def staff(db, client):
    user = get_user_model().objects.create_superuser("lin", "", "a long password")
    client.force_login(user)
    client.user = user
    return client


def seen_of(answer):
    found = re.search(r'name="_seen"\s+value="([0-9a-f]+)"', answer.content.decode())
    return found.group(1) if found else ""


def form_of(fenced, **changes):
    values = {
        "outlet": fenced.outlet_id, "name": fenced.name, "valid_from": fenced.valid_from.isoformat(),
        "valid_until": "", "geometry": json.dumps(fenced.geometry),
    }  # fmt: skip
    return {**values, **changes}


# --- a fence is drawn ----------------------------------------------------------------------------------------


def test_that_a_fence_drawn_in_the_admin_is_saved_and_serves_at_once(staff):
    a = outlet(1)
    page = staff.get(reverse("admin:routing_fence_add"), {"outlet": a.pk})
    assert b"data-map=" in page.content
    assert b"routing/map.js" in page.content
    assert b"leaflet/draw/leaflet.draw.js" in page.content
    answer = staff.post(
        reverse("admin:routing_fence_add"),
        {
            "outlet": a.pk,
            "name": "西片",
            "valid_from": fences.today().isoformat(),
            "geometry": json.dumps(square(*POINT)),
        },
    )
    assert answer.status_code == 302
    assert Fence.objects.get().name == "西片"
    assert fences.current().locate([POINT[0]], [POINT[1]]) == [[a.id]]


@pytest.mark.parametrize(
    "text",
    ["", "null", "not json", "[" * 50_000, json.dumps(BOW_TIE), '{"type":"Point","coordinates":[120,30]}',
     json.dumps(square(30, 120))],
)  # fmt: skip
def test_that_what_is_no_fence_is_refused_on_the_form_and_nothing_is_saved(staff, text):
    a = outlet(1)
    answer = staff.post(
        reverse("admin:routing_fence_add"),
        {"outlet": a.pk, "name": "", "valid_from": fences.today().isoformat(), "geometry": text},
    )
    assert answer.status_code == 200
    assert answer.context["adminform"].form.errors["geometry"]
    assert not Fence.objects.exists()


def test_that_changing_an_area_keeps_what_it_was_until_yesterday(staff):
    a = outlet(1)
    drawn = fence(a)
    address = reverse("admin:routing_fence_change", args=[drawn.pk])
    moved = square(121, 30)
    answer = staff.post(
        address, form_of(drawn, geometry=json.dumps(moved), _seen=seen_of(staff.get(address))), follow=True
    )
    assert answer.status_code == 200
    drawn.refresh_from_db()
    today = fences.today()
    assert (drawn.geometry, drawn.valid_from, drawn.valid_until) == (moved, today, None)
    past = Fence.objects.exclude(pk=drawn.pk).get()
    assert (past.geometry, past.valid_until) == (square(*POINT), today - dt.timedelta(days=1))
    assert fences.current().locate([POINT[0], 121], [POINT[1], 30]) == [[], [a.id]]


def test_that_a_stale_form_does_not_undo_a_newer_fence(staff):
    a = outlet(1)
    drawn = fence(a)
    address = reverse("admin:routing_fence_change", args=[drawn.pk])
    seen = seen_of(staff.get(address))
    Fence.objects.filter(pk=drawn.pk).update(geometry=square(122, 30))
    answer = staff.post(address, form_of(drawn, name="x", _seen=seen))
    assert answer.status_code == 200
    drawn.refresh_from_db()
    assert (drawn.name, drawn.geometry) == ("", square(122, 30))


def test_that_an_overlap_with_another_outlet_is_said(staff):
    fence(outlet(1))
    b = outlet(2)
    answer = staff.post(
        reverse("admin:routing_fence_add"),
        {
            "outlet": b.pk,
            "name": "",
            "valid_from": fences.today().isoformat(),
            "geometry": json.dumps(square(*POINT)),
        },
        follow=True,
    )
    assert any("ZTO-330110-1" in str(message) for message in answer.context["messages"])


# --- the map -------------------------------------------------------------------------------------------------


def test_that_the_map_sends_the_fences_of_its_part_with_what_is_left(staff):
    a, b = outlet(1, capacity=5), outlet(2)
    fence(a)
    fence(b, 125.0, 45.0)
    capacity.set_places(a.id, fences.today(), 7)
    page = staff.get(reverse("admin:routing_fence_map"))
    assert page.status_code == 200
    answer = staff.get(
        reverse("admin:routing_fence_map_data"), {"w": 119, "s": 29, "e": 121, "n": 31, "zoom": 10}
    )
    data = answer.json()
    assert [f["properties"]["outlet"] for f in data["fences"]["features"]] == [a.id]
    (told,) = data["outlets"]
    assert (told["id"], told["places"], told["left"], told["area"]) == (a.id, 7, 7, "余杭区")
    bad = staff.get(reverse("admin:routing_fence_map_data"), {"w": "nan", "s": 1, "e": 2, "n": 3})
    assert bad.status_code == 400


def test_that_the_map_opens_without_any_fence(staff):
    assert staff.get(reverse("admin:routing_fence_map")).status_code == 200
    empty = staff.get(reverse("admin:routing_fence_map_data"), {"w": 1, "s": 1, "e": 2, "n": 2}).json()
    assert empty == {
        "fences": {"type": "FeatureCollection", "features": []},
        "outlets": [],
        "truncated": False,
    }


def test_that_the_map_and_the_import_need_their_permission(client, db):
    user = get_user_model().objects.create_user("mei", password="a long password", is_staff=True)
    client.force_login(user)
    for name in ("routing_fence_map", "routing_fence_map_data", "routing_fence_import"):
        assert client.get(reverse(f"admin:{name}")).status_code == 403


# --- a file --------------------------------------------------------------------------------------------------


def upload(staff, data, datum="wgs84"):
    from django.core.files.uploadedfile import SimpleUploadedFile

    file = SimpleUploadedFile("fences.geojson", data)
    return staff.post(
        reverse("admin:routing_fence_import"),
        {"file": file, "datum": datum, "valid_from": fences.today().isoformat()},
    )


def geojson(*pairs):
    features = [{"type": "Feature", "properties": {"code": code}, "geometry": shape} for code, shape in pairs]
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def test_that_a_file_is_previewed_first_and_taken_in_once(staff):
    a = outlet(1)
    page = upload(staff, geojson((a.code, square(*POINT)), ("NOWHERE", square(*POINT))), "gcj02")
    assert page.context["counts"] == {"add": 1, "replace": 0, "error": 1}
    assert not Fence.objects.exists()
    kept = FenceImport.objects.get()
    for _ in range(2):
        staff.post(reverse("admin:routing_fence_import"), {"apply": kept.pk})
    assert Fence.objects.count() == 1
    kept.refresh_from_db()
    assert kept.result == {"made": 1, "ended": 0, "refused": 1}
    assert kept.by == "lin"


@pytest.mark.parametrize(("data", "datum"), [(b"nonsense", "wgs84"), (geojson(("X", square(*POINT))), "")])
def test_that_a_bad_file_or_an_undeclared_datum_is_refused_on_the_form(staff, data, datum):
    page = upload(staff, data, datum)
    assert page.context["form"].errors
    assert not FenceImport.objects.exists()


# --- outlets, places, rates, decisions -----------------------------------------------------------------------


def test_that_every_list_and_form_of_routing_opens(staff, house):
    a = outlet(1)
    drawn = fence(a)
    rate("330110", "warehouse", "HZ01", 0.9, 0.9)
    (order,) = house.orders(1, point=POINT)
    apply(LIFECYCLE, "route", [order.id], actor=Actor("clock", "clock"))
    for model in (
        "outlet",
        "fence",
        "capacityday",
        "capacityentry",
        "rate",
        "decision",
        "override",
        "fenceimport",
    ):
        answer = staff.get(reverse(f"admin:routing_{model}_changelist"))
        assert answer.status_code == 200, model
    for model, pk in (
        ("outlet", a.pk),
        ("fence", drawn.pk),
        ("capacityday", day_of(a).pk),
        ("decision", Decision.objects.get().pk),
    ):
        assert staff.get(reverse(f"admin:routing_{model}_change", args=[pk])).status_code == 200, model
    assert staff.get(reverse("admin:routing_outlet_changelist"), {"q": "余杭区"}).context[
        "cl"
    ].result_list == [a]
    found = staff.get(reverse("admin:routing_decision_changelist"), {"q": order.number})
    assert [row.order_id for row in found.context["cl"].result_list] == [order.id]


def test_that_places_can_be_changed_but_not_below_what_is_taken(staff, house):
    a = outlet(1, capacity=5)
    orders = house.orders(3)
    apply(LIFECYCLE, "route", [order.id for order in orders], actor=Actor("clock", "clock"))
    address = reverse("admin:routing_capacityday_change", args=[day_of(a).pk])
    refused = staff.post(address, {"places": 2, "_seen": seen_of(staff.get(address))})
    assert refused.status_code == 200
    assert refused.context["adminform"].form.errors["places"]
    assert staff.post(address, {"places": 9, "_seen": seen_of(staff.get(address))}).status_code == 302
    assert (day_of(a).places, day_of(a).held) == (9, 3)


def test_that_an_outlet_is_placed_by_its_fields(staff):
    answer = staff.post(
        reverse("admin:routing_outlet_add"),
        {"code": "ZTO-330110-9", "name": "新网点", "carrier": "ZTO", "adcode": "330110", "town": "", "lng": "120.01",
         "lat": "30.28", "daily_capacity": "300", "active": "on"},
    )  # fmt: skip
    assert answer.status_code == 302
    assert Outlet.objects.get().lng == 120.01


def test_that_the_order_page_says_why_and_lets_a_person_decide_otherwise(staff, house):
    outlet(1)
    rate("330110", "warehouse", "YH01", 0.946, 0.99, 352)
    rate("330110", "warehouse", "HZ01", 0.833, 0.99, 360)
    (order,) = house.orders(1, point=POINT)
    apply(LIFECYCLE, "route", [order.id], actor=Actor("clock", "clock"))
    request = RequestFactory().get("/")
    request.user = staff.user
    made = panels.explanation(order.id, request)
    assert made is not None
    assert any("94.6 %" in sentence and "11.3" in sentence for sentence in made["explained"].sentences)
    page = staff.get(reverse("admin:orders_order_change", args=[order.id]))
    assert "94.6 %" in page.content.decode()
    assert page.content.decode().count(reverse("admin:routing_override", args=[order.id])) == 1
    address = reverse("admin:routing_override", args=[order.id])
    staff.post(address, {"warehouse": house.own.id, "reason": ""})
    order.refresh_from_db()
    assert order.warehouse_id == house.partner.id
    staff.post(address, {"warehouse": house.own.id, "reason": "客户自提"})
    order.refresh_from_db()
    assert (order.state, order.warehouse_id) == ("routed", house.own.id)
    assert staff.get(address).status_code == 405


def test_that_many_orders_are_routed_again_from_the_list_of_decisions(staff, house):
    a, b = outlet(1), outlet(2)
    rate("330110", "outlet", a.code, 0.9, 0.99)
    orders = house.orders(4)
    apply(LIFECYCLE, "route", [order.id for order in orders], actor=Actor("clock", "clock"))
    rate("330110", "outlet", b.code, 0.9, 0.999)
    chosen = list(Decision.objects.values_list("pk", flat=True))
    staff.post(
        reverse("admin:routing_decision_changelist"), {"action": "route_again", "_selected_action": chosen}
    )
    assert (day_of(a).held, day_of(b).held) == (0, 4)
    assert Decision.objects.count() == 8
    assert CapacityDay.objects.count() == 2
