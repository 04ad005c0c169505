"""SMS to our own people. The service has no key of its own, so an unknown outcome is looked up by our id."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.models import Parcel
from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.outbox.sending import Answer


def _phones(messages: Sequence[Message]) -> dict[int, str]:
    """The warehouse manager's phone by parcel: read when sending, never kept in a message."""
    rows = Parcel.objects.filter(id__in=[m.subject_id for m in messages])
    return dict(rows.values_list("id", "warehouse__manager_phone"))


def send(messages: Sequence[Message]) -> dict[int, Answer]:
    """`data`: template (name of the connection's option), params. The receiver is the parcel's warehouse manager."""
    phones = _phones(messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        phone, connection = phones.get(message.subject_id, ""), message.connection
        if not phone:
            answers[message.id] = Answer.person(_("The warehouse has no manager's phone."), "configuration")
            continue
        if connection is None:
            answers[message.id] = Answer.person(_("No SMS account is connected."), "configuration")
            continue
        speaker = client(connection)
        try:
            template, sign = speaker.option(message.data["template"]), speaker.option("sign_name")
            biz_id = speaker.send(phone, sign, template, message.data["params"], message.key)
            answers[message.id] = Answer.done(biz_id=biz_id)
        except PlatformError as error:
            limited = isinstance(error, Held) or error.code in speaker.too_fast
            answers[message.id] = Answer.limited(error) if limited else Answer.of(error)
    return answers


def ask(messages: Sequence[Message]) -> dict[int, Answer]:
    """Look our id up among what was sent to the number on the day of asking and today."""
    phones = _phones(messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        phone = phones.get(message.subject_id, "")
        if not phone or message.connection is None:
            answers[message.id] = Answer.missing()
            continue
        days: set[dt.date] = {timezone.localdate(message.created_at), timezone.localdate()}
        try:
            rows = [row for day in sorted(days) for row in client(message.connection).query(phone, date=day)]
        except PlatformError as error:
            answers[message.id] = Answer("unknown", kind=error.kind, text=error.message)
            continue
        sent = any(row.get("OutId") == message.key for row in rows)
        answers[message.id] = Answer.done(found=True) if sent else Answer.missing()
    return answers
