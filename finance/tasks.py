"""The clock's doors into finance."""

from celery import shared_task

from finance.operations import invoice, receivable


@shared_task(name="finance.invoices", ignore_result=True)
def invoices(**_: object) -> None:
    """Invoice requests for signed orders."""
    while invoice.request_invoices() == invoice.BATCH:
        continue


@shared_task(name="finance.receivables", ignore_result=True)
def receivables(**_: object) -> None:
    """Receivables of orders whose after-sale window ended quietly."""
    receivable.sweep()


@shared_task(name="finance.tell_orders", ignore_result=True)
def tell_orders(**_: object) -> None:
    """Orders with an audited receivable close."""
    receivable.tell_orders()
