"""Which functions send each kind of message: a table of dotted names.

`send(messages) -> {message.id: Answer}` makes the calls, no transaction open. `ask(messages)` does the same for
messages whose outcome is unknown: it asks the platform whether the effect is there (`Answer.missing()` when it
is not). `answered(messages)` runs in the transaction that marks them done, and is idempotent.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of effect. `batch` is how many messages of one connection a call takes."""

    code: str
    label: str
    send: str
    ask: str
    answered: str = ""
    batch: int = 1
    module: str = ""
    max_attempts: int = 8


KINDS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind(
            "payment.query",
            "Ask the gateway about a payment",
            "orders.providers.payment.send",
            "orders.providers.payment.send",
            "orders.operations.payment.answered",
            batch=20,
        ),
        Kind(
            "channel.look",
            "Ask the channel about an order that it spoke of",
            "orders.providers.look.send",
            "orders.providers.look.send",
            batch=20,
        ),
        Kind(
            "channel.address",
            "Answer a buyer who asked for another address",
            "orders.providers.address.send",
            "orders.providers.address.send",
            batch=20,
        ),
        Kind(
            "waybill.get",
            "Obtain a waybill number",
            "logistics.providers.waybill.send",
            "logistics.providers.waybill.ask",
            "logistics.operations.waybill.numbered",
            batch=10,
        ),
        Kind(
            "waybill.cancel",
            "Give a waybill number back",
            "logistics.providers.waybill.send_cancel",
            "logistics.providers.waybill.send_cancel",
            "logistics.operations.waybill.cancelled",
        ),
        Kind(
            "wms.push",
            "Hand over to the warehouse",
            "logistics.providers.warehouse.send",
            "logistics.providers.warehouse.ask",
            "logistics.operations.handover.accepted",
            batch=50,
        ),
        Kind(
            "wms.cancel",
            "Stop at the warehouse",
            "logistics.providers.warehouse.send_cancel",
            "logistics.providers.warehouse.send_cancel",
            "logistics.operations.handover.stopped",
        ),
        Kind(
            "channel.ship",
            "Report the shipment to the channel",
            "logistics.providers.report.send",
            "logistics.providers.report.ask",
            "logistics.operations.shipping.reported",
            batch=20,
        ),
        Kind(
            "trace.subscribe",
            "Subscribe to traces",
            "logistics.providers.traces.send_subscription",
            "logistics.providers.traces.send_subscription",
            "",
            batch=20,
            module="tracking",
        ),
        Kind(
            "voucher.save",
            "Save the receivable voucher",
            "finance.providers.kingdee.save",
            "finance.providers.kingdee.ask",
            "finance.operations.receivable.saved",
            batch=20,
            module="finance",
        ),
        Kind(
            "voucher.submit",
            "Submit the receivable voucher",
            "finance.providers.kingdee.submit",
            "finance.providers.kingdee.ask",
            "finance.operations.receivable.submitted",
            batch=20,
            module="finance",
        ),
        Kind(
            "voucher.audit",
            "Audit the receivable voucher",
            "finance.providers.kingdee.audit",
            "finance.providers.kingdee.ask",
            "finance.operations.receivable.audited",
            batch=20,
            module="finance",
        ),
        Kind(
            "sms.send",
            "Send an SMS",
            "logistics.providers.sms.send",
            "logistics.providers.sms.ask",
            "",
            batch=1,
        ),
        Kind(
            "notice.send",
            "Tell our people",
            "orderhub.notifications.sending.send",
            "orderhub.notifications.sending.ask",
            "",
            batch=500,  # what was asked for together is told together
        ),
        Kind(
            "notice.bell",
            "Tell somebody at the bell",
            "orderhub.notifications.bells.send",
            "orderhub.notifications.bells.send",
            "orderhub.notifications.bells.hang",
            batch=500,
        ),
        Kind(
            "report.mail",
            "Mail a report to a colleague",
            "orders.providers.report_mail.send",
            "orderhub.notifications.sending.ask",
            "orders.operations.report_mail.mailed",
            batch=10,
        ),
        Kind(
            "webhook.send",
            "Tell a webhook of an event",
            "orderhub.webhooks.sending.send",
            "orderhub.webhooks.sending.send",
            batch=5,
            max_attempts=56,  # with the doubling wait of at most half an hour: a day
        ),
    )
}
