"""Acting on many rows of a list: what is chosen and what to do with it, then how far it is, row by row with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.test import RequestFactory
from django.urls import path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from orderhub.admin_site import bulk
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.paging import NextPaginator
from orderhub.dotted import resolve
from orderhub.jobs import running
from orderhub.jobs.models import Job, JobRow

SHOWN = 20
ROWS = 100
_BOX = '<input type="checkbox" class="oh-pick" form="oh-picked" name="pick" value="{}" aria-label="{}"{}>'
TONES = {"done": "good", "same": "neutral", "refused": "bad"}


class Bulk:
    """A list of which everything that matches can be acted on; `registry.ACTS` says how. Goes before `Admin`."""

    change_list_template = "orderhub/list.html"
    #: what the bar of picked rows copies, (name in `copied`, words)
    bulk_copies: tuple[tuple[str, Any], ...] = ()

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_bulk"  # type: ignore[attr-defined]
        view = self.admin_site.admin_view(self.bulk)  # type: ignore[attr-defined]
        return [path("bulk/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        able = bool(bulk.acts_of(self.model, request.user))  # type: ignore[attr-defined]
        to = f"admin:{self.opts.app_label}_{self.opts.model_name}_bulk"  # type: ignore[attr-defined]
        more = {
            "may_bulk": able,
            "bulk_copies": self.bulk_copies,
            "bulk_to": reverse(to),
            "bulk_query": bulk.filters_of(request.GET.urlencode()),
        }
        return super().changelist_view(request, {**more, **(extra_context or {})})  # type: ignore[misc]

    def get_list_display(self, request: HttpRequest) -> Any:
        named = super().get_list_display(request)  # type: ignore[misc]
        return ("pick", *named) if bulk.acts_of(self.model, request.user) else named  # type: ignore[attr-defined]

    @admin.display(description=_("pick"))
    def pick(self, record: Any) -> SafeString:
        """A box that belongs to the form above the list."""
        said = _now("Pick %(record)s") % {"record": record}
        data = format_html_join("", ' data-{}="{}"', self.copied(record).items())
        return format_html(_BOX, record.pk, said, data)

    def copied(self, record: Any) -> dict[str, str]:
        """What the bar copies of a picked row, by name; several words are parted by blanks."""
        return {}

    def bulk(self, request: HttpRequest) -> HttpResponse:
        """GET: what is chosen, and what can be done with it. POST: begin one act."""
        model: Any = self.model  # type: ignore[attr-defined]
        acts = bulk.acts_of(model, request.user)
        if not self.has_view_permission(request) or not acts:  # type: ignore[attr-defined]
            raise PermissionDenied
        asked = request.POST if request.method == "POST" else request.GET
        picked = [int(one) for one in asked.getlist("pick") if one.isdecimal() and len(one) < 19]
        if asked.get("all"):
            picked = []
        query = bulk.filters_of(asked.get("query", ""))
        if request.method == "POST":
            try:
                job = bulk.begin(model, asked.get("act", ""), query, picked, asked.dict(), request.user)
            except bulk.NotAllowed as error:
                messages.error(request, str(error))
            else:
                return HttpResponseRedirect(reverse("admin:bulk_job", args=[job.pk]))
        found = bulk.listed(model, query, request.user, picked)[: bulk.MOST + 1].count()
        opts = model._meta
        context = {
            "title": _now("Act on many"), "opts": opts, "picked": picked, "query": query, "n": min(found, bulk.MOST),
            "many": found > bulk.MOST, "chosen": [] if picked else list(words(self, query, request.user)),
            "acts": [(act, [(ask, resolve(ask.choices)() if ask.choices else []) for ask in act.asks]) for act in acts],
            "opened": asked.get("act", ""), "given": asked.dict(), "back": _list(opts.label_lower, query),
            **admin.site.each_context(request),
        }  # fmt: skip
        return TemplateResponse(request, "orderhub/bulk.html", context)


def words(shown: Any, query: str, user: Any) -> Iterator[str]:
    """The filters of a list's address in the words of the list itself."""
    request = RequestFactory().get("/", QueryDict(query))
    request.user = user
    cl = shown.get_changelist_instance(request)
    if cl.query:
        yield f"{_now('search')}: {cl.query}"
    for spec in cl.filter_specs:
        used = {name: value for name, value in spec.used_parameters.items() if value not in (None, "", [""])}
        if not used:
            continue
        value = spec.value() if isinstance(spec, SimpleListFilter) else next(iter(used.values()))
        value = value[0] if isinstance(value, list) and len(value) == 1 else value
        choices = getattr(spec, "lookup_choices", None) or getattr(
            getattr(spec, "field", None), "flatchoices", None
        )
        known = {str(key): label for key, label in choices or ()}
        yield f"{spec.title}: {known.get(str(value), value)}"


def mine(request: HttpRequest) -> HttpResponse:
    """One's own work on lists, the newest first."""
    jobs = Job.objects.filter(kind=bulk.KIND, requested_by=request.user.pk).order_by("-pk")[:SHOWN]
    rows = [{"job": each, **_head(each)} for each in jobs]
    context = {"title": _now("Work on many"), "rows": rows, **admin.site.each_context(request)}
    return TemplateResponse(request, "orderhub/bulk_jobs.html", context)


def job(request: HttpRequest, job_id: int) -> HttpResponse:
    """How far it is, and each row's result."""
    context = {"title": _now("Work on many"), **_told(request, job_id), **admin.site.each_context(request)}
    return TemplateResponse(request, "orderhub/bulk_job.html", context)


def part(request: HttpRequest, job_id: int) -> HttpResponse:
    """The part of the page that changes while it runs."""
    return TemplateResponse(request, "orderhub/bulk_part.html", _told(request, job_id))


@require_POST
def do(request: HttpRequest, job_id: int, what: str) -> HttpResponse:
    """Stop, go on, or try the refused again."""
    found = _own(request, job_id)
    if what == "stop":
        if running.cancel(found.pk):
            messages.success(request, _now("Stopped. What was done stays done."))
        else:
            messages.info(request, _now("It has already ended."))
    elif what == "go-on":
        running.go_on(found.pk)
    elif what == "retry":
        if not bulk.retry(found):
            messages.info(request, _now("There is nothing to try again."))
    else:
        raise Http404(what)
    return HttpResponseRedirect(reverse("admin:bulk_job", args=[found.pk]))


def _own(request: HttpRequest, job_id: int) -> Job:
    """One's own work; 404 for another's."""
    return get_object_or_404(Job, pk=job_id, kind=bulk.KIND, requested_by=request.user.pk)


def _list(label: str, query: str) -> str:
    address = reverse(f"admin:{label.replace('.', '_')}_changelist")
    return f"{address}?{query}" if query else address


def _head(found: Job) -> dict[str, Any]:
    act, counts = bulk.act_of(found), found.result or {}
    said = [(JobRow.Kind(kind).label, TONES[kind], counts[kind]) for kind in TONES if counts.get(kind)]
    values = found.params["values"]
    told = []
    for ask in act.asks:
        labels = dict(resolve(ask.choices)()) if ask.choices else {}
        told.append(str(labels.get(values[ask.code], values[ask.code])))
    return {
        "act": act, "told": told, "pill": state_pill(found), "at": moment(found.created_at), "counts": said,
        "open": found.state in running.OPEN, "percent": found.done * 100 // found.total if found.total else 0,
    }  # fmt: skip


def _told(request: HttpRequest, job_id: int) -> dict[str, Any]:
    found = _own(request, job_id)
    kind = request.GET.get("kind", "")
    rows = found.rows.filter(kind=kind).order_by("record") if kind in TONES else found.rows.order_by("record")
    page = NextPaginator(rows, ROWS).page(request.GET.get("page") or 1)
    model = apps.get_model(found.params["model"])
    seen = admin.site._registry[model].get_queryset(request).filter(pk__in=[row.record for row in page])
    names = {record.pk: str(record) for record in seen.order_by()}
    to = f"admin:{found.params['model'].replace('.', '_')}_change"
    counts = found.result or {}
    return {
        **_head(found), "job": found, "page": page, "kind": kind, "refused": counts.get("refused", 0),
        "kinds": [(code, JobRow.Kind(code).label, counts.get(code, 0)) for code in TONES],
        "stopped": found.state in (Job.State.CANCELLED, Job.State.FAILED),
        "back": _list(found.params["model"], found.params["query"]),
        "rows": [
            {"name": names.get(row.record, ""), "link": reverse(to, args=[row.record]) if row.record in names else "",
             "pill": pill(row.get_kind_display(), TONES[row.kind]), "why": row.why}
            for row in page
        ],
    }  # fmt: skip
