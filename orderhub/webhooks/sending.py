"""Delivering events: signed, to the checked address, no redirects; what fails is tried for a day.

An endpoint that answered nothing good for a day is switched off, with a notice and a ticket; one that says 410 at once.
Its undelivered messages wait for a person, who can replay them when it is on again.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from typing import Any

import httpx
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.models import Message
from orderhub.notifications.asking import notify
from orderhub.outbox.sending import Answer
from orderhub.tickets.opening import open_ticket
from orderhub.webhooks import addresses, attempts, signing
from orderhub.webhooks.models import Attempt, Endpoint

KIND = "webhook.send"
TIMEOUT = httpx.Timeout(10.0, connect=5.0)
#: No connection is used twice: it was opened to an address, and its certificate checked for one name of it.
ALONE = httpx.Limits(max_keepalive_connections=0)
#: With the outbox's doubling to half an hour, so many tries take a day.
TRIES = 56
GIVE_UP, AT_LEAST = dt.timedelta(days=1), 20


def send(messages: list[Message]) -> dict[int, Answer]:
    """Deliver each to its endpoint. A lost answer is repeated under the same webhook-id: receivers drop what they had."""
    endpoints = {one.pk: one for one in Endpoint.objects.filter(pk__in={m.subject_id for m in messages})}
    answers: dict[int, Answer] = {}
    tries: list[Attempt] = []
    with httpx.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False, limits=ALONE) as client:
        for message in messages:
            endpoint = endpoints.get(message.subject_id)
            if endpoint is None:
                answers[message.pk] = Answer.withdrawn(_("The webhook was deleted."))
            elif not endpoint.enabled:
                answers[message.pk] = Answer.person(_("The webhook is switched off."))
            else:
                answers[message.pk], made = _deliver(client, endpoint, message)
                tries.append(made)
    attempts.keep(tries)
    return answers


def body_of(message: Message) -> bytes:
    """What is sent and signed: the same bytes at each try."""
    return json.dumps(message.data, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _deliver(client: httpx.Client, endpoint: Endpoint, message: Message) -> tuple[Answer, Attempt]:
    """(what becomes of the message, this try as it ended)."""
    made = Attempt(endpoint=endpoint, message_id=message.pk, at=timezone.now())
    begun = time.perf_counter()
    answer = _asked(client, endpoint, message, made)
    made.latency_ms = round((time.perf_counter() - begun) * 1000)
    made.error = answer.text[:200]
    return answer, made


def _asked(client: httpx.Client, endpoint: Endpoint, message: Message, made: Attempt) -> Answer:
    body, identity = body_of(message), f"msg_{message.pk}"
    try:
        split, address = addresses.pinned(endpoint.url)
    except addresses.Refused as refused:
        return _failed(endpoint, str(refused))
    host = f"[{address}]" if ":" in address else address
    place = f"{split.scheme}://{host}{f':{split.port}' if split.port else ''}{split.path or '/'}"
    headers = {
        **signing.headers(endpoint, identity, int(time.time()), body),
        "Content-Type": "application/json",
        "User-Agent": "OrderHub-Webhooks/1",
        "Host": split.netloc,
    }
    try:
        request = client.build_request(
            "POST", f"{place}?{split.query}" if split.query else place, content=body, headers=headers,
            extensions={"sni_hostname": str(split.hostname)},
        )  # fmt: skip
        answer = client.send(request, stream=True)  # the body is theirs: it is not read
        answer.close()
        client.cookies.clear()  # they are kept by address, which names share
    except httpx.HTTPError as error:
        return _failed(endpoint, _("No answer: %(what)s") % {"what": type(error).__name__})
    made.status = answer.status_code
    if 200 <= answer.status_code < 300:
        if endpoint.failures:
            Endpoint.objects.filter(pk=endpoint.pk).update(failures=0, failing_since=None)
            endpoint.failures, endpoint.failing_since = 0, None
        return Answer.done(status=answer.status_code)
    text = _("Answered %(status)d.") % {"status": answer.status_code}
    return _failed(endpoint, text, gone=answer.status_code == 410)


def _failed(endpoint: Endpoint, text: str, *, gone: bool = False) -> Answer:
    now = timezone.now()
    endpoint.failures += 1
    endpoint.failing_since = endpoint.failing_since or now
    Endpoint.objects.filter(pk=endpoint.pk).update(
        failures=F("failures") + 1, failing_since=endpoint.failing_since
    )
    if gone or (endpoint.failures >= AT_LEAST and now - endpoint.failing_since >= GIVE_UP):
        _switch_off(endpoint, text)
        return Answer.person(text)
    return Answer("retry", kind="retry", text=text)


def _switch_off(endpoint: Endpoint, text: str) -> None:
    if not Endpoint.objects.filter(pk=endpoint.pk, enabled=True).update(enabled=False, off_why=text[:200]):
        return
    endpoint.enabled = False
    title = _("The webhook %(name)s was switched off") % {"name": endpoint.name}
    body = _("It took nothing for a day: %(why)s Mend it, switch it on, then replay what is left.") % {
        "why": text
    }
    open_ticket("webhook_off", f"webhook:{endpoint.pk}", title, body=body, role="operations")
    key = f"webhook_off:{endpoint.pk}:{int(time.time())}"
    notify("operations", "webhook_off", key, {"name": endpoint.name, "reason": text})


def replay(message_ids: list[int]) -> int:
    """Send these again, delivered or not, under their own webhook-ids; how many."""
    return (
        Message.objects.filter(kind=KIND, pk__in=message_ids)
        .exclude(state=Message.State.SENDING)
        .update(
            state=Message.State.NEW,
            attempts=0,
            next_try_at=timezone.now(),
            lease_until=None,
            error="",
            done_at=None,
        )
    )


def subscribed(shop: str, event: str, endpoints: list[Endpoint]) -> list[Endpoint]:
    """Which endpoints want this event of this shop."""
    return [
        one for one in endpoints
        if (not one.shops or shop in one.shops) and (not one.events or event in one.events)
    ]  # fmt: skip


def wanted() -> list[Any]:
    """The endpoints that are on."""
    return list(Endpoint.objects.filter(enabled=True).order_by("pk"))
