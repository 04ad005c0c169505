"""Staff's words for notices with a preview, the path of unanswered tickets, and the log of who was told what."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import Admin, Ledger, need
from orderhub.admin_site.going import name_orders, order_link
from orderhub.admin_site.marks import moment, pill, state_pill
from orderhub.admin_site.tabs import Tab, Tabs
from orderhub.admin_site.words import failure
from orderhub.notifications import templates
from orderhub.notifications.asking import BELL, KIND
from orderhub.notifications.models import Recipient, Step, Told, Wording
from orderhub.outbox.models import Message

State = Message.State
LANGUAGES = (("zh-hans", "zh", _("Chinese")), ("en", "en", _("English")))
#: What a preview puts where a placeholder stands; others show their own name.
SAMPLES = {
    "number": "OH2606010001", "reason": "付款超过 24 小时仍无运单号", "amount": "129.00", "times": "2", "warehouse": "杭州自建仓",
    "parcel": "P2606010001-1", "waybill": "75512345678901", "hours": "48", "sku": "CUP-1", "free": "5", "on_shelf": "100",
    "share": "5", "point": "watch", "version": "3", "ticket": "1024", "title": "OH2606010001", "minutes": "60",
}  # fmt: skip


def preview(template: str, words: dict[str, str]) -> list[dict[str, Any]]:
    """What goes out in each language with sample values; faults instead of text where a placeholder is wrong."""
    params = {name: SAMPLES.get(name, name) for name in templates.placeholders(template)}
    shown = []
    for language, short, label in LANGUAGES:
        title, line = words.get(f"title_{short}", ""), words.get(f"line_{short}", "")
        fault = templates.fault(template, title) or templates.fault(template, line)
        with translation.override(language):
            house = templates.TEMPLATES[template]
            text = "" if fault else "\n".join([
                f"【{templates.filled(title or str(house.title), params)}】",
                f"· {templates.filled(line or str(house.line), params)}",
                _now("Notice %(number)s") % {"number": 10001},
            ])  # fmt: skip
        shown.append({"label": label, "language": language, "text": text, "fault": fault})
    return shown


@require_POST
def preview_now(request: HttpRequest) -> HttpResponse:
    """The preview of words that are not saved yet, for the form."""
    need(request, "orderhub.view_wording")
    code = request.POST.get("template", "")
    if code not in templates.TEMPLATES:
        return HttpResponse(status=404)
    words = {
        name: request.POST.get(name, "")[:300] for name in ("title_zh", "line_zh", "title_en", "line_en")
    }
    return TemplateResponse(request, "orderhub/wording_preview.html", {"shown": preview(code, words)})


@admin.register(Wording)
class WordingAdmin(Admin):
    list_display = ("what", "own", "window", "loud")
    list_display_links = ("what",)
    sortable_by = ()
    ordering = ("template",)
    actions = None
    change_form_outer_after_template = "orderhub/wording_after.html"
    fieldsets = (
        (None, {"fields": ("template", ("window_seconds", "urgent"))}),
        (_("Chinese"), {"fields": ("title_zh", "line_zh")}),
        (_("English"), {"fields": ("title_en", "line_en")}),
    )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("template", *super().get_readonly_fields(request, obj))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        templates.forget()

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:  # fmt: skip
        found = Wording.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        mine: dict[str, Any] = {"show_save_and_continue": False}
        if found is not None and found.template in templates.TEMPLATES:
            names = ("title_zh", "line_zh", "title_en", "line_en")
            mine |= {
                "wording": found, "shown": preview(found.template, {name: getattr(found, name) for name in names}),
                "placeholders": [f"%({name})s" for name in templates.placeholders(found.template)],
            }  # fmt: skip
        return super().change_view(request, object_id, form_url, {**mine, **(extra_context or {})})

    @admin.display(description=_("notice"))
    def what(self, wording: Wording) -> str:
        return str(wording)

    @admin.display(description=_("words"))
    def own(self, wording: Wording) -> SafeString:
        changed = any((wording.title_zh, wording.line_zh, wording.title_en, wording.line_en))
        return pill(_now("our own"), "info") if changed else pill(_now("the house's"))

    @admin.display(description=_("collected for"))
    def window(self, wording: Wording) -> str:
        return _now("%(n)d s") % {"n": 60 if wording.window_seconds is None else wording.window_seconds}

    @admin.display(description=_("urgent"))
    def loud(self, wording: Wording) -> SafeString | str:
        return pill(_now("urgent"), "warn") if wording.urgent else ""


@admin.register(Step)
class StepAdmin(Admin):
    list_display = ("of", "place", "after", "then")
    list_display_links = ("of",)
    ordering = ("kind", "place")
    sortable_by = ()
    actions = None
    fieldsets = ((None, {"fields": (("kind", "place"), ("minutes", "role"))}),)

    @admin.display(description=_("tickets"))
    def of(self, step: Step) -> str:
        return step.kind or _now("all kinds")

    @admin.display(description=_("unanswered for"))
    def after(self, step: Step) -> str:
        return _now("%(n)d minutes") % {"n": step.minutes}

    @admin.display(description=_("then tell"))
    def then(self, step: Step) -> str:
        return str(step.get_role_display())


class Outcome(Tabs):
    default = "all"
    tabs = (
        Tab("all", _("All"), Q()),
        Tab("waiting", _("On its way"), Q(state__in=[State.NEW, State.SENDING, State.UNKNOWN]), counted=True, tone="info"),
        Tab("person", _("Needs a person"), Q(state=State.NEEDS_PERSON), counted=True, tone="bad"),
        Tab("bell", _("At the bell"), Q(kind=BELL)),
        Tab("out", _("Outside"), Q(kind=KIND)),
    )  # fmt: skip


@admin.register(Told)
class ToldAdmin(Ledger):
    list_display = ("when", "what", "whom", "channel", "status", "order_number", "trouble")
    list_display_links = None
    list_filter = (Outcome,)
    list_select_related = ("connection",)
    ordering = ("-id",)
    sortable_by = ()

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        """Order numbers, recipients and people of the page: three queries."""
        from django.contrib.auth import get_user_model

        name_orders(rows)
        places = Recipient.objects.select_related("connection").in_bulk(
            {row.subject_id for row in rows if row.kind == KIND}
        )
        users = get_user_model().objects.filter(id__in={row.subject_id for row in rows if row.kind == BELL})
        people = dict(users.values_list("id", "username"))
        for row in rows:
            place = places.get(row.subject_id) if row.kind == KIND else None
            if row.kind == BELL:
                row.shown_whom = people.get(row.subject_id, "—")
            else:
                end = f" ···{place.phone[-4:]}" if place and place.phone else ""
                row.shown_whom = f"{place.get_role_display()}{end}" if place else "—"
            row.can_retry = request.user.has_perm("orderhub.change_message")

    @admin.display(description=_("asked"))
    def when(self, row: Any) -> SafeString | str:
        return moment(row.created_at)

    @admin.display(description=_("notice"))
    def what(self, row: Any) -> str:
        code = str(row.data.get("template", ""))
        return str(templates.TEMPLATES[code].label) if code in templates.TEMPLATES else code

    @admin.display(description=_("told whom"))
    def whom(self, row: Any) -> str:
        return str(row.shown_whom)

    @admin.display(description=_("sent by"))
    def channel(self, row: Any) -> str:
        return row.connection.name if row.connection else _now("the bell")

    @admin.display(description=_("outcome"))
    def status(self, row: Any) -> SafeString:
        under = moment(row.done_at) if row.done_at else moment(row.next_try_at)
        return format_html('{}<span class="oh-under">{}</span>', state_pill(row), under)

    @admin.display(description=_("order"))
    def order_number(self, row: Any) -> SafeString | str:
        return order_link(row.order_id, getattr(row, "shown_order", ""))

    @admin.display(description=_("what happened"))
    def trouble(self, row: Any) -> SafeString | str:
        if not row.error:
            return ""
        said = format_html("{}<span class='oh-under oh-clip'>{}</span>", failure(row.error_kind), row.error)
        if row.state != State.NEEDS_PERSON or not row.can_retry:
            return said
        link = format_html(
            '<a class="oh-link" href="../message/{}/change/">{}</a>', row.pk, _now("Look and retry")
        )
        return format_html("{}{}", said, link)
