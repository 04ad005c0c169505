"""A version's tables by Excel: downloaded, changed, brought back; what would change is shown before it is saved."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin.rules_edit import CHANGE, SEE, _version, editable
from orderhub.admin_site.base import need
from orderhub.rules import checking, publishing, registry, sheets, tables
from orderhub.rules.differences import differences

TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(request: HttpRequest, version_id: int) -> HttpResponse:
    """The file."""
    need(request, SEE)
    version = _version(version_id)
    raw = sheets.write(registry.point(version.rule_set.point), version.document)
    answer = HttpResponse(raw, content_type=TYPE)
    name = f"{version.rule_set.point}-{version.rule_set.code}-v{version.number}.xlsx"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


@require_POST
def bring(request: HttpRequest, version_id: int) -> HttpResponse:
    """A changed file: first what it would change; with `confirmed` its rows, which are then saved."""
    need(request, CHANGE)
    version = _version(version_id)
    back = HttpResponseRedirect(reverse("admin:rules_table", args=[version.pk]))
    if not editable(version):
        messages.error(
            request, _("This version was used and can't be changed any more; begin a draft from it.")
        )
        return back
    point = registry.point(version.rule_set.point)
    try:
        if request.POST.get("confirmed"):
            told: Any = json.loads(request.POST["confirmed"])
            document = tables.with_tables(point, version.document, told)
            publishing.save_draft(version.pk, document, int(request.POST.get("revision", "0")), request.user)
            messages.success(request, _("The file's rows are in the draft now."))
            return back
        file = request.FILES.get("file")
        if file is None:
            raise sheets.BadSheet(_("Choose a file first."))
        told = sheets.read(point, version.document, file.read(sheets.LARGEST + 1))
        document = tables.with_tables(point, version.document, told)
    except (sheets.BadSheet, tables.BadTable, publishing.RuleError) as error:
        messages.error(request, str(error))
        return back
    except ValueError:
        messages.error(request, _("What was sent can't be read."))
        return back
    context = {
        "title": _("What the file would change"), "version": version, "revision": version.revision,
        "name": f"{version.rule_set.title} {version}", "changes": differences(version.document, document),
        "faults": checking.check(point.code, document, functions=request.user.has_perm("orderhub.write_functions")),
        "rows": json.dumps(told, ensure_ascii=False), **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/rules/sheet.html", context)
