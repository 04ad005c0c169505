"""The decision points and what decides at each: policies, versions, what was done, and going back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment, pill
from orderhub.rules import publishing, registry
from orderhub.rules.differences import differences
from orderhub.rules.models import Publication, RuleSet, Version
from orderhub.rules.points import Point

SEE, CHANGE, PUBLISH = "orderhub.view_ruleset", "orderhub.change_ruleset", "orderhub.publish_ruleset"
TONES = {
    "draft": "info", "checked": "info", "shadow": "warn", "live": "good", "retired": "done", "rolled_back": "done",
}  # fmt: skip
SHOWN = 30
OPEN = ("draft", "checked", "shadow")


def overview(request: HttpRequest) -> HttpResponse:
    """Every decision point: what it decides, which policy is in use, who published it and when, what to do next."""
    need(request, SEE)
    sets = list(RuleSet.objects.select_related("live__published_by").order_by("id"))
    drafts: dict[str, int] = {}
    open_ones = Version.objects.filter(state__in=OPEN)
    for at in open_ones.values_list("rule_set__point", flat=True):
        drafts[at] = drafts.get(at, 0) + 1
    rows = []
    for spec in registry.points():
        used = next((each for each in sets if each.point == spec.code and each.in_use), None)
        rows.append({
            "point": spec, "set": used, "drafts": drafts.get(spec.code, 0), "failing": used and used.failing_since,
            "when": moment(used.live.published_at) if used and used.live else "",
            "who": _who(used.live.published_by) if used and used.live else "",
            "link": reverse("admin:rules_point", args=[spec.code]),
        })  # fmt: skip
    context = {"title": _("Rules"), "rows": rows, **admin.site.each_context(request)}
    return TemplateResponse(request, "orderhub/rules/overview.html", context)


def point(request: HttpRequest, code: str) -> HttpResponse:
    """One decision point: its policies, their versions with what each changed, and the history."""
    need(request, SEE)
    spec = _point(code)
    sets = list(RuleSet.objects.filter(point=code).select_related("live", "shadow").order_by("-in_use", "id"))
    versions = list(
        Version.objects.filter(rule_set__point=code)
        .select_related("author", "published_by", "rule_set", "based_on")
        .order_by("-number")[: SHOWN * len(sets) or SHOWN]
    )
    policies = [
        {
            "set": each,
            "about": spec.policy_of[each.code].about if each.code in spec.policy_of else "",
            "versions": [_version(v) for v in versions if v.rule_set_id == each.id],
            "drafts": any(v.rule_set_id == each.id and v.state in OPEN for v in versions),
            "back": next((v for v in versions if v.rule_set_id == each.id and v.state == "retired"), None),
        }
        for each in sets
    ]
    history = Publication.objects.filter(rule_set__point=code).select_related("rule_set", "version", "by")
    context = {
        "title": spec.label, "point": spec, "policies": policies,
        "history": [(moment(row.at), _who(row.by), row) for row in history.order_by("-id")[:SHOWN]],
        "may_change": request.user.has_perm(CHANGE), "may_publish": request.user.has_perm(PUBLISH),
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orderhub/rules/point.html", context)


def _version(version: Version) -> dict[str, Any]:
    based = version.based_on.document if version.based_on else None
    return {
        "version": version, "state": pill(version.get_state_display(), TONES[version.state]),
        "who": _who(version.published_by or version.author), "when": moment(version.published_at or version.created_at),
        "changes": differences(based, version.document) if based is not None else [],
        "open": version.state in OPEN,
        "links": _links(version),
    }  # fmt: skip


def _links(version: Version) -> list[tuple[str, str]]:
    """The pages of a version that are there, in the order of use."""
    names = (
        ("rules_table", _("Edit as a table")), ("rules_canvas", _("Canvas")), ("rules_try", _("Try on past orders")),
        ("rules_file", _("Export")),
    )  # fmt: skip
    found = []
    for name, words in names:
        try:
            found.append((reverse(f"admin:{name}", args=[version.pk]), words))
        except NoReverseMatch:
            continue
    return found


def _who(user: Any) -> str:
    return user.get_username() if user else _("as delivered")


def _point(code: str) -> Point:
    try:
        return registry.point(code)
    except registry.NoSuchPoint:
        raise Http404 from None


def _draft(request: HttpRequest, spec: Point) -> tuple[str, str]:
    source = request.POST.get("version", "")
    version = get_object_or_404(Version, pk=source, rule_set__point=spec.code) if source.isdigit() else None
    code = version.rule_set.code if version else request.POST.get("policy", "")
    made = publishing.new_draft(spec.code, code, request.user, based_on=version.pk if version else None)
    said = _("Draft %(number)s is begun; nothing has changed yet.") % {"number": made.number}
    return said, reverse("admin:rules_table", args=[made.pk])


def _check(request: HttpRequest, spec: Point) -> str:
    version = _its(request, spec)
    faults = publishing.check_draft(version.pk, request.user)
    if faults:
        raise publishing.NotReady(faults)
    return _("Version %(number)s is sound and may be published.") % {"number": version.number}


def _publish(request: HttpRequest, spec: Point) -> str:
    made = publishing.publish(_its(request, spec).pk, request.user, request.POST.get("reason", ""))
    return _("Version %(number)s is live; every worker follows it within five seconds.") % {
        "number": made.number
    }


def _roll_back(request: HttpRequest, spec: Point) -> str:
    owner = get_object_or_404(RuleSet, point=spec.code, code=request.POST.get("policy", ""))
    made = publishing.roll_back(owner.pk, request.user, request.POST.get("reason", ""))
    return _("Back at version %(number)s; every worker follows it within five seconds.") % {
        "number": made.number
    }


def _choose(request: HttpRequest, spec: Point) -> str:
    chosen = publishing.choose(
        spec.code, request.POST.get("policy", ""), request.user, request.POST.get("reason", "")
    )
    return _("“%(policy)s” is in use now.") % {"policy": chosen.title}


def _shadow(request: HttpRequest, spec: Point) -> str:
    made = publishing.start_shadow(_its(request, spec).pk, request.user)
    return _("Version %(number)s runs in shadow: it decides nothing, differences are counted.") % {
        "number": made.number
    }


def _unshadow(request: HttpRequest, spec: Point) -> str:
    version = _its(request, spec)
    publishing.stop_shadow(version.rule_set_id, request.user)
    return _("Version %(number)s is out of shadow.") % {"number": version.number}


def _discard(request: HttpRequest, spec: Point) -> str:
    version = _its(request, spec)
    publishing.discard(version.pk)
    return _("Draft %(number)s is thrown away.") % {"number": version.number}


def _bring(request: HttpRequest, spec: Point) -> str:
    file = request.FILES.get("file")
    if file is None:
        raise publishing.BadFile(_("Choose a file first."))
    raw = file.read(publishing.LARGEST_FILE + 1)
    made = publishing.import_file(raw, spec.code, request.POST.get("policy", ""), request.user)
    return _("The file is now draft %(number)s; nothing has changed yet.") % {"number": made.number}


def _its(request: HttpRequest, spec: Point) -> Version:
    number = request.POST.get("version", "")
    if not number.isdigit():
        raise Http404
    return get_object_or_404(Version, pk=number, rule_set__point=spec.code)


#: What each act needs, and what does it: it says what came of it, and where to go where that is not the point's page.
ACTS: dict[str, tuple[str, Callable[[HttpRequest, Point], str | tuple[str, str]]]] = {
    "draft": (CHANGE, _draft),
    "check": (CHANGE, _check),
    "discard": (CHANGE, _discard),
    "import": (CHANGE, _bring),
    "shadow": (CHANGE, _shadow),
    "unshadow": (CHANGE, _unshadow),
    "publish": (PUBLISH, _publish),
    "roll_back": (PUBLISH, _roll_back),
    "choose": (PUBLISH, _choose),
}


@require_POST
def act(request: HttpRequest, code: str, what: str) -> HttpResponse:
    """Do one thing with a policy or version; what can't be done is said on the page."""
    spec = _point(code)
    if what not in ACTS:
        raise Http404
    permission, do = ACTS[what]
    need(request, permission)
    to = reverse("admin:rules_point", args=[code])
    try:
        said = do(request, spec)
        if isinstance(said, tuple):
            said, to = said
        messages.success(request, said)
        if permission == PUBLISH and spec.after:
            page, label = spec.after
            messages.info(request, format_html('<a class="oh-link" href="{}">{}</a>', reverse(page), label))
    except publishing.NotReady as refused:
        for fault in refused.faults[:10]:
            messages.error(request, fault.text)
    except publishing.RuleError as refused:
        messages.error(request, str(refused))
    return HttpResponseRedirect(to)


def file(request: HttpRequest, version_id: int) -> HttpResponse:
    """A version as a file."""
    need(request, SEE)
    version = get_object_or_404(Version.objects.select_related("rule_set"), pk=version_id)
    answer = HttpResponse(publishing.export_file(version.pk), content_type="application/json; charset=utf-8")
    name = f"{version.rule_set.point}-{version.rule_set.code}-v{version.number}.json"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
