"""Sending notices: one message a topic; where the limit leaves no room for that, all that waits goes as one.

A group can't be asked whether a message arrived, so a lost answer is put before a person and never repeated
by itself: nobody is told twice. SMS can be looked up by our number.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from orderhub.integrations.errors import Held, PlatformError
from orderhub.integrations.redact import without_phones
from orderhub.integrations.registry import client
from orderhub.models import Message
from orderhub.notifications import pacing, templates
from orderhub.notifications.models import EMAIL, GROUPS, Recipient
from orderhub.outbox.sending import Answer

Answers = dict[int, Answer]
#: More lines than this nobody reads in a group.
MOST_LINES = 100


def send(messages: Sequence[Message]) -> Answers:
    """The due notices of one account, as the outbox gives them."""
    connection = messages[0].connection
    if connection is None:
        return {m.id: Answer.person(_("No account is connected."), "configuration") for m in messages}
    people = Recipient.objects.in_bulk({m.subject_id for m in messages})
    answers: Answers = {}
    by_language: dict[str, list[Message]] = {}
    for message in messages:
        person = people.get(message.subject_id)
        by_language.setdefault(person.language if person else settings.LANGUAGE_CODE, []).append(message)
    for language, group in by_language.items():
        with translation.override(language):
            if connection.platform in GROUPS:
                answers |= _to_group(client(connection), group)
            elif connection.platform == EMAIL:
                answers |= _by_mail(client(connection), group, {i: each.email for i, each in people.items()})
            else:
                answers |= _by_sms(client(connection), group)
    return answers


def ask(messages: Sequence[Message]) -> Answers:
    """Outcomes that got lost: SMS are looked up; for a group, a first try means that a person wants it again."""
    answers: Answers = {}
    phones = _phones(messages)
    for message in messages:
        connection = message.connection
        if connection is None or connection.platform in (*GROUPS, EMAIL):
            # The tries count from nought after a person's "retry": it was looked, and it did not arrive.
            again = message.attempts <= 1
            text = _(
                "Nobody can be asked whether notice %(number)s arrived: look there, and retry if it did not."
            )
            answers[message.id] = (
                Answer.missing() if again else Answer.person(text % {"number": message.id}, "unknown")
            )
            continue
        days = {timezone.localdate(message.created_at), timezone.localdate()}
        phone = phones.get(message.subject_id, "")
        try:
            rows = [row for day in sorted(days) for row in client(connection).query(phone, date=day)]
        except PlatformError as error:
            answers[message.id] = Answer("unknown", kind=error.kind, text=error.message)
            continue
        # several notices went as one text under the number of the first: the same number finds them
        number = str(message.data.get("sent_as") or message.key)
        found = any(row.get("OutId") == number for row in rows)
        answers[message.id] = Answer.done(found=True) if found else Answer.missing()
    return answers


def _to_group(robot: Any, messages: Sequence[Message]) -> Answers:
    account = robot.connection.id
    groups = _together(messages, {})
    free, wait = pacing.room(account, robot.pace)
    if not free:
        return {
            m.id: Answer.wait(wait, _("The group's limit is used up; it goes out later.")) for m in messages
        }
    if len(groups) > free:
        groups = [list(messages)]
    answers: Answers = {}
    for group in groups:
        wait_more = pacing.take(account, robot.pace)
        if wait_more is not None:
            text = _("The group's limit is used up; it goes out later.")
            answers |= {m.id: Answer.wait(wait_more, text) for m in group}
            continue
        told, left = _fitting(group, robot.max_bytes)
        try:
            robot.send_text(_text(told))
            answer = Answer.done(together=len(told))
        except PlatformError as error:
            answer = Answer.of(error)
            if _is_limit(error, robot):
                answer = Answer.limited(error)
                pacing.shut(account, answer.after or dt.timedelta(minutes=1))
        answers |= {m.id: answer for m in told}
        later = _("The message before was full; it goes out with the next.")
        answers |= {m.id: Answer.wait(dt.timedelta(seconds=1), later) for m in left}
    return answers


def _together(messages: Sequence[Message], phones: dict[int, str]) -> list[list[Message]]:
    """Notices told as one: one telephone (or the group), one template, one topic."""
    groups: dict[tuple[str, str, str], list[Message]] = {}
    for message in messages:
        place = (phones.get(message.subject_id, ""), message.data["template"], str(message.data.get("topic")))
        groups.setdefault(place, []).append(message)
    return list(groups.values())


def _fitting(group: list[Message], most: int) -> tuple[list[Message], list[Message]]:
    """As many notices as one message holds, at least one; the rest waits for the next."""
    n = len(group)
    while n > 1 and len(_text(group[:n]).encode()) > most - 1000:
        n = (n * 2) // 3 or 1
    return group[:n], group[n:]


def _text(group: Sequence[Message]) -> str:
    """Titles with their lines, and our number, by which a person finds it; telephones are taken out."""
    sections: dict[str, list[str]] = {}
    for message in group:
        code, params = message.data["template"], message.data["params"]
        lines = sections.setdefault(templates.title(code, params), [])
        line = templates.line(code, params)
        if line not in lines:
            lines.append(line)
    parts = ["\n".join([f"【{title}】", *_shortened(lines)]) for title, lines in sections.items()]
    number = _("Notice %(number)s") % {"number": group[0].id}
    return without_phones("\n".join([*parts, number]))[:6000]


def _shortened(lines: list[str]) -> list[str]:
    """The first lines, and how many more there are: the rest stands in the admin's log."""
    shown = [f"· {line}" for line in lines[:MOST_LINES]]
    if len(lines) > MOST_LINES:
        shown.append(_("… and %(n)d more") % {"n": len(lines) - MOST_LINES})
    return shown


def _phones(messages: Sequence[Message]) -> dict[int, str]:
    people = Recipient.objects.filter(id__in={m.subject_id for m in messages})
    return dict(people.values_list("id", "phone"))


def _is_limit(error: PlatformError, speaker: Any) -> bool:
    return isinstance(error, Held) or error.code in speaker.too_fast


def _by_sms(speaker: Any, messages: Sequence[Message]) -> Answers:
    phones = _phones(messages)
    answers: Answers = {}
    for group in _together(messages, phones):
        first = group[0]
        template, phone = templates.TEMPLATES[first.data["template"]], phones.get(first.subject_id, "")
        if not phone or not template.sms:
            text = (
                _("The recipient has no telephone.") if not phone else _("This notice has no SMS template.")
            )
            answers |= {m.id: Answer.person(text, "configuration") for m in group}
            continue
        params = first.data["params"]
        known = {**params, "count": str(len(group)), "reason": params.get("reason") or str(template.label)}
        try:
            sent = speaker.send(
                phone,
                speaker.option("sign_name"),
                speaker.option(template.sms),
                {name: known.get(name, "") for name in template.sms_fields},
                _number(group),
            )
            answer = Answer.done(biz_id=sent, together=len(group))
        except PlatformError as error:
            answer = Answer.limited(error) if _is_limit(error, speaker) else Answer.of(error)
        answers |= {m.id: answer for m in group}
    return answers


def _by_mail(server: Any, messages: Sequence[Message], addresses: dict[int, str]) -> Answers:
    """One mail an address and topic; its Message-ID is our number, by which a person finds it."""
    answers: Answers = {}
    for group in _together(messages, addresses):
        address = addresses.get(group[0].subject_id, "")
        if not address:
            answers |= {
                m.id: Answer.person(_("The recipient has no e-mail address."), "configuration") for m in group
            }
            continue
        subject = templates.title(group[0].data["template"], group[0].data["params"])
        if len(group) > 1:
            subject = f"{subject} ({len(group)})"
        try:
            server.send(address, subject, _text(group), f"notice-{group[0].id}")
            answer = Answer.done(together=len(group))
        except PlatformError as error:
            answer = Answer.of(error)
        answers |= {m.id: answer for m in group}
    return answers


def _number(group: list[Message]) -> str:
    """The number under which a text goes, kept with every notice in it before it is sent."""
    number = group[0].key
    for message in group:
        if message.data.get("sent_as") != number:
            message.data["sent_as"] = number
    Message.objects.bulk_update(group, ["data"])
    return number
