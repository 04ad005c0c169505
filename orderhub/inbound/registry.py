"""Who reads each kind of payload: a table of dotted names, `function(rows) -> {payload id: Verdict}`."""

PAYLOAD_KINDS: dict[str, str] = {
    "order": "orders.operations.intake.take_in",
    "letter": "orders.operations.letters.take_in",
    "payment": "orders.operations.payment.take_notices",
    "confirm": "logistics.operations.confirms.take_in",
    "purchase": "inventory.operations.purchases.take_in",
    "stockin": "inventory.operations.stockins.take_in",
    "return": "orders.operations.returning.take_in",
    "trace": "logistics.operations.tracking.take_in",
}
