"""Questions about invoices and receivables; nothing here writes."""

from __future__ import annotations

from dataclasses import dataclass

from finance.models import Invoice, Receivable
from orderhub.models import Message

STEPS = ("voucher.save", "voucher.submit", "voucher.audit")


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a receivable waits for: the message, whether it needs a person, and the reason in words."""

    message_id: int
    kind: str
    needs_person: bool
    error: str


def waiting(receivable_ids: list[int]) -> dict[int, Waiting]:
    """{receivable: the message that it waits for}, one query; those that wait for nobody are left out."""
    rows = (
        Message.objects.filter(kind__in=STEPS, subject_id__in=receivable_ids, order_id__isnull=False)
        .exclude(state__in=[Message.State.DONE, Message.State.CANCELLED])
        .values_list("subject_id", "id", "kind", "state", "error")
    )
    return {
        subject: Waiting(identity, kind, state == Message.State.NEEDS_PERSON, error)
        for subject, identity, kind, state, error in rows
    }


def money_of(order_id: int) -> tuple[Invoice | None, Receivable | None]:
    """The order's invoice and receivable."""
    return Invoice.objects.filter(order_id=order_id).first(), Receivable.objects.filter(
        order_id=order_id
    ).first()
