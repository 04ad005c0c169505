"""The demo's outlets and fences: every demo address finds one, and the shipped outlines are good."""

import json
from dataclasses import asdict

import shapely
from django.utils import timezone

from logistics.operations.deliveries import load_history
from orderhub.actors import CLOCK
from orderhub.geo import convert
from orderhub.lifecycle import apply
from orderhub.sandbox.catalogue import addresses
from orderhub.sandbox.history import delivered_history
from orders.lifecycle import LIFECYCLE
from routing import demo, fences, geometry, known, queries
from routing.ladder import Place, climb
from routing.models import Fence, Outlet
from routing.operations import rates
from routing.tests.cast import POINT


def test_that_every_address_of_the_demo_has_outlets_and_points_fall_into_fences_of_their_district(db):
    made = demo.load(timezone.now())
    assert made["outlets"] == 3 * made["districts"] == Outlet.objects.count()
    assert made["fences"] == Fence.objects.count() > 150
    places = []
    for n, a in enumerate(addresses()):
        lng, lat = convert(a.lng, a.lat, "gcj02", "wgs84") if a.lng else (None, None)
        places.append(Place(n, a.province, a.city, a.district, a.town, a.adcode, lng, lat))
    spots = climb(places, known.current(fresh=True), fences.current(fresh=True))
    assert all(len(spot.outlets) >= 2 for spot in spots.values())
    rungs = [spot.rung for spot in spots.values()]
    assert {"fence", "district", "town"} <= set(rungs)
    pointed = [spots[p.order_id] for p in places if p.lng is not None and p.adcode[:2] == "33"]
    inside = [spot for spot in pointed if spot.rung == "fence"]
    assert len(inside) > 0.9 * len(pointed)
    assert sum(spot.area == spot.adcode for spot in inside) > 0.95 * len(inside)


def test_that_the_shipped_outlines_pass_our_own_checks():
    for area in demo._outlines().values():
        assert geometry.check(json.loads(shapely.to_geojson(area)), "wgs84").vertices > 3


def test_that_yuhang_goes_to_the_partner_warehouse_at_94_6_percent_11_3_points_above_the_own_one(house):
    """The seller's own case, from stored deliveries: raw and smoothed figures are both on the page."""
    now = timezone.now()
    names = {
        "waybill": "waybill_no",
        "district": "adcode",
        "warehouse": "warehouse_code",
        "outlet": "outlet_code",
    }
    past = ({names.get(k, k): v for k, v in asdict(row).items()} for row in delivered_history(1, now, 6000))
    load_history(past)
    demo.load(now)
    rates.refresh(now)
    (order,) = house.orders(1, point=POINT)
    assert apply(LIFECYCLE, "route", [order.id], actor=CLOCK).refused == {}
    order.refresh_from_db()
    assert order.warehouse_id == house.partner.id
    explained = queries.explain(order.id)
    assert explained is not None
    figures = {row.code: (row.raw, row.parcels) for row in explained.warehouses}
    assert figures == {"YH01": ("94.6 %", 352), "HZ01": ("83.3 %", 360)}
    assert all(row.smooth != row.raw for row in explained.warehouses)
    assert any("94.6 %" in sentence and "11.3" in sentence for sentence in explained.sentences)
    assert any(row.parcels > 30 for row in explained.outlets)
