"""The whole product in one process: every recurring task of the schedule by hand, and time that need not be waited for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connection

import finance.tasks as finance
import inventory.queries
import logistics.tasks as logistics
import orderhub.tasks as ground
import orders.tasks as orders
import routing.tasks as routing
from orderhub import modules
from orderhub.inbound import keeping
from orderhub.integrations import turns
from orderhub.integrations.registry import client
from orderhub.management import demo_setup
from orderhub.sandbox.credentials import OWN_SHOP
from orderhub.sandbox.world import SourceOrder, World
from orderhub.testing.sandbox import RunningSandbox
from orders.models import Shop
from orders.operations import pull
from orders.providers import channel_of

SEED, ORDERS, DAYS = 1, 90, 15

#: One round of everything that the clock does, in the order of an order's life.
ROUND: tuple[Callable[[], object], ...] = (
    orders.questions,
    ground.read_payloads,
    ground.drain_outbox,
    orders.expire_unpaid,
    orders.advance,
    orders.retry_stock,
    logistics.plan_parcels,
    ground.drain_outbox,
    logistics.stop_parcels,
    logistics.poll_warehouses,
    logistics.follow_parcels,
    ground.drain_outbox,
    logistics.poll_traces,
    logistics.follow_parcels,
    logistics.tell_overdue,
    orders.poll_returns,
    orders.advance,
    finance.invoices,
    finance.receivables,
    ground.drain_outbox,
    finance.tell_orders,
    routing.settle_capacity,
)
#: What waits for its next try, and where.
WAITING = ("orders_order", "logistics_parcel", "orderhub_message", "orderhub_payload", "finance_receivable")


@dataclass
class House:
    """The product, set up like the demo, with the sandbox as its outside world."""

    sandbox: RunningSandbox
    world: World
    url: str = ""

    def pull(self, shop: str = "taobao") -> int:
        """Read a shop and take its orders in."""
        stored = pull.pull(Shop.objects.get(code=shop).id)
        ground.read_payloads()
        return stored

    def fetch(self, *numbers: str, shop: str = "taobao") -> None:
        """Read these orders of a pulled shop once, and take them in and no others."""
        found = Shop.objects.select_related("connection").get(code=shop)
        said = channel_of(found.channel).details(client(found.connection), numbers)
        kept = [answer for answer in said.values() if isinstance(answer, keeping.Kept)]
        assert len(kept) == len(numbers)
        keeping.keep_many(found.connection_id, kept)
        ground.read_payloads()

    def plan(self) -> None:
        """Orders go as far as a planned parcel, and no further."""
        orders.advance()
        logistics.plan_parcels()

    def own_shop(self, *numbers: str) -> dict[str, int]:
        """The own shop posts its orders (all, or these) and the gateways their notices, over HTTP to our server."""
        answer = self.sandbox.drive(
            "own_shop_orders", target=self.url, token=OWN_SHOP["token"], notify_path="/callbacks/alipay/alipay-main",
            wechatpay_path="/callbacks/wechatpay/wechatpay-main",
            numbers=list(numbers), pause=0.05,
        )  # fmt: skip
        counts: dict[str, int] = answer["result"]["counts"]
        return counts

    def run(self, rounds: int = 30) -> int:
        """Rounds until nothing is written any more; returns how many it took."""
        before = (-1, -1, -1)
        for number in range(rounds):
            for task in ROUND:
                task()
            now = progress()
            if now == before:
                return number
            before = now
            hurry()
        raise AssertionError(f"still moving after {rounds} rounds: {before}")

    def plain(self, channel: str, oldest_first: bool = True) -> list[SourceOrder]:
        """Paid orders of a channel in which nothing special happens."""
        found = [o for o in self.world.of(channel) if o.paid_at is not None and not o.scenario]
        return found if oldest_first else found[::-1]


def build(sandbox: RunningSandbox, url: str = "") -> House:
    """The demo's shops on the empty database, the marketplaces connected by their owner's OAuth walk."""
    forget()
    demo_setup.build(
        sandbox_url=sandbox.url, seed=SEED, admin="admin", password="pass", say=lambda text: None
    )
    forget()
    for _code, name, _title in demo_setup.MARKETS:
        if name in sandbox.health()["mix"]:
            demo_setup.connect(f"{name}-main")
    said = sandbox.health()
    start = dt.datetime.fromisoformat(said["start"])
    return House(sandbox, World(SEED, ORDERS, DAYS, start, mix=said["mix"]), url)


def forget() -> None:
    """Drop what this process remembers of the database before."""
    from logistics.providers.labels import own

    inventory.queries._codes = None
    modules.forget()
    own.forget()
    turns.forget()  # another house's accounts had these ids, and were refused or left alone


def hurry() -> None:
    """Whatever waits for its next try is due now, and what was asked was asked half a minute ago."""
    with connection.cursor() as cursor:
        for table in WAITING:
            cursor.execute(f"UPDATE {table} SET next_try_at = now() WHERE next_try_at > now()")


def progress() -> tuple[int, int, int]:
    """What grows as long as anything moves: events, answered messages, read payloads."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT (SELECT coalesce(max(id), 0) FROM orders_event),
                      (SELECT count(*) FROM orderhub_message WHERE state NOT IN ('new', 'sending', 'unknown')),
                      (SELECT count(*) FROM orderhub_payload WHERE state <> 'new')"""
        )
        events, answered, read = cursor.fetchone()
        return events, answered, read
