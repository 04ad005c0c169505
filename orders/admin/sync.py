"""Sync health: for every shop and account whether it is well, what is wrong in words, and the button that helps."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from orderhub.admin.oauth import PERMISSION, can_connect
from orderhub.admin.payload import payloads_of
from orderhub.admin_site.base import need, within_reach
from orderhub.admin_site.going import back
from orderhub.admin_site.marks import ago, channel_chip, moment, span, state_pill
from orderhub.admin_site.tabs import bounded, shown_count
from orderhub.admin_site.words import failure, kind_label
from orderhub.inbound.models import Payload
from orderhub.integrations.models import Call, Connection
from orderhub.jobs.models import Heartbeat
from orderhub.nudge import nudge
from orderhub.outbox.models import Message
from orders.admin import backfill, known, sync_facts
from orders.models import Shop
from orders.providers import pulled
from orders.scope import accounts_of

#: A pull is late after two intervals of the schedule.
LATE = dt.timedelta(minutes=30)
SILENT = dt.timedelta(minutes=2)
HOUR = dt.timedelta(hours=1)
FRESH_TOKEN = dt.timedelta(days=1)
SHOWN = 8


@require_GET
def health(request: HttpRequest) -> HttpResponse:
    """The page."""
    need(request, "orders.view_shop")
    now = timezone.now()
    calls = calls_of_last_hour(now)
    facts = Facts(now)
    shops = [_shop(shop, calls, facts, now) for shop in known.shops(request)]
    of_shops = Shop.objects.values("connection_id")
    others, reach = (
        Connection.objects.exclude(pk__in=of_shops).order_by("platform", "code"),
        accounts_of(request.user),
    )
    if reach is not None:
        others = others.filter(pk__in=reach)
    accounts = [_account(account, calls, facts) for account in others]
    aside = payloads_of(request).filter(state=Payload.State.SET_ASIDE)
    unread = payloads_of(request).filter(state=Payload.State.NEW)
    dead = within_reach(Message.objects.filter(state=Message.State.NEEDS_PERSON), request)
    waiting = within_reach(Message.objects.filter(state__in=["new", "sending", "unknown"]), request)
    context = {
        **admin.site.each_context(request), "title": gettext_lazy("Sync health"), "shops": shops, "accounts": accounts,
        "aside": [_payload(row) for row in aside.select_related("connection").defer("raw_enc").order_by("-id")[:SHOWN]],
        "aside_count": shown_count(bounded(aside)),
        "dead": [_message(row) for row in dead.select_related("connection").order_by("-id")[:SHOWN]],
        "dead_count": shown_count(bounded(dead)), "waiting_count": shown_count(bounded(waiting)),
        "unread_count": shown_count(bounded(unread)), "narrowed": reach is not None,
        "workers": [
            {"name": beat.name, "silent": now - beat.at > SILENT, "at": ago(beat.at)}
            for beat in Heartbeat.objects.order_by("name")
        ],
        "can_pull": request.user.has_perm("orders.change_shop"),
        "can_connect": request.user.has_perm(PERMISSION), "can_retry": request.user.has_perm("orderhub.change_message"),
        "can_replay": request.user.has_perm("orderhub.change_payload"),
        "problems": problems(now, known.shops(request)), "window": backfill.defaults(),
    }  # fmt: skip
    return TemplateResponse(request, "orders/sync_health.html", context)


def calls_of_last_hour(now: dt.datetime) -> dict[int | None, dict[str, int]]:
    """{connection: {"all": n, "bad": n}} of the last hour; by the index on the start time."""
    rows = (
        Call.objects.filter(started_at__gte=now - HOUR)
        .order_by()
        .values("connection_id")
        .annotate(calls=Count("id"), bad=Count("id", filter=~Q(outcome="ok")))
    )
    return {row["connection_id"]: {"all": row["calls"], "bad": row["bad"]} for row in rows}


def problems(now: dt.datetime, shops: Iterable[Shop]) -> list[str]:
    """What is wrong with any source, in words; empty when all is well."""
    found = []
    for shop in shops:
        word = trouble(shop, now) if shop.enabled else ""
        if word:
            found.append(f"{shop.name}: {word}")
    return found


def trouble(shop: Shop, now: dt.datetime) -> str:
    """What is wrong with one shop, or nothing."""
    if shop.connection.state == "needs_authorisation":
        return _("needs to be connected again")
    if shop.errors_in_row:
        return _("%(n)d errors in a row") % {"n": shop.errors_in_row}
    if shop.channel in pulled() and shop.connection.state == "ok":
        if shop.last_success_at is None:
            return _("not pulled yet")
        if now - shop.last_success_at > LATE:
            return _("last pulled %(when)s") % {"when": ago(shop.last_success_at)}
    return ""


class Facts:
    """Everything that the page says of its accounts, read once."""

    def __init__(self, now: dt.datetime) -> None:
        accounts = list(Connection.objects.only("id", "options", "platform"))
        self.budgets = sync_facts.budgets(accounts, now)
        self.breakers = sync_facts.breakers(now)
        self.dead = sync_facts.dead_letters()
        self.failures = sync_facts.last_failures(now)
        self.jobs = backfill.jobs()

    def of(self, account_id: int) -> dict[str, Any]:
        return {
            "budget": self.budgets[account_id], "breaker": self.breakers.get(account_id),
            "dead": self.dead.get(account_id), "failure": self.failures.get(account_id),
        }  # fmt: skip


def _shop(
    shop: Shop, calls: dict[int | None, dict[str, int]], facts: Facts, now: dt.datetime
) -> dict[str, Any]:
    account = shop.connection
    used = calls.get(account.pk, {"all": 0, "bad": 0})
    ends = account.token_expires_at
    return {
        "row": shop, "account": account, "chip": channel_chip(shop.channel, shop.name), "pill": state_pill(account),
        "trouble": trouble(shop, now), "pulled": shop.channel in pulled(),
        "last_success": ago(shop.last_success_at), "until": moment(shop.pulled_until),
        "lag": span(now - shop.pulled_until) if shop.pulled_until else "—", "errors": shop.errors_in_row,
        "last_error": shop.last_error, "last_error_at": moment(shop.last_error_at),
        "calls": used["all"], "bad": used["bad"], **facts.of(account.pk),
        "next": sync_facts.next_step(shop.last_error, facts.failures.get(account.pk)), "jobs": facts.jobs.get(shop.pk, []),
        "token": ago(ends) if ends else "", "token_short": bool(ends and ends - now < FRESH_TOKEN),
        "connectable": can_connect(account), "needs": account.state != "ok" or (can_connect(account) and not account.token_enc),
    }  # fmt: skip


def _account(account: Connection, calls: dict[int | None, dict[str, int]], facts: Facts) -> dict[str, Any]:
    used = calls.get(account.pk, {"all": 0, "bad": 0})
    return {
        "row": account, "pill": state_pill(account), "calls": used["all"], "bad": used["bad"],
        **facts.of(account.pk),
    }  # fmt: skip


def _payload(row: Payload) -> dict[str, Any]:
    return {"row": row, "when": moment(row.received_at)}


def _message(row: Message) -> dict[str, Any]:
    return {"row": row, "what": kind_label(row.kind), "why": failure(row.error_kind)}


@require_POST
def pull_now(request: HttpRequest, shop_id: int) -> HttpResponse:
    """Ask a worker to pull this shop at once."""
    need(request, "orders.change_shop")
    shop = get_object_or_404(Shop, pk=shop_id)
    if shop.channel not in pulled():
        messages.info(request, _("This shop sends its orders by itself; there is nothing to pull."))
    else:
        nudge("orders.pull", shop.pk)
        messages.success(
            request, _("“%(shop)s” is being pulled now; reload in a few seconds.") % {"shop": shop.name}
        )
    return back(request, "admin:sync_health")
