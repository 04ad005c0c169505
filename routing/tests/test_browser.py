"""The maps in a real browser: a fence is drawn with the mouse and saved, and the map's datum is our datum."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

from orderhub.geo import convert, metres
from routing import fences
from routing.models import Fence
from routing.tests.cast import POINT, fence, outlet

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def signed_in(live_server, page, settings, client):
    user = get_user_model().objects.create_superuser("lin", "", "a long password")
    client.force_login(user)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    outside = []
    page.on(
        "request",
        lambda request: None if request.url.startswith(live_server.url) else outside.append(request.url),
    )
    yield page
    assert [url for url in outside if not url.startswith(("data:", "blob:"))] == []


#: The map takes a press on the mark that follows the pointer. A hand is over it long before it presses; a script is not.
UNDER_THE_POINTER = (
    "([x, y]) => document.elementFromPoint(x, y)?.closest('.leaflet-mouse-marker, .leaflet-editing-icon')"
)
CORNERS = "n => document.querySelectorAll('.oh-map .leaflet-editing-icon').length === n"


def put(page, box, corner):
    area = box.bounding_box()
    at = [area["x"] + area["width"] * corner[0], area["y"] + area["height"] * corner[1]]
    page.mouse.move(*at)
    page.wait_for_function(UNDER_THE_POINTER, arg=at)
    page.mouse.click(*at)


def test_that_a_fence_is_drawn_with_the_mouse_and_saved(signed_in, live_server):
    a, b = outlet(1), outlet(2)
    fence(b, POINT[0] + 0.05)
    page = signed_in
    page.goto(live_server.url + reverse("admin:routing_fence_add") + f"?outlet={a.pk}")
    box = page.locator(".oh-map")
    box.scroll_into_view_if_needed()
    page.locator(".leaflet-draw-draw-polygon").click()
    corners = [(0.3, 0.3), (0.6, 0.3), (0.6, 0.7), (0.3, 0.7)]
    for n, corner in enumerate(corners, 1):
        put(page, box, corner)
        page.wait_for_function(CORNERS, arg=n)  # every press is a corner
        page.wait_for_timeout(350)  # sooner it is a double click to the map
    put(page, box, corners[0])
    page.wait_for_function("document.querySelector('#id_geometry').value")
    drawn = json.loads(page.locator("#id_geometry").input_value())
    assert len(drawn["coordinates"][0]) == 5
    page.locator("[name=_save]").first.click()
    page.wait_for_url("**/routing/fence/")
    saved = Fence.objects.get(outlet=a)
    assert saved.geometry == drawn
    lng, lat = (sum(point[i] for point in drawn["coordinates"][0][:4]) / 4 for i in (0, 1))
    assert a.id in fences.current(fresh=True).locate([lng], [lat])[0]


def test_that_the_maps_conversion_agrees_with_ours_within_a_millimetre(signed_in, live_server):
    page = signed_in
    page.goto(live_server.url + reverse("admin:routing_fence_map"))
    for lng, lat in (POINT, (121.47, 31.23), (87.6, 43.8), (2.35, 48.85)):
        there = page.evaluate("p => OrderHubMap.toGcj(p)", [lng, lat])
        assert metres(*there, *map(float, convert(lng, lat, "wgs84", "gcj02"))) < 0.001
        assert metres(lng, lat, *page.evaluate("p => OrderHubMap.fromGcj(p)", there)) < 0.001


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_that_the_fence_map_shows_fences_and_outlets_at_every_width(signed_in, live_server, width, theme):
    a = outlet(1)
    fence(a)
    page = signed_in
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=theme)
    page.goto(live_server.url + reverse("admin:routing_fence_map"))
    page.locator("#oh-outlets tr").first.wait_for()
    assert a.code in page.locator("#oh-outlets").inner_text()
    assert page.locator(".oh-map path.leaflet-interactive").count() >= 1
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
