"""A file of fences in two steps: what it would do, row by row and on the map; then, on a second press, done.

The bytes are kept between the steps, so that what was seen is what is taken in, and afterwards as the record of
who brought what.
"""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import shapely
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from orderhub.admin_site.base import need
from routing import fences
from routing.admin.maps import MEDIA, config
from routing.models import FenceImport
from routing.operations.import_fences import MAX_BYTES, BadFile, Preview, preview, take_in

PERMISSION = "routing.import_fence"
SHOWN = 300


class FileForm(forms.Form):
    """The file, what its coordinates are in (never guessed), and from which day it holds."""

    file = forms.FileField(label=_("GeoJSON file"))
    datum = forms.ChoiceField(
        label=_("Its coordinates are in"),
        choices=[
            ("", _("please choose")),
            ("gcj02", _("GCJ-02: Amap, Tencent and most Chinese maps")),
            ("wgs84", _("WGS-84: GPS, OpenStreetMap, most open data")),
            ("bd09", _("BD-09: Baidu maps")),
        ],
    )
    valid_from = forms.DateField(
        label=_("Valid from"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.setdefault("class", "oh-input")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise forms.ValidationError(
                _now("The file is larger than %(mb)d MB.") % {"mb": MAX_BYTES // 1024 // 1024}
            )
        return file


@require_http_methods(["GET", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST with a file: the preview. POST with `apply`: what was previewed is taken in."""
    need(request, PERMISSION)
    if request.method == "POST" and request.POST.get("apply", "").isdigit():
        return _apply(request, int(request.POST["apply"]))
    form = FileForm(request.POST or None, request.FILES or None, initial={"valid_from": fences.today()})
    seen: Preview | None = None
    kept: FenceImport | None = None
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data["file"].read()
        try:
            seen = preview(data, form.cleaned_data["datum"], form.cleaned_data["valid_from"])
        except BadFile as error:
            form.add_error("file", str(error))
        else:
            kept = FenceImport.objects.create(
                filename=form.cleaned_data["file"].name[:120], digest=seen.digest, data=data, datum=seen.datum,
                valid_from=seen.valid_from, by=request.user.get_username()[:80],
            )  # fmt: skip
    return TemplateResponse(request, "routing/import.html", _context(request, form, seen, kept))


def _context(
    request: HttpRequest, form: FileForm, seen: Preview | None, kept: FenceImport | None
) -> dict[str, Any]:
    context = {
        **admin.site.each_context(request),
        "title": _("Import fences"),
        "form": form,
        "map_media": MEDIA,
    }
    if seen is None or kept is None:
        return context
    features = [
        {
            "type": "Feature",
            "properties": {"name": f"{row.code} {row.name}"},
            "geometry": json.loads(shapely.to_geojson(shapely.simplify(row.checked.shape, 0.0005))),
        }
        for row in seen.good
        if row.checked is not None
    ]
    told = config(kind="show", fences={"type": "FeatureCollection", "features": features})
    rows = sorted(seen.rows, key=lambda row: (row.action != "error", row.number))
    return {
        **context, "seen": seen, "kept": kept, "rows": rows[:SHOWN], "hidden": max(0, len(rows) - SHOWN),
        "counts": seen.counts, "config": told,
    }  # fmt: skip


def _apply(request: HttpRequest, import_id: int) -> HttpResponse:
    with transaction.atomic():
        kept = get_object_or_404(FenceImport.objects.select_for_update(), pk=import_id)
        if kept.applied_at is not None:
            messages.warning(request, _now("This file was taken in already."))
            return redirect("admin:routing_fence_import")
        if kept.valid_from < fences.today() - dt.timedelta(days=366):
            messages.error(request, _now("Its first day lies more than a year back."))
            return redirect("admin:routing_fence_import")
        kept.result = take_in(preview(bytes(kept.data), kept.datum, kept.valid_from))
        kept.applied_at = timezone.now()
        kept.save(update_fields=["result", "applied_at"])
    messages.success(request, result_words(kept.result))
    return redirect("admin:routing_fence_map")


def result_words(result: dict[str, int]) -> str:
    """What an import came to."""
    return _now("%(made)d fences taken in, %(ended)d earlier ones ended, %(refused)d rows refused.") % result
