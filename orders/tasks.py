"""The clock's doors into orders: each task is one call, and safe to run twice."""

from celery import shared_task
from django.conf import settings

from orderhub import sweeping
from orderhub.integrations.importance import Importance, spending
from orders.lifecycle import LIFECYCLE
from orders.operations import (
    complaining,
    mapping,
    measuring,
    offer_limits,
    offering,
    orphans,
    payment,
    pull,
    reading_stock,
    report_mail,
    standing,
    stock_lock,
    telling,
    unpaid,
    waiting,
    watching,
)
from orders.providers import returns

#: The automatic stretch from proof to route runs as one sweep: one claim, one transaction.
FIRST_STRETCH = ("verify", "reserve", "route")


@shared_task(name="orders.advance", ignore_result=True)
def advance(**_: object) -> None:
    """Everything that can move by itself, from each state that it may have stopped in."""
    sweeping.sweep(LIFECYCLE, "claimed", FIRST_STRETCH)
    sweeping.sweep(LIFECYCLE, "paid", FIRST_STRETCH[1:])
    sweeping.sweep(LIFECYCLE, "reserved", FIRST_STRETCH[2:])
    sweeping.sweep(LIFECYCLE, "unpaid", ("hold_unpaid",))
    sweeping.sweep(LIFECYCLE, "signed", ("open_aftersale",))


@shared_task(name="orders.watch_stock", ignore_result=True)
def watch_stock(**_: object) -> None:
    """SKUs that are nearly used up, and those that have enough again."""
    stock_lock.watch()


@shared_task(name="orders.mail_reports", ignore_result=True)
def mail_reports(**_: object) -> None:
    """Reports whose time has come."""
    report_mail.run_due()


@shared_task(name="orders.pull_all", ignore_result=True)
def pull_all(**_: object) -> None:
    """Ring for every shop; where bells are switched off, pull them here, one after the other."""
    shops = pull.ring_all()
    if not settings.NUDGE:
        for shop_id in shops:
            pull.pull(shop_id)


@shared_task(name="orders.pull", ignore_result=True)
def pull_shop(shop_id: int, **_: object) -> None:
    pull.pull(shop_id)


@shared_task(name="orders.questions", ignore_result=True)
def questions(**_: object) -> None:
    payment.missing_questions()


@shared_task(name="orders.expire_unpaid", ignore_result=True)
def expire_unpaid(**_: object) -> None:
    unpaid.expire()


@shared_task(name="orders.show_stock", ignore_result=True)
def show_stock(**_: object) -> None:
    """What buyers are shown in each channel, where it changed or strayed; where bells are switched off, told here."""
    reading_stock.judge()
    offering.reckon()
    offer_limits.reckon()
    shops = sorted({*offering.ring_all(), *offer_limits.ring_all()})
    if not settings.NUDGE:
        for shop_id in shops:
            tell_stock(shop_id)


@shared_task(name="orders.tell_stock", ignore_result=True)
def tell_stock(shop_id: int, **_: object) -> None:
    offering.tell(shop_id)
    offer_limits.tell(shop_id)


@shared_task(name="orders.read_all_stock", ignore_result=True)
def read_all_stock(**_: object) -> None:
    """Ask every channel what it shows."""
    shops = reading_stock.ring_all()
    if not settings.NUDGE:
        for shop_id in shops:
            reading_stock.read(shop_id)


@shared_task(name="orders.read_stock", ignore_result=True)
def read_stock(shop_id: int, **_: object) -> None:
    reading_stock.read(shop_id)


@shared_task(name="orders.retry_stock", ignore_result=True)
def retry_stock(**_: object) -> None:
    mapping.settle()
    waiting.wake()


@shared_task(name="orders.poll_returns", ignore_result=True)
def poll_returns(**_: object) -> None:
    with spending(Importance.PULL):
        returns.pull()


@shared_task(name="orders.watch", ignore_result=True)
def watch(**_: object) -> None:
    watching.watch()


@shared_task(name="orders.look_for_orphans", ignore_result=True)
def look_for_orphans(**_: object) -> None:
    """Every night: is anything held for nobody, does an order lack its goods."""
    orphans.look()


@shared_task(name="orders.complaints_jump", ignore_result=True)
def complaints_jump(**_: object) -> None:
    complaining.jump()


@shared_task(name="orders.tell_webhooks", ignore_result=True)
def tell_webhooks(**_: object) -> None:
    """New events become deliveries."""
    telling.feed()


@shared_task(name="orders.fold_standings", ignore_result=True)
def fold_standings(**_: object) -> None:
    """The board's counters come up to now."""
    standing.fold()


@shared_task(name="orders.check_standings", ignore_result=True)
def check_standings(**_: object) -> None:
    """Every night: are the board's counters what a real count says."""
    standing.check()


@shared_task(name="orders.measure_steps", ignore_result=True)
def measure_steps(**_: object) -> None:
    """How long the steps of orders that moved took."""
    measuring.measure()


@shared_task(name="orders.measure_rest", ignore_result=True)
def measure_rest(**_: object) -> None:
    """Steps whose end moves no order."""
    measuring.catch_up()
    measuring.measure()
