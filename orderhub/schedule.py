"""Every recurring task in one table, seeded into django-celery-beat where staff can change it.

Sweeps expire before the next one is due, so that a stopped worker finds one of each and not a thousand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`seconds` is how often; `keep` tells that a missed run is still worth making later."""

    name: str
    task: str
    seconds: int
    keep: bool = False
    kwargs: dict[str, object] = field(default_factory=dict)


SCHEDULE = (
    Row("Pull all shops", "orders.pull_all", 15 * 60, keep=True),
    Row("Read payloads", "orderhub.read_payloads", 3),
    Row("Advance orders", "orders.advance", 3),
    Row("Send messages", "orderhub.drain_outbox", 3),
    Row("Keep the board's counters", "orders.fold_standings", 3),
    Row("Measure the steps of orders", "orders.measure_steps", 60),
    Row("Measure steps that move no order", "orders.measure_rest", 30 * 60, keep=True),
    Row("Count the board again", "orders.check_standings", 24 * 60 * 60, keep=True),
    Row("Tell webhooks", "orders.tell_webhooks", 3),
    Row("Forget what the API no longer needs", "orderhub.prune_api", 60 * 60, keep=True),
    Row("Ask about claimed payments", "orders.questions", 30),
    Row("Expire unpaid orders", "orders.expire_unpaid", 60),
    Row("Watch orders that wait", "orders.watch", 180),
    Row("Look for a jump in complaints", "orders.complaints_jump", 60 * 60, keep=True),
    Row("Mail reports that are due", "orders.mail_reports", 30, keep=True),
    Row("Retry orders that wait for stock", "orders.retry_stock", 300),
    Row("Look for SKUs that are nearly used up", "orders.watch_stock", 60),
    Row("Show stock in the channels", "orders.show_stock", 5),
    Row("Read what the channels show", "orders.read_all_stock", 10 * 60, keep=True),
    Row("Ask for return receipts", "orders.poll_returns", 60),
    Row("Write down what is shown", "inventory.keep_shown", 15 * 60, keep=True),
    Row("Ask for purchase orders", "inventory.poll_purchases", 300),
    Row("Ask for stock-in receipts", "inventory.poll_stockins", 120),
    Row("Look for stock that does not add up", "inventory.look_for_drift", 24 * 60 * 60, keep=True),
    Row("Look for goods held for nobody", "orders.look_for_orphans", 24 * 60 * 60, keep=True),
    Row("Compare stock with the warehouse systems", "inventory.reconcile", 60 * 60, keep=True),
    Row("End what was put by", "inventory.expire_holds", 60),
    Row("Plan parcels", "logistics.plan", 3),
    Row("Stop parcels that must not leave", "logistics.stop", 5),
    Row("Orders follow their parcels", "logistics.follow", 3),
    Row("Ask the warehouses", "logistics.poll_warehouses", 15),
    Row("Acknowledge numbers to the warehouses", "logistics.acknowledge_numbers", 60),
    Row("Ask for traces", "logistics.poll_traces", 60),
    Row("Look for overdue pick-ups", "logistics.overdue", 30),
    Row("Look for ghost orders", "logistics.compare", 600),
    Row("Request invoices", "finance.invoices", 5),
    Row("Make receivables", "finance.receivables", 5),
    Row("Close settled orders", "finance.tell_orders", 5),
    Row("Refresh success rates", "routing.refresh_rates", 30 * 60, keep=True),
    Row("Look up addresses", "routing.resolve_addresses", 5),
    Row("Learn from picks and deliveries", "routing.learn_addresses", 60 * 60, keep=True),
    Row("Settle places of outlets", "routing.settle_capacity", 60),
    Row("Follow rules in shadow", "orderhub.follow_shadows", 15),
    Row("Forget old rule traces", "orderhub.prune_traces", 60 * 60, keep=True),
    Row("Escalate unanswered tickets", "orderhub.escalate", 60),
    Row("Work at jobs", "orderhub.run_jobs", 10),
    Row("Delete old files of exports", "orderhub.sweep_exports", 60 * 60, keep=True),
    Row("Worker heartbeat", "orderhub.pulse", 15),
)


def fixed(row: Row) -> dict[str, Any]:
    """{column: value} of what no page changes: what a row runs, is given, and which way it goes."""
    ways: dict[str, Any] = dict.fromkeys(("queue", "exchange", "routing_key", "priority"))
    return {"task": row.task, "args": "[]", "kwargs": json.dumps(row.kwargs), "headers": "{}", **ways}


def is_named(task: Any) -> bool:
    """Whether a periodic task is a row of the schedule, and runs what the schedule says."""
    row = next((row for row in SCHEDULE if row.name == task.name), None)
    return row is not None and all(
        (getattr(task, column) or None) == (value or None) for column, value in fixed(row).items()
    )


def seed() -> int:
    """Write the schedule into django-celery-beat: new rows are made, what they run is corrected, staff's intervals kept."""
    from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

    made = 0
    for row in SCHEDULE:
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=row.seconds, period=IntervalSchedule.SECONDS
        )
        expire = None if row.keep else max(2, row.seconds * 2)
        task, created = PeriodicTask.objects.get_or_create(
            name=row.name,
            defaults={
                **fixed(row),
                "interval": interval,
                "expire_seconds": expire,
            },
        )
        made += created
        if not created and not is_named(task):
            PeriodicTask.objects.filter(pk=task.pk).update(**fixed(row))
    PeriodicTasks.update_changed()
    return made
