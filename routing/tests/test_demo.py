"""The demo's outlets and fences: every demo address finds one, and the shipped outlines are good."""

from django.utils import timezone

from orderhub.geo import convert
from orderhub.sandbox.catalogue import addresses
from routing import demo, fences, geometry, known
from routing.ladder import Place, climb
from routing.models import Fence, Outlet


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
        import json

        import shapely

        assert geometry.check(json.loads(shapely.to_geojson(area)), "wgs84").vertices > 3
