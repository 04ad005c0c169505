"""What a notice says: one row a template; a line for each thing told, under one title for all that are told together.

A template's fields are references (numbers, names of our places, counts), never a buyer's data: groups are read
by many. `sms` names the option of the SMS account that holds its approved template, `sms_fields` what that takes;
where several notices are told together, `count` is how many.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Template:
    """`title` and `line` are formatted with the notice's params."""

    label: Any
    title: Any
    line: Any
    sms: str = ""
    sms_fields: tuple[str, ...] = ()
    urgent: bool = False
    page: str = ""  # the admin's page where one goes on, by its URL name


TEMPLATES: dict[str, Template] = {
    "export_ready": Template(
        _("A file is ready"),
        _("The file that you asked for is ready"),
        _("%(name)s, %(rows)s rows"),
        page="admin:exports",
    ),
    "import_applied": Template(
        _("An import is applied"),
        _("Your import is applied"),
        _("%(name)s: %(rows)s rows written"),
        page="admin:imports",
    ),
    "plain_asked": Template(
        _("Plain receivers are asked for"),
        _("A file with plain receivers waits for a second person"),
        _("%(who)s asks for %(orders)s orders: %(reason)s"),
        page="admin:plain",
    ),
    "plain_decided": Template(
        _("Plain receivers were decided on"),
        _("Your request for plain receivers was decided"),
        _("%(who)s: %(outcome)s. %(note)s"),
        page="admin:exports",
    ),
    "bulk_ready": Template(
        _("Work on a list has ended"),
        _("The work that you asked for on a list has ended"),
        _("%(what)s: %(done)s done, %(refused)s refused"),
        page="admin:bulk_jobs",
    ),
    "pickup_overdue": Template(
        _("Not picked up in time"),
        _("%(warehouse)s: not picked up in time"),
        _("Parcel %(parcel)s, waybill %(waybill)s, shipped more than %(hours)s hours ago"),
        "template_pickup_overdue",
        ("warehouse", "count", "waybill"),
    ),
    "late_payment": Template(
        _("Paid after expiry"),
        _("Paid after the order had expired"),
        _("Order %(number)s: %(amount)s yuan; refund it, or place the order again"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "paid_twice": Template(
        _("Paid twice"),
        _("Orders paid twice"),
        _("Order %(number)s was paid %(times)s times; refund one payment"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "stock_lock": Template(
        _("Nearly used up"),
        _("Goods that are nearly used up: new orders wait"),
        _("%(sku)s: %(free)s of %(on_shelf)s pieces are free (%(share)s%%)"),
    ),
    "watch": Template(
        _("An order waits too long"),
        _("Orders that wait too long"),
        _("Order %(number)s: %(reason)s"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "ticket_unanswered": Template(
        _("Nobody has answered a ticket"),
        _("Tickets that nobody has answered"),
        _("Ticket %(ticket)s: %(title)s; open for %(minutes)s minutes"),
        "template_needs_person",
        ("number", "reason"),
    ),
    "complaints_jump": Template(
        _("Complaints have jumped"),
        _("Complaints have jumped"),
        _("%(n)s in the last seven days, usually %(usual)s a week"),
    ),
    "rule_failing": Template(
        _("A rule fails"),
        _("Rules that fail while orders run"),
        _("%(point)s, version %(version)s: the last good version decides; roll back or correct it"),
    ),
    "webhook_off": Template(
        _("A webhook was switched off"),
        _("Webhooks that were switched off"),
        _("%(name)s took nothing for a day: %(reason)s"),
    ),
    "needs_person": Template(
        _("Needs a person"),
        _("Orders that need a person"),
        _("Order %(number)s: %(reason)s"),
        "template_needs_person",
        ("number", "reason"),
    ),
}


PLACEHOLDER = re.compile(r"%\((\w+)\)s")
#: Staff's words are read at most this often, like everything that is switched while the house runs.
FRESH_FOR = 2.0
_own: tuple[float, dict[str, Any]] | None = None


def title(code: str, params: Mapping[str, Any]) -> str:
    return filled(_words(code, "title"), params)


def line(code: str, params: Mapping[str, Any]) -> str:
    return filled(_words(code, "line"), params)


def wording(code: str) -> Any:
    """Staff's own wording of a notice, as of at most two seconds ago; None where there is none."""
    global _own
    if _own is None or time.monotonic() - _own[0] > FRESH_FOR:
        from orderhub.notifications.models import Wording

        _own = (time.monotonic(), {each.template: each for each in Wording.objects.all()})
    return _own[1].get(code)


def a_row_each(using: str, apps: Any = None, **_kwargs: Any) -> None:
    """After a migration: an empty row of words for each notice that has none, so that a list of them only reads.

    A flush sends the same signal without `apps`; then the schema is today's.
    """
    if apps is None:
        from django.apps import apps
    try:
        rows = apps.get_model("orderhub", "Wording").objects.using(using)
    except LookupError:  # an earlier schema
        return
    rows.bulk_create([rows.model(template=code) for code in TEMPLATES], ignore_conflicts=True)


def forget() -> None:
    """Drop what is remembered of staff's words (after a change here, a test)."""
    global _own
    _own = None


def _words(code: str, part: str) -> str:
    """Staff's words in the language spoken now, else the house's."""
    own = wording(code)
    language = "en" if (get_language() or "").startswith("en") else "zh"
    said = getattr(own, f"{part}_{language}", "") if own else ""
    return said or str(getattr(TEMPLATES[code], part))


def filled(words: str, params: Mapping[str, Any]) -> str:
    """The words with their placeholders filled in; a percent sign may stand single or doubled."""
    return PLACEHOLDER.sub(lambda hit: str(params[hit[1]]), words).replace("%%", "%")


def placeholders(code: str) -> list[str]:
    """What a notice can say, in the order of its own words."""
    template = TEMPLATES[code]
    found = PLACEHOLDER.findall(f"{template.title} {template.line}")
    return list(dict.fromkeys([*found, *(name for name in template.sms_fields if name != "count")]))


def fault(code: str, words: str) -> str:
    """What is wrong with staff's words, for a clerk; "" where nothing is."""
    if code not in TEMPLATES:
        return ""
    known = placeholders(code)
    wrong = [name for name in PLACEHOLDER.findall(words) if name not in known]
    shown = ", ".join(f"%({name})s" for name in known)
    if wrong:
        return gettext("This notice has no placeholder “%(name)s”; it has: %(known)s") % {
            "name": wrong[0],
            "known": shown,
        }
    if "%(" in PLACEHOLDER.sub("", words):
        return gettext("A placeholder is not written out; this notice has: %(known)s") % {"known": shown}
    return ""


def check(code: str, params: Mapping[str, Any]) -> None:
    """KeyError for an unknown template or a missing field: found where the notice is asked for, not at night."""
    for name in placeholders(code):
        if name in params or name not in PLACEHOLDER.findall(
            f"{TEMPLATES[code].title} {TEMPLATES[code].line}"
        ):
            continue
        raise KeyError(name)
