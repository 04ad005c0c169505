"""The clock's doors into logistics: each task is one call or two, and safe to run twice."""

from celery import shared_task

from logistics.operations import (
    acknowledging,
    compare,
    follow,
    holding,
    messages,
    overdue,
    plan,
    progress,
    refusing,
    riding,
    together,
    tracking,
    voids,
    waves,
)


@shared_task(name="logistics.plan", ignore_result=True)
def plan_parcels(**_: object) -> None:
    """Parcels for routed orders, merged ones together; what a hold had withdrawn is wanted again."""
    together.tend()
    plan.plan()
    messages.send_again()


@shared_task(name="logistics.stop", ignore_result=True)
def stop_parcels(**_: object) -> None:
    """Parcels that must not leave; troubles told to their orders; releases heard."""
    voids.stop_wrong()
    refusing.settle()
    holding.tell()
    holding.go_on()
    waves.close_done()


@shared_task(name="logistics.follow", ignore_result=True)
def follow_parcels(**_: object) -> None:
    """Parcels that ride in another one follow it; orders follow their parcels."""
    riding.ride()
    follow.follow()


@shared_task(name="logistics.poll_warehouses", ignore_result=True)
def poll_warehouses(every_seconds: int = 60, **_: object) -> None:
    """What warehouse systems did since the last look."""
    progress.poll(every_seconds=every_seconds)


@shared_task(name="logistics.acknowledge_numbers", ignore_result=True)
def acknowledge_numbers(**_: object) -> None:
    """Numbers that left a warehouse, acknowledged to its system."""
    acknowledging.acknowledge()


@shared_task(name="logistics.poll_traces", ignore_result=True)
def poll_traces(**_: object) -> None:
    """Traces of parcels that are due (every half hour each); parcels never asked about are due at once."""
    tracking.catch_up()
    for _round in range(20):
        if not tracking.poll():
            break


@shared_task(name="logistics.overdue", ignore_result=True)
def tell_overdue(**_: object) -> None:
    """Parcels that nobody picked up, and parcels that do not move."""
    overdue.overdue()
    tracking.stalled()


@shared_task(name="logistics.compare", ignore_result=True)
def look_for_ghosts(**_: object) -> None:
    """Where warehouse, carrier, channel and we disagree."""
    compare.compare()
