"""The clock's doors into the stock."""

from celery import shared_task

from inventory import availability
from inventory.operations import claiming, drift, reconcile, release
from inventory.providers import purchases, stockins
from orderhub.integrations.importance import Importance, spending


@shared_task(name="inventory.poll_stockins", ignore_result=True)
def poll_stockins(**_: object) -> None:
    """Ask every warehouse system which purchases it took in."""
    with spending(Importance.PULL):
        stockins.pull()


@shared_task(name="inventory.poll_purchases", ignore_result=True)
def poll_purchases(**_: object) -> None:
    """Ask every warehouse system what was ordered from suppliers."""
    with spending(Importance.PULL):
        purchases.pull()


@shared_task(name="inventory.look_for_drift", ignore_result=True)
def look_for_drift(**_: object) -> None:
    """Every night: do counters, ledger and reservations agree."""
    drift.look()


@shared_task(name="inventory.expire_holds", ignore_result=True)
def expire_holds(**_: object) -> None:
    """What staff put by, and what buyers left in their baskets, is free again when its time is over."""
    release.expire()
    claiming.expire()


@shared_task(name="inventory.keep_shown", ignore_result=True)
def keep_shown(**_: object) -> None:
    """Write down what buyers are shown, where it changed."""
    availability.keep_history()


@shared_task(name="inventory.reconcile", ignore_result=True)
def reconcile_stock(**_: object) -> None:
    """Ask the warehouse systems what is on their shelves, and compare."""
    with spending(Importance.PULL):
        reconcile.look()
