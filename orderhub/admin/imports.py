"""Import and export: a file is brought, what it would change is previewed, and applied on a second press.

Also who brought which file and what came of it, and the same columns as files of what is here.
"""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from orderhub.admin_site.marks import moment, pill
from orderhub.exports import files
from orderhub.exports.columns import select
from orderhub.imports import running
from orderhub.imports.models import Import
from orderhub.imports.reading import NotASheet
from orderhub.imports.resources import CHANGED, FRESH, REFUSED, UNCHANGED, Bringing, resources
from orderhub.jobs.models import Job

SHOWN = 30
TONES = {
    "checking": "info",
    "checked": "warn",
    "unreadable": "bad",
    "applying": "info",
    "applied": "good",
    "dropped": "neutral",
}
#: Outcome, its word and tone, in the order of the preview.
PARTS = (
    (REFUSED, gettext_lazy("left out"), "bad"),
    (FRESH, gettext_lazy("new"), "good"),
    (CHANGED, gettext_lazy("differs"), "info"),
    (UNCHANGED, gettext_lazy("as it is"), "neutral"),
)


def _may(request: HttpRequest, kind: type[Bringing]) -> bool:
    return request.user.has_perms(kind.permissions)


def _kind(request: HttpRequest, what: str, *, see: bool = False) -> type[Bringing]:
    kind = resources().get(what)
    if kind is None:
        raise Http404
    if not (request.user.has_perm(kind.see) if see else _may(request, kind)):
        raise PermissionDenied
    return kind


def _one(request: HttpRequest, file_id: int) -> Import:
    made = get_object_or_404(Import.objects.defer("data").select_related("made_by", "job"), pk=file_id)
    _kind(request, made.what)
    return made


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """What may be brought and taken, and the last files."""
    kinds = {
        code: kind
        for code, kind in resources().items()
        if request.user.has_perm(kind.see) or _may(request, kind)
    }
    if not kinds:
        raise PermissionDenied
    mine = [code for code, kind in kinds.items() if _may(request, kind)]
    found = (
        Import.objects.filter(what__in=mine)
        .defer("data", "preview", "seen")
        .select_related("made_by")
        .order_by("-id")
    )
    context = {
        "title": _("Import and export"),
        "kinds": [
            {"code": code, "kind": kind, "may": code in mine, "see": request.user.has_perm(kind.see),
             "columns": list(kind(user=request.user).fields.values())}
            for code, kind in kinds.items()
        ],
        "files": [
            {"file": made, "at": moment(made.made_at), "what": kinds[made.what].label, "pill": _pill(made)}
            for made in found[:SHOWN]
        ],
        "most": running.MOST_BYTES // 1_000_000, "days": running.KEPT.days, **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/imports.html", context)


def _pill(made: Import) -> Any:
    return pill(made.get_state_display(), TONES[made.state])


@require_POST
def bring(request: HttpRequest) -> HttpResponse:
    """Take a file and begin to check it."""
    what = request.POST.get("what", "")
    _kind(request, what)
    file = request.FILES.get("file")
    try:
        if file is None or (file.size or 0) > running.MOST_BYTES:
            raise NotASheet(_("Choose a file of at most %(n)d MB.") % {"n": running.MOST_BYTES // 1_000_000})
        made = running.begin(what, file.name or "?", file.read(), request.user, get_language() or "zh-hans")
    except NotASheet as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse("admin:imports"))
    return HttpResponseRedirect(reverse("admin:imports_one", args=[made.pk]))


@require_GET
def one(request: HttpRequest, file_id: int) -> HttpResponse:
    """One file: being checked, its preview, or what came of it. Asked by htmx, the part that changes alone."""
    made = _one(request, file_id)
    failed = made.job is not None and made.job.state in (Job.State.FAILED, Job.State.CANCELLED)
    moving = made.state in (Import.State.CHECKING, Import.State.APPLYING) and not failed
    parts = [
        {"code": code, "word": word, "tone": tone, "count": getattr(made, code), "rows": made.preview.get(code, [])[:100],
         "more": getattr(made, code) - min(100, len(made.preview.get(code, [])))}
        for code, word, tone in PARTS
    ]  # fmt: skip
    context = {
        "title": made.name, "file": made, "kind": resources()[made.what], "pill": _pill(made), "parts": parts, "moving": moving,
        "failed": failed, "wanted": made.fresh + made.changed, "at": moment(made.made_at), "done": moment(made.applied_at),
        "writes_all": UNCHANGED in resources()[made.what].writes,
        **admin.site.each_context(request),
    }  # fmt: skip
    template = (
        "orderhub/imports_state.html" if request.headers.get("HX-Request") else "orderhub/imports_one.html"
    )
    return TemplateResponse(request, template, context)


@require_POST
def apply_now(request: HttpRequest, file_id: int) -> HttpResponse:
    """Write what was previewed."""
    made = _one(request, file_id)
    if not running.apply(made, request.user):
        messages.info(request, _("This file was decided before."))
    return HttpResponseRedirect(reverse("admin:imports_one", args=[made.pk]))


@require_POST
def drop_now(request: HttpRequest, file_id: int) -> HttpResponse:
    """Throw a preview away."""
    if running.drop(_one(request, file_id)):
        messages.success(request, _("Thrown away; nothing was written."))
    else:
        messages.info(request, _("This file was decided before."))
    return HttpResponseRedirect(reverse("admin:imports"))


@require_GET
def refused(request: HttpRequest, file_id: int) -> HttpResponse:
    """The rows that were left out, with their reasons: to be corrected and brought again."""
    made = _one(request, file_id)
    fields = resources()[made.what](user=request.user).fields
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="import-{made.pk}-refused.csv"'
    writer = csv.writer(answer)
    writer.writerow([*(str(cell.label) for cell in fields.values()), _("row"), _("why it was left out")])
    for line in made.preview.get(REFUSED, []):
        writer.writerow(
            [*(_harmless(line["cells"].get(name, "")) for name in fields), line["row"], line["reason"]]
        )
    return answer


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@require_GET
def export(request: HttpRequest, what: str) -> HttpResponseBase:
    """What is here, in the columns that may be brought back. `form` is csv or xlsx."""
    kind = _kind(request, what, see=True)
    form = "csv" if request.GET.get("form") == "csv" else "xlsx"
    columns, source = kind(user=request.user).exported()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        statement = select(columns, source, long_as_text=True)
        _size, rows = files.append(path, files.begin(path, columns), statement, [])
        if form == "xlsx":
            files.workbook(path, path.with_suffix(".xlsx"), columns, str(kind.label), rows)
            path = path.with_suffix(".xlsx")
        file = path.open("rb")
    name = f"{what}-{timezone.localtime():%Y%m%d-%H%M%S}.{form}"
    LogEntry.objects.create(
        user_id=request.user.pk or 0, content_type=ContentType.objects.get_for_model(Import), object_id="",
        object_repr=name, action_flag=CHANGE,
        change_message=_("downloaded, %(rows)s rows: %(query)s") % {"rows": rows, "query": what},
    )  # fmt: skip
    return FileResponse(file, as_attachment=True, filename=name)
