"""The fence map: every fence and outlet of the part that is looked at, coloured by what is left today."""

from __future__ import annotations

import json
import math
from typing import Any

import shapely
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from orderhub.admin_site.base import need
from routing import fences, queries
from routing.addresses import regions
from routing.admin.maps import MEDIA, config

#: More than this many fences are not sent at once.
MOST = 1500


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """The page; its map asks for the data of the part that it shows."""
    need(request, "routing.view_fence")
    index = fences.current()
    fit = shapely.total_bounds(index.shapes).tolist() if index.outlets else None
    change = (
        reverse("admin:routing_outlet_change", args=[0])
        if request.user.has_perm("routing.view_outlet")
        else ""
    )
    told = config(
        kind="live",
        url=reverse("admin:routing_fence_map_data"),
        fit=fit,
        change=change,
        list="oh-outlets",
        search="oh-outlet-search",
    )
    rows = queries.capacity_today()
    context = {
        **admin.site.each_context(request), "title": _("Fence map"), "config": told, "map_media": MEDIA,
        "fences": len(index.outlets), "outlets": len(rows), "full": sum(row.left <= 0 for row in rows),
        "places": sum(row.places for row in rows), "taken": sum(row.held + row.confirmed for row in rows),
        "may_import": request.user.has_perm("routing.import_fence"), "may_add": request.user.has_perm("routing.add_fence"),
    }  # fmt: skip
    return TemplateResponse(request, "routing/fence_map.html", context)


@require_GET
def data(request: HttpRequest) -> HttpResponse:
    """{fences, outlets, truncated} of a rectangle (w, s, e, n) at a zoom; simplified to half a pixel."""
    need(request, "routing.view_fence")
    try:
        west, south, east, north = (float(request.GET[name]) for name in "wsen")
        zoom = int(request.GET.get("zoom", 10))
    except (KeyError, ValueError):
        return HttpResponseBadRequest("w, s, e, n")
    if not all(math.isfinite(number) for number in (west, south, east, north)) or not 0 <= zoom <= 24:
        return HttpResponseBadRequest("w, s, e, n")
    index = fences.current()
    near = index.tree.query(shapely.box(west, south, east, north)).tolist() if index.outlets else []
    shown = sorted(near)[:MOST]
    shapes = shapely.simplify(index.shapes[shown], 180 / (256 * 2**zoom)) if shown else []
    features = [
        {"type": "Feature", "properties": {"outlet": index.outlets[i]}, "geometry": json.loads(text)}
        for i, text in zip(
            shown, shapely.to_geojson(shapely.set_precision(shapes, 1e-6)) if shown else [], strict=True
        )
    ]
    fenced = {index.outlets[i] for i in shown}
    outlets = [
        _told(row, row.outlet_id in fenced)
        for row in queries.capacity_today()
        if row.outlet_id in fenced or _inside(row, west, south, east, north)
    ]
    body = {
        "fences": {"type": "FeatureCollection", "features": features},
        "outlets": outlets[:MOST],
        "truncated": len(near) > MOST,
    }
    return JsonResponse(body)


def _told(row: queries.DayRow, fenced: bool) -> dict[str, Any]:
    return {
        "id": row.outlet_id, "code": row.code, "name": row.name, "area": regions.short_name(row.adcode), "lng": row.lng,
        "lat": row.lat, "places": row.places, "left": row.left, "fenced": fenced,
    }  # fmt: skip


def _inside(row: queries.DayRow, west: float, south: float, east: float, north: float) -> bool:
    return (
        row.lng is not None and row.lat is not None and west <= row.lng <= east and south <= row.lat <= north
    )
