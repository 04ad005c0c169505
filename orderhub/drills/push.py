"""Every outside effect × lost answer, 5xx before and after it, time-out, and kills before and after the call.

Each kind's messages are sent in slices, one slice a trouble; then they are sent until all are done. What counts
is how often the effect is in the sandbox's ledger: once a key.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import os
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone

from orderhub.drills import push_cast, workers
from orderhub.drills.cast import Cast, end_leases, set_up
from orderhub.integrations import http
from orderhub.models import Message
from orderhub.outbox import sending
from orderhub.testing.sandbox import RunningSandbox, running_sandbox

#: What each kind calls: (platform, method as the sandbox names it).
CALLS: dict[str, tuple[tuple[str, str], ...]] = {
    "waybill.get": (
        ("taobao", "cainiao.waybill.ii.get"),
        ("pinduoduo", "pdd.waybill.get"),
        ("douyin", "logistics.newCreateOrder"),
        ("zto", "zto.open.createOrder"),
    ),
    "wms.push": (("wangdiantong", "sales.RawTrade.pushSelf2"), ("qimen", "deliveryorder.create")),
    "channel.ship": (
        ("taobao", "taobao.logistics.offline.send"),
        ("pinduoduo", "pdd.logistics.online.send"),
        ("douyin", "order.logisticsAdd"),
        ("own_shop", "shipment"),
    ),
    "sms.send": (("aliyun_sms", "SendSms"),),
    "voucher.save": (("kingdee", "Save"),),
    "voucher.submit": (("kingdee", "Submit"),),
    "voucher.audit": (("kingdee", "Audit"),),
}
KINDS = {
    "waybill.get": "waybill.number",
    "wms.push": "wms.order",
    "channel.ship": "channel.ship",
    "sms.send": "sms.sent",
    "voucher.save": "kingdee.save",
    "voucher.submit": "kingdee.submit",
    "voucher.audit": "kingdee.audit",
}
FAULTS = ("lost_answer", "500_after", "500_before", "slow", "half_json")
KILLS = ("killed_before_the_call", "killed_after_the_effect")
SLOW, PATIENCE, TRIES = 1.2, 0.6, 8


def run(*, long: bool) -> dict[str, Any]:
    seed, size, each = (21, 1200, 140) if long else (21, 160, 28)
    options: dict[str, Any] = {
        "seed": seed,
        "orders": size,
        "days": 1,
        "no_scenarios": True,
        "mix": push_cast.MIX,
    }
    with tempfile.TemporaryDirectory() as folder, running_sandbox(Path(folder), **options) as sandbox:
        cast = set_up(sandbox.url)
        _impatient()
        push_cast.bring_orders(sandbox, cast, seed, size, each)
        return _judge(sandbox, _stages(sandbox, cast, each))


def _stages(sandbox: RunningSandbox, cast: Cast, each: int) -> dict[str, dict[str, Any]]:
    done: dict[str, dict[str, Any]] = {}
    done["waybill.get"] = _stage(sandbox, "waybill.get")
    done["wms.push"] = _stage(sandbox, "wms.push")
    push_cast.ship()
    done["channel.ship"] = _stage(sandbox, "channel.ship")
    push_cast.write_texts(cast, each)
    done["sms.send"] = _stage(sandbox, "sms.send")
    push_cast.end_quietly()
    for kind in ("voucher.save", "voucher.submit", "voucher.audit"):
        done[kind] = _stage(sandbox, kind)
    return done


def _impatient() -> None:
    """A time-out of half a second instead of fifteen, so that a slow platform costs no minute."""
    real = http._exchange

    def quick(request: http.Outgoing, effect: bool) -> Any:
        return real(dataclasses.replace(request, read_seconds=PATIENCE if effect else 10.0), effect)

    http._exchange = quick


def _stage(sandbox: RunningSandbox, kind: str) -> dict[str, Any]:
    """Send all messages of a kind, each slice under its own trouble; then until none is left."""
    open_ones = Message.objects.filter(kind=kind).exclude(state="done").order_by("connection_id", "id")
    waiting = list(open_ones.values_list("id", flat=True))
    troubles = FAULTS + KILLS
    kills = 0
    done: Counter[str] = Counter()
    Message.objects.filter(id__in=waiting).update(next_try_at=timezone.now() + dt.timedelta(days=1))
    for number, trouble in enumerate(troubles):
        ids = waiting[number :: len(troubles)]
        if not ids:
            continue
        _due(ids)
        if trouble in KILLS:
            child = workers.start(_die, kind, trouble == KILLS[1])
            child.join(60)
            kills += child.exitcode == 9
            continue
        for platform, method in CALLS[kind]:
            sandbox.fault(trouble, platform, method, times=2, seconds=SLOW if trouble == "slow" else 0)
        sending.drain(kind)
        if trouble == "slow":
            time.sleep(SLOW)  # the effect is made after we gave up waiting
        for name, n in sandbox.counts()["faults"].items():
            done[name.split(".", 1)[1]] += n
        sandbox.clear_faults()
    _settle(kind)
    again = waiting[:5]  # as after a restored backup: what is done already is believed unknown
    Message.objects.filter(id__in=again, state="done").update(state="unknown", attempts=0, lease_until=None)
    _settle(kind)
    states = Counter(Message.objects.filter(id__in=waiting).values_list("state", flat=True))
    return {
        "messages": len(waiting),
        "kills": kills,
        "faults": dict(done),
        "forgotten": len(again),
        "states": dict(states),
    }


def _settle(kind: str) -> None:
    """Waits are over at once; until nothing of the kind is open."""
    for _ in range(TRIES):
        left = _left(kind)
        if not left:
            return
        end_leases("orderhub_message")
        _due(left)
        sending.drain(kind)


def _left(kind: str) -> list[int]:
    return list(
        Message.objects.filter(kind=kind, state__in=["new", "sending", "unknown"]).values_list(
            "id", flat=True
        )
    )


def _due(ids: list[int]) -> None:
    Message.objects.filter(id__in=ids, state__in=["new", "sending", "unknown"]).update(
        next_try_at=timezone.now()
    )


def _die(kind: str, after: bool) -> None:
    """A worker that dies after claiming its messages: before the call, or when the effect is made but not noted."""
    if after:
        sending.settle = lambda *args: os._exit(9)
    else:
        sending._call = lambda *args: os._exit(9)
    sending.drain(kind)


def _judge(sandbox: RunningSandbox, stages: dict[str, dict[str, Any]]) -> dict[str, Any]:
    counts = sandbox.counts()["kinds"]
    ok = True
    doubled = missing = effects = 0
    for kind, stage in stages.items():
        seen = counts.get(KINDS[kind], {"effects": 0, "keys": 0, "doubled": 0})
        done = stage["states"].get("done", 0)
        stage.update(effects=seen["effects"], doubled=seen["doubled"])
        effects += seen["effects"]
        doubled += seen["doubled"] + max(0, seen["effects"] - stage["messages"])
        missing += max(0, stage["messages"] - seen["keys"])
        ok = (
            ok
            and stage["messages"] > 0
            and done == stage["messages"] == seen["effects"]
            and not seen["doubled"]
        )
    faults = sum((Counter(stage["faults"]) for stage in stages.values()), Counter())
    with connection.cursor() as cursor:
        cursor.execute("SELECT kind, error FROM orderhub_message WHERE state = 'needs_person' LIMIT 5")
        stuck = cursor.fetchall()
    return {
        "ok": ok, "effects": effects, "doubled": doubled, "lost": missing,
        "kills": sum(stage["kills"] for stage in stages.values()), "faults": dict(faults),
        "done_but_forgotten": sum(stage["forgotten"] for stage in stages.values()), "kinds": stages, "needs_person": stuck,
    }  # fmt: skip
