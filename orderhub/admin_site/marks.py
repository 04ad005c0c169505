"""How states look everywhere: a tone, a word and, where colour alone would have to speak, an icon."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import Any

from django.db.models import Field
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

TONES = ("neutral", "info", "good", "warn", "bad", "done")

#: States and outcomes of every record, by their word. A word that is absent is neutral.
STATE_TONES: dict[str, str] = {
    # orders and parcels
    "unpaid": "neutral", "claimed": "warn", "paid": "info", "reserved": "info", "routed": "info",
    "released": "info", "waved": "info", "packed": "info", "printed": "info", "shipped": "good",
    "signed": "good", "closed": "done", "cancelled": "done", "planned": "neutral", "numbered": "info",
    "handed": "info", "returned": "warn", "voided": "done",
    # messages, payloads, tickets, jobs, connections, calls
    "new": "neutral", "sending": "info", "unknown": "warn", "done": "done", "needs_person": "bad",
    "parsed": "good", "stale": "done", "set_aside": "bad", "discarded": "done", "open": "warn",
    "working": "info", "running": "info", "failed": "bad", "ok": "good", "needs_authorisation": "bad",
    "disabled": "done", "retry": "warn", "reauthorise": "bad", "business": "warn", "configuration": "bad",
    # money and stock
    "due": "neutral", "saved": "info", "submitted": "info", "audited": "good", "requested": "info",
    "issued": "good", "reversed": "warn", "active": "info", "received": "info", "refused": "warn",
    "withdrawn": "done", "draft": "neutral", "placed": "info", "partial": "warn",
}  # fmt: skip
CHANNEL_TONES = {"taobao": "taobao", "own_shop": "own", "pinduoduo": "pinduoduo", "douyin": "douyin"}


#: A list says the same few words hundreds of times. `typed`: what is marked safe is another thing than the same letters.
remembered = lru_cache(maxsize=4096, typed=True)


def pill(text: Any, tone: str = "neutral", icon: str = "", title: str = "") -> SafeString:
    """A rounded word in a tone; `icon` is a Material Symbols name."""
    return _pill(str(text), tone, icon, title) if title else _plain_pill(str(text), tone, icon)


def _pill(text: str, tone: str, icon: str, title: str = "") -> SafeString:
    mark = (
        format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', icon)
        if icon
        else ""
    )
    return format_html('<span class="oh-pill oh-{}"{}>{}{}</span>', tone, _titled(title), mark, text)


_plain_pill = remembered(_pill)  # a title is a sentence about one order


def _titled(title: str) -> SafeString | str:
    return format_html(' title="{}"', title) if title else ""


def state_pill(record: Any, field: str = "state") -> SafeString:
    """The record's state with its label and tone."""
    value = getattr(record, field)
    return pill(
        _word(record._meta.get_field(field), value, get_language()), STATE_TONES.get(value, "neutral")
    )


@remembered
def _word(field: Field[Any, Any], value: str, _language: str) -> str:
    """The label of a choice; Django's own `get_…_display` translates every choice each time it is asked for one."""
    return str(dict(field.flatchoices).get(value, value))


def channel_chip(channel: str, text: Any) -> SafeString:
    """The shop's name with its channel's colour as a dot (the word carries the meaning)."""
    return _chip(channel, str(text))


@remembered
def _chip(channel: str, text: str) -> SafeString:
    return format_html(
        '<span class="oh-channel"><span class="oh-dot oh-dot-{}" aria-hidden="true"></span>{}</span>',
        CHANNEL_TONES.get(channel, "other"), text,
    )  # fmt: skip


def yuan(amount: Any) -> str:
    """¥1,234.50"""
    return "" if amount is None else f"¥{amount:,.2f}"


def span(delta: dt.timedelta) -> str:
    """A duration in its largest useful unit: 3 days, 5 hours, 12 minutes, 30 seconds."""
    seconds = int(abs(delta.total_seconds()))
    if seconds >= 2 * 86400:
        return ngettext("%(n)d day", "%(n)d days", seconds // 86400) % {"n": seconds // 86400}
    if seconds >= 2 * 3600:
        return ngettext("%(n)d hour", "%(n)d hours", seconds // 3600) % {"n": seconds // 3600}
    if seconds >= 120:
        return ngettext("%(n)d minute", "%(n)d minutes", seconds // 60) % {"n": seconds // 60}
    return ngettext("%(n)d second", "%(n)d seconds", seconds) % {"n": seconds}


def moment(at: dt.datetime | None, *, seconds: bool = False) -> SafeString | str:
    """A time of day here, with the year only where it is not this one; the full time is its title."""
    if at is None:
        return ""
    local = timezone.localtime(at)
    pattern = "%m-%d %H:%M" if local.year == timezone.localtime().year else "%Y-%m-%d %H:%M"
    shown = local.strftime(pattern + (":%S" if seconds else ""))
    full = local.strftime("%Y-%m-%d %H:%M:%S %Z")
    return format_html(
        '<time class="oh-time" datetime="{}" title="{}">{}</time>', local.isoformat(), full, shown
    )


def clock(at: dt.datetime) -> str:
    """The same as plain text, for sentences."""
    local = timezone.localtime(at)
    return local.strftime("%m-%d %H:%M" if local.year == timezone.localtime().year else "%Y-%m-%d %H:%M")


def ago(at: dt.datetime | None) -> str:
    """ "12 minutes ago", or "in 3 hours", or a dash."""
    if at is None:
        return "—"
    delta = timezone.now() - at
    words = span(delta)
    return (
        _("%(span)s ago") % {"span": words} if delta >= dt.timedelta() else _("in %(span)s") % {"span": words}
    )


def copy_button(value: str, what: str) -> SafeString | str:
    """A small button that copies the value; `what` says of what kind it is. Nothing where there is no value."""
    if not value:
        return ""
    said = _("Copy: %(what)s %(value)s") % {"what": what, "value": value}
    return format_html(
        '<button type="button" class="oh-copy" data-copy="{}" aria-label="{}"></button>', value, said
    )


#: Closer to the promise than this is amber.
NEAR = dt.timedelta(hours=6)


def deadline(at: dt.datetime | None, over: bool = False, near: dt.timedelta = NEAR) -> SafeString | str:
    """A promised time: red with how late, amber when near, plain otherwise or when it is `over` (kept)."""
    if at is None:
        return ""
    left = at - timezone.now()
    if over:
        return moment(at)
    if left < dt.timedelta():
        return format_html(
            '<span class="oh-late">{}<br><b>{}</b></span>',
            moment(at),
            _("%(span)s late") % {"span": span(left)},
        )
    if left < near:
        return format_html(
            '<span class="oh-near">{}<br><b>{}</b></span>',
            moment(at),
            _("%(span)s left") % {"span": span(left)},
        )
    return moment(at)
