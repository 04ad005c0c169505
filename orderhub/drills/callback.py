"""Payment callbacks fifteen times each, shuffled, forged, of a wrong amount, and late after the order has expired.

For every gateway (a row of GATEWAYS): what a callback does is counted on our side, what was really paid is known to
the sandbox alone. A callback is no proof: it makes us ask, and the gateway's own answer is the payment.
"""

from __future__ import annotations

import datetime as dt
import json
import random
import tempfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django.utils import timezone

from orderhub.drills.cast import set_up
from orderhub.inbound import keeping, processing
from orderhub.models import Connection, Message, Payload
from orderhub.outbox import sending
from orderhub.sandbox import alipay, paying, wechatpay
from orderhub.sandbox.ledger import Ledger
from orderhub.sandbox.own_shop_driver import order_json
from orderhub.sandbox.world import SourceOrder, World
from orderhub.sweeping import sweep
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import running_sandbox
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Order
from orders.operations.unpaid import expire as expire_unpaid

TIMES, SEED = 15, 51
Notice = tuple[bytes, str, dict[str, str]]


def _alipay(world: World, order: SourceOrder, **how: Any) -> Notice:
    return urlencode(alipay.notify(world, order, **how)).encode(), "application/x-www-form-urlencoded", {}


def _wechatpay(world: World, order: SourceOrder, **how: Any) -> Notice:
    headers, body = wechatpay.notify(world, order, **how)
    return body, headers.pop("Content-Type"), headers


#: Each gateway's notice as it is posted: body, content type, headers.
GATEWAYS: dict[str, Callable[..., Notice]] = {"alipay": _alipay, "wechatpay": _wechatpay}


def run(*, long: bool) -> dict[str, Any]:
    each = 100 if long else 8
    said: dict[str, Any] = {
        "ok": True,
        "requests": 0,
        "effects": 0,
        "doubled": 0,
        "forged_believed": 0,
        "gateways": {},
    }
    with tempfile.TemporaryDirectory() as folder:
        ledger, size = Path(folder) / "sandbox.sqlite3", each * 12 * len(GATEWAYS)
        with running_sandbox(
            Path(folder),
            seed=SEED,
            orders=size,
            days=1,
            no_scenarios=True,
            platforms="own_shop,alipay,wechatpay",
        ) as sandbox:
            cast = set_up(sandbox.url)
            accounts = {
                "alipay": cast.accounts["alipay"],
                "wechatpay": connection("wechatpay", sandbox.url, code="wechatpay-main"),
            }
            cast.own_shop.payment_connections.set(accounts.values())
            world = World(SEED, size, 1, ledger=Ledger(ledger), scenarios=False)
            paid = [order for order in world.of("own_shop") if order.paid_at is not None]
            for place, (name, write) in enumerate(GATEWAYS.items()):
                mine = paid[place * 3 * each : (place + 1) * 3 * each]
                result = _gateway(world, cast.own_shop.connection_id, accounts[name], write, mine, each)
                said["gateways"][name] = result
                said["ok"] = said["ok"] and result["ok"]
                for key in ("requests", "effects", "doubled", "forged_believed"):
                    said[key] += result[key]
    return said


def _gateway(
    world: World,
    shop: int,
    account: Connection,
    write: Callable[..., Notice],
    orders: list[SourceOrder],
    each: int,
) -> dict[str, Any]:
    """A third of the orders is paid, of a third only forged words come, a third is paid after it has expired."""
    for order in orders:
        paying.choose(world, order, account.platform)
    good, forged, late = orders[:each], orders[each : 2 * each], orders[2 * each : 3 * each]
    _bring(shop, orders)
    Order.objects.filter(channel_number__in=[o.number for o in late]).update(
        expires_at=timezone.now() - dt.timedelta(minutes=1)
    )
    expire_unpaid()
    notices = [(write(world, order), order) for order in (*good, *late) for _ in range(TIMES)]
    false = [(write(world, order, forged=True), order) for order in forged for _ in range(TIMES)]
    odd = [(write(world, order, amount=order.payable + Decimal("0.01")), order) for order in good]
    every = [*notices, *false, *odd]
    random.Random(SEED).shuffle(every)
    web = Client(raise_request_exception=False, HTTP_HOST="127.0.0.1")
    answers: dict[int, int] = {}
    believed = 0
    wrong = {id(notice) for notice, _order in false}
    for notice, _order in every:
        body, kind, headers = notice
        answer = web.post(f"/callbacks/{account.platform}/{account.code}", body, kind, headers=headers)
        answers[answer.status_code] = answers.get(answer.status_code, 0) + 1
        believed += id(notice) in wrong and answer.status_code < 300
    for _round in range(3):
        _settle()
    numbers = {
        name: [o.number for o in part] for name, part in (("good", good), ("forged", forged), ("late", late))
    }
    confirmed = _count("verify", numbers["good"])
    claimed = _count("claim", numbers["good"])
    paid = (
        Order.objects.filter(channel_number__in=numbers["good"])
        .exclude(state__in=["unpaid", "claimed"])
        .count()
    )
    back = _count("revive", numbers["late"])
    told = _count("verify", numbers["late"])
    touched = _count("claim", numbers["forged"]) + _count("claim", numbers["late"])
    doubled = max(0, confirmed - each) + max(0, claimed - each) + max(0, told - each) + max(0, back - each)
    held = Order.objects.filter(channel_number__in=numbers["good"], open_holds__gt=0).count()
    return {
        "ok": confirmed == claimed == paid == told == back == each and not touched and not believed and not held
        and max(answers) < 500,
        "orders": len(orders), "requests": len(every), "answers": {str(k): v for k, v in sorted(answers.items())},
        "effects": confirmed, "doubled": doubled, "lost": each - paid, "forged": len(false), "forged_believed": believed,
        "wrong_amount": len(odd), "held_for_a_wrong_amount_that_the_gateway_denies": held, "late": len(late),
        "late_brought_back": back, "touched_by_forged_or_late": touched,
    }  # fmt: skip


def _bring(shop: int, orders: list[SourceOrder]) -> None:
    """The orders as their buyers placed them: nobody has paid yet."""
    rows = []
    for order in orders:
        face = order_json(order)
        rows.append(
            keeping.Kept("order", order.number, str(face["created_at"]), json.dumps(face).encode(), "api")
        )
    keeping.keep_many(shop, rows)
    processing.process("order")


def _settle() -> None:
    """Notices are read, gateways asked, orders judged; what waits for its next try is due now."""
    for table in (Payload, Message, Order):
        table.objects.filter(state__in=["new", "unknown", "claimed"]).update(next_try_at=timezone.now())
    processing.process("payment")
    sending.drain("payment.query")
    sweep(LIFECYCLE, "claimed", ("verify",))


def _count(code: str, numbers: list[str]) -> int:
    return Event.objects.filter(code=code, order__channel_number__in=numbers).count()
