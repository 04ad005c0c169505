"""The clock's doors into the ground floor."""

from celery import shared_task

from orderhub.api import retention as api_retention
from orderhub.exports import files as exports
from orderhub.imports import running as imports
from orderhub.inbound import processing
from orderhub.inbound.registry import PAYLOAD_KINDS
from orderhub.jobs import running
from orderhub.jobs.pulse import beat
from orderhub.notifications import escalating
from orderhub.outbox import sending
from orderhub.rules import retention, shadowing
from orderhub.webhooks import attempts


@shared_task(name="orderhub.drain_outbox", ignore_result=True)
def drain_outbox(kind: str = "", **_: object) -> None:
    """Send what is due: one kind, or all."""
    if kind:
        sending.drain(kind)
    else:
        sending.drain_all()


@shared_task(name="orderhub.read_payloads", ignore_result=True)
def read_payloads(kind: str = "", **_: object) -> None:
    """Read kept payloads: one kind, or all."""
    for each in [kind] if kind else list(PAYLOAD_KINDS):
        processing.process(each)


@shared_task(name="orderhub.escalate", ignore_result=True)
def escalate(**_: object) -> None:
    """Tickets that nobody answers go to the next role."""
    escalating.escalate()


@shared_task(name="orderhub.pulse", ignore_result=True)
def pulse(**_: object) -> None:
    """The worker says that it is alive."""
    beat()


@shared_task(name="orderhub.prune_traces", ignore_result=True)
def prune_traces(**_: object) -> None:
    """Traces of rules are kept for a while."""
    retention.prune()


@shared_task(name="orderhub.run_jobs", ignore_result=True)
def run_jobs(**_: object) -> None:
    """Long work that somebody asked for, a step at a time."""
    running.run_due()


@shared_task(name="orderhub.follow_shadows", ignore_result=True)
def follow_shadows(**_: object) -> None:
    """Count what rule versions in shadow would have decided about new orders."""
    shadowing.follow()


@shared_task(name="orderhub.prune_api", ignore_result=True)
def prune_api(**_: object) -> None:
    """Counts, answers and tokens of the API that are over, and old tries of webhooks."""
    api_retention.prune()
    attempts.prune()


@shared_task(name="orderhub.sweep_exports", ignore_result=True)
def sweep_exports(**_: object) -> None:
    """Files of exports are kept for seven days, those of imports for thirty."""
    exports.sweep()
    imports.sweep()
