"""Complaint words: how often, where, rising or falling; a rule drafted from one; what it changed; files brought in."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import moment
from orderhub.rules.publishing import RuleError
from orders.complaints import suggestions
from orders.judgements import channels
from orders.models import ComplaintFile, ComplaintWord
from orders.operations import complaining
from orders.providers import spreadsheet
from orders.providers.base import Unreadable

SEE, CHANGE, ADD = "orders.view_complaint", "orders.change_complaintword", "orders.add_complaint"
#: The file's columns, by the words at their head.
HEADS = {
    "评价编号": "id",
    "店铺": "shop",
    "订单号": "order",
    "评分": "rating",
    "内容": "text",
    "时间": "said_at",
}
NEEDED = ("店铺", "内容", "时间")
MOST_ROWS, LARGEST, SHOWN = 5_000, 4_000_000, 20
#: Suggestions are made from the newest texts.
READ = 3_000


def page(request: HttpRequest) -> HttpResponse:
    """The words with their counts and trend, suggestions, and the chosen word's texts and effect."""
    need(request, SEE)
    now, channel = timezone.now(), request.GET.get("channel", "")
    known = dict(channels())
    counted = complaining.counts(now, channel=channel if channel in known else "", user=request.user)
    chosen = next((each for each in counted if str(each.word.pk) == request.GET.get("word", "")), None)
    readable = complaining.readable(request.user)
    texts = readable.filter(said_at__gt=now - complaining.WEEKS * complaining.A_WEEK).order_by("-said_at")
    newest = list(texts.values_list("text", flat=True)[:READ])
    context = {
        "title": _("Complaint words"), "rows": [_row(each) for each in counted], "channel": channel, "n": len(newest),
        "channels": [("", _("all channels")), *channels()],
        "suggested": suggestions(newest, [text for each in counted for text in each.word.every]),
        "chosen": _chosen(chosen, known, now, request.user) if chosen else None,
        "abouts": ComplaintWord.About.choices,
        "may_change": request.user.has_perm(CHANGE), "may_add": request.user.has_perm(ADD),
        "may_draft": request.user.has_perm("orderhub.change_ruleset"),
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orders/complaints.html", context)


def _row(count: complaining.Count) -> dict[str, Any]:
    return {
        "word": count.word, "week": count.recent, "total": count.total, "trend": count.trend, "spark": spark(count.weeks),
        "weeks": ", ".join(map(str, count.weeks)),
    }  # fmt: skip


def spark(weeks: list[int]) -> SafeString:
    """Thirteen weeks as a small line; the numbers stand beside it, so it is hidden from readers of the screen."""
    top = max([*weeks, 1])
    step = 96 / (len(weeks) - 1)
    points = " ".join(f"{2 + n * step:.1f},{22 - 20 * value / top:.1f}" for n, value in enumerate(weeks))
    return format_html(
        '<svg class="oh-spark" viewBox="0 0 100 24" aria-hidden="true" focusable="false">'
        '<polyline points="{}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>',
        points,
    )


def _chosen(count: complaining.Count, known: dict[str, Any], now: dt.datetime, user: Any) -> dict[str, Any]:
    texts = complaining.samples(count.word, now, among=complaining.readable(user))
    measured = complaining.effect(count.word, now, user)
    return {
        "word": count.word, "synonyms": ", ".join(map(str, count.word.synonyms)),
        "weeks": [(n - len(count.weeks) + 1, value) for n, value in enumerate(count.weeks)],
        "channels": [(known.get(code, code), n) for code, n in sorted(count.channels.items(), key=lambda item: -item[1])],
        "texts": [{"row": text, "when": moment(text.said_at)} for text in texts],
        "measured": measured,
        "live": moment(measured.live_since) if measured else "",
        "rates": [
            (label, side.said, side.orders, f"{side.rate:.2f}")
            for label, side in ((_("before"), measured.before), (_("after"), measured.after))
        ] if measured else [],
    }  # fmt: skip


def _here(word: ComplaintWord | None = None) -> HttpResponse:
    address = reverse("admin:complaints")
    return HttpResponseRedirect(f"{address}?word={word.pk}#chosen" if word else address)


@require_POST
def save_word(request: HttpRequest) -> HttpResponse:
    """A word is added, or its synonyms and subject are changed, or it is counted no more."""
    need(request, CHANGE)
    text = request.POST.get("word", "").strip()[:30]
    about = request.POST.get("about", "other")
    synonyms = [
        part.strip()[:30]
        for part in request.POST.get("synonyms", "").replace("，", ",").split(",")
        if part.strip()
    ]
    chosen = request.POST.get("id", "")
    if about not in ComplaintWord.About.values or len(text) < 2:
        messages.error(request, _now("A word needs at least two characters."))
        return _here()
    if chosen.isdigit():
        word = get_object_or_404(ComplaintWord, pk=int(chosen))
        if ComplaintWord.objects.filter(word=text).exclude(pk=word.pk).exists():
            messages.error(request, _now("“%(word)s” is counted already.") % {"word": text})
            return _here(word)
        word.word, word.synonyms, word.about, word.enabled = (
            text,
            synonyms[:20],
            about,
            "drop" not in request.POST,
        )
        word.save(update_fields=["word", "synonyms", "about", "enabled"])
        messages.success(request, _now("Saved."))
        return _here(word if word.enabled else None)
    word, made = ComplaintWord.objects.get_or_create(
        word=text, defaults={"synonyms": synonyms[:20], "about": about}
    )
    if not made and not word.enabled:
        ComplaintWord.objects.filter(pk=word.pk).update(enabled=True)
        made = True
    said = _now("“%(word)s” is counted from now on.") if made else _now("“%(word)s” is counted already.")
    messages.success(request, said % {"word": text})
    return _here(word)


@require_POST
def draft(request: HttpRequest, word_id: int) -> HttpResponse:
    """A draft of the watch rules with a row from the word, opened on its table."""
    need(request, "orderhub.change_ruleset")
    word = get_object_or_404(ComplaintWord, pk=word_id)
    try:
        version = complaining.draft_rule(word, request.user)
    except RuleError as fault:
        messages.error(request, str(fault))
        return _here(word)
    said = _now(
        "Version %(number)s is drafted: the first row is made from “%(word)s”. Look at it, try it, then publish."
    )
    messages.success(request, said % {"number": version.number, "word": word.word})
    if rows := complaining.touched(version.document, word):
        text = _now(
            "The new row stands before rows %(rows)s: an order that fits both is answered by it from now on. Try it to see which."
        )
        messages.warning(request, text % {"rows": ", ".join(map(str, rows))})
    return HttpResponseRedirect(reverse("admin:rules_table", args=[version.pk]))


def bring(request: HttpRequest) -> HttpResponse:
    """A file is read and shown, masked, with what is wrong; nothing is kept of it as a complaint yet."""
    need(request, ADD)
    if request.method != "POST":
        return _bring_page(request, None)
    sent = request.FILES.get("file")
    if sent is None or (sent.size or 0) > LARGEST:
        messages.error(request, _now("Choose a CSV or XLSX file of at most 4 MB."))
        return _bring_page(request, None)
    try:
        given = _fields(sent.read())
    except Unreadable as fault:
        messages.error(request, str(fault))
        return _bring_page(request, None)
    rows, faults = complaining.read_rows(given, request.user)
    ComplaintFile.objects.filter(by_id=request.user.pk, taken=None).delete()
    kept = ComplaintFile.objects.create(
        name=str(sent.name)[:120], rows=[[getattr(row, name) for name in row.__slots__] for row in rows],
        faults=[{**fault, "row": fault["row"] + 1} for fault in faults], by_id=request.user.pk or 0,
    )  # fmt: skip
    return _bring_page(request, kept)


def _fields(data: bytes) -> list[dict[str, str]]:
    table = spreadsheet.cells(data)
    heads = [cell.strip() for cell in table[0]] if table else []
    missing = [name for name in NEEDED if name not in heads]
    if missing:
        raise Unreadable("missing", _now("Columns are missing: %(names)s") % {"names": "、".join(missing)})
    if len(table) - 1 > MOST_ROWS:
        raise Unreadable(
            "too_long", _now("The sheet has more than %(most)s rows: divide it.") % {"most": MOST_ROWS}
        )
    rows = table[1:]
    return [
        {HEADS[h]: c for h, c in zip(heads, cells, strict=False) if h in HEADS}
        for cells in rows
        if any(cells)
    ]


def _bring_page(request: HttpRequest, kept: ComplaintFile | None) -> HttpResponse:
    context = {
        "title": _("Bring in complaints"), "kept": kept, "heads": list(HEADS), "needed": "、".join(NEEDED),
        "rows": [complaining.Row(*row) for row in kept.rows[:SHOWN]] if kept else [],
        "more": max(len(kept.rows) - SHOWN, 0) if kept else 0,
        **admin.site.each_context(request),
    }  # fmt: skip
    return TemplateResponse(request, "orders/complaints_bring.html", context)


@require_POST
def take(request: HttpRequest, file_id: int) -> HttpResponse:
    """What was shown is kept; what was kept before is not kept twice."""
    need(request, ADD)
    kept = ComplaintFile.objects.filter(pk=file_id, by_id=request.user.pk, taken=None).first()
    if kept is None:
        messages.warning(request, _now("This file has been taken in already, or a newer one replaced it."))
        return _here()
    rows = [complaining.Row(*row) for row in kept.rows]
    mine = complaining.within_reach({row.shop for row in rows}, request.user)  # narrower by now, it may be
    rows = [row for row in rows if row.shop in mine]
    new = complaining.take(rows)
    ComplaintFile.objects.filter(pk=kept.pk).update(taken=new, rows=[])
    said = _now("%(new)d complaints taken in; %(old)d were here already.")
    messages.success(request, said % {"new": new, "old": len(rows) - new})
    return _here()
