"""The clock's doors into routing."""

from celery import shared_task
from django.utils import timezone

from orderhub import modules
from routing.operations import capacity, learning, rates, resolve


@shared_task(name="routing.refresh_rates", ignore_result=True)
def refresh_rates(**_: object) -> None:
    """Compute the success rates anew."""
    rates.refresh(timezone.now())


@shared_task(name="routing.settle_capacity", ignore_result=True)
def settle_capacity(**_: object) -> None:
    """Confirm the places of what was handed over, free those of what was cancelled."""
    if modules.enabled("routing"):
        capacity.settle()


@shared_task(name="routing.resolve_addresses", ignore_result=True)
def resolve_addresses(**_: object) -> None:
    """Look up addresses without coordinates before their orders are routed."""
    resolve.run()


@shared_task(name="routing.learn_addresses", ignore_result=True)
def learn_addresses(**_: object) -> None:
    """Thresholds from past picks, places from past deliveries, and kept answers whose time is over."""
    learning.run(timezone.now())
