"""Plain receivers in a file need two people: one asks and says why, another with the right allows it or does not.

Each step is in the log; the file is its asker's alone, lies a day, and every order in it says on its timeline who has it.
"""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.exports.files import PLAIN
from orderhub.jobs import running
from orderhub.notifications.bells import ring
from orderhub.scope import reach_of
from orders.models import PlainRequest
from orders.operations import plain_rows
from orders.operations.exporting import CSV, KIND, XLSX, listed
from orders.operations.plain_rows import APPROVE, ASK

#: A reason has words; a request is decided within so long, or asked again.
SHORTEST, LONGEST = 4, 2000
OPEN_FOR = dt.timedelta(days=3)


class Refused(Exception):
    """Why it can't be, in words for who tried."""


def ask(user: Any, query: str, form: str, reason: str, language: str) -> PlainRequest:
    """Ask for what the order list shows under a query string. Refused; whoever may allow it has it at the bell."""
    reason = " ".join(reason.split())
    if not user.has_perm(ASK):
        raise Refused(_("You may not ask for plain receivers."))
    if form not in (CSV, XLSX):
        raise Refused(_("Choose CSV or XLSX."))
    if len(reason) < SHORTEST:
        raise Refused(_("Say in a few words what the plain receivers are for."))
    if len(query) > LONGEST:  # what is cut off would be another question than the one that is allowed
        raise Refused(_("The filters are too long to be kept: choose fewer."))
    pieces = list(plain_rows.pieces_of(plain_rows.ascending(listed(query, user.pk))))
    if not pieces:
        raise Refused(_("There is no order in it."))
    count = sum(orders for _last, orders, _digest in pieces)
    with transaction.atomic():
        made = PlainRequest.objects.create(
            asked_by=user, query=query, form=form, reason=reason[:200], orders=count, upto=pieces[-1][0], pieces=pieces,
            language=language,
        )  # fmt: skip
        _log(
            made,
            user,
            ADDITION,
            _("asked for %(orders)s plain receivers: %(reason)s") % {"orders": count, "reason": reason},
        )
        said = {"who": user.get_username(), "orders": count, "reason": reason}
        for other in deciders(user):
            ring(other.pk, "plain_asked", f"plain:{made.pk}", said)
    return made


def deciders(asker: Any) -> list[Any]:
    """Who may allow what this person asks for."""
    people = get_user_model().objects.with_perm(
        APPROVE, backend="django.contrib.auth.backends.ModelBackend", include_superusers=True
    )
    return [one for one in people.exclude(pk=asker.pk).order_by("pk") if sees_as_much(one, asker)]


def sees_as_much(user: Any, other: Any) -> bool:
    """Whether a person sees every order that the other one sees."""
    mine, theirs = reach_of(user), reach_of(other)
    return all(
        own is None or (wanted is not None and wanted <= own)
        for own, wanted in ((mine.shops, theirs.shops), (mine.warehouses, theirs.warehouses))
    )


def decide(request_id: int, user: Any, allow: bool, note: str) -> PlainRequest:
    """Allow or refuse somebody else's request; allowed, the file is begun. Refused; PlainRequest.DoesNotExist."""
    with transaction.atomic():
        asked = (
            PlainRequest.objects.select_for_update(of=("self",)).select_related("asked_by").get(pk=request_id)
        )
        if not user.has_perm(APPROVE):
            raise Refused(_("You may not allow plain receivers."))
        if asked.asked_by_id == user.pk:
            raise Refused(_("Nobody allows their own request: ask a colleague who may."))
        if not sees_as_much(user, asked.asked_by):
            raise Refused(_("It has orders that you do not see: somebody who sees them has to decide."))
        if asked.state != PlainRequest.State.WAITING:
            raise Refused(_("It was decided already: %(state)s.") % {"state": asked.get_state_display()})
        if allow and asked.asked_at < timezone.now() - OPEN_FOR:
            raise Refused(_("It is older than %(n)s days: have it asked again.") % {"n": OPEN_FOR.days})
        asked.state = PlainRequest.State.APPROVED if allow else PlainRequest.State.REFUSED
        asked.decided_by, asked.decided_at, asked.note = user, timezone.now(), " ".join(note.split())[:200]
        if allow:
            asked.job = running.start(KIND, _params(asked), asked.asked_by_id)
        asked.save()
        with translation.override(asked.language):
            outcome = str(asked.get_state_display())
        _log(asked, user, CHANGE, f"{asked.get_state_display()}: {asked.note}")
        said = {"who": user.get_username(), "outcome": outcome, "note": asked.note}
        ring(asked.asked_by_id, "plain_decided", f"plain:{asked.pk}:decided", said)
    return asked


def _params(asked: PlainRequest) -> dict[str, Any]:
    stamp = timezone.localtime().strftime("%Y%m%d-%H%M%S")
    return {
        "query": asked.query, "form": asked.form, "language": asked.language, "after": 0, "size": 0, "plain": asked.pk,
        "upto": asked.upto, "reason": asked.reason, "file": f"{PLAIN}orders-{stamp}-{secrets.token_hex(6)}",
        "begun": timezone.now().isoformat(),
    }  # fmt: skip


def _log(asked: PlainRequest, user: Any, flag: int, words: str) -> None:
    LogEntry.objects.create(
        user_id=user.pk, content_type=ContentType.objects.get_for_model(PlainRequest), object_id=str(asked.pk),
        object_repr=str(asked)[:200], action_flag=flag, change_message=words,
    )  # fmt: skip
