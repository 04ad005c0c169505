"""What can follow a call of the orders' API, as links of its schema (OpenAPI): readers and tests of the API walk them."""

from __future__ import annotations

from orderhub.api.schema import link

NUMBER, TAG = "$request.path.number", "$response.header.ETag"

for source, at in (
    ("orders_list", "/items/0/number"),
    ("holds_list", "/items/0/order"),
    ("order_create", "/number"),
):
    for status in (201, 200) if source == "order_create" else (200,):
        found = f"$response.body#{at}"
        link(source, status, "opened", "order_get", number=found)
        link(source, status, "its_timeline", "order_timeline", number=found)
        link(source, status, "its_parcels", "order_parcels", number=found)
for page in ("orders_list", "holds_list", "tickets_list", "sync_changes"):
    link(page, 200, "goes_on", page, cursor="$response.body#/next")
link("order_timeline", 200, "goes_on", "order_timeline", number=NUMBER, cursor="$response.body#/next")
for status in (201, 200):
    link("order_create", status, "paid", "order_payment", number="$response.body#/number")
    link("order_create", status, "cancelled", "order_cancel", number="$response.body#/number")
for status, source in ((200, "order_get"), (201, "order_hold"), (200, "hold_release"), (200, "order_touch")):
    link(source, status, "held", "order_hold", number=NUMBER, If_Match=TAG)
    link(
        source,
        status,
        "released",
        "hold_release",
        number=NUMBER,
        hold="$response.body#/holds/0/id",
        If_Match=TAG,
    )
    link(
        source,
        status,
        "touched",
        "order_touch",
        number=NUMBER,
        touch="$response.body#/allowed/0",
        If_Match=TAG,
    )
link("order_get", 200, "revealed", "receiver_reveal", number=NUMBER)
for name, to in (("taken", "ticket_claim"), ("closed", "ticket_close")):
    tag = "$response.body#/items/0/etag"
    link("tickets_list", 200, name, to, ticket="$response.body#/items/0/id", If_Match=tag)
link("tickets_list", 200, "commented", "ticket_comment", ticket="$response.body#/items/0/id")
link("ticket_claim", 200, "closed", "ticket_close", ticket="$request.path.ticket", If_Match=TAG)
link("stock_claim_take", 200, "given_back", "stock_claim_give_back", claim="$response.body#/claim")
link("availability_ask", 200, "taken", "stock_claim_take")
link("me", 200, "counted", "counts_get")
link("counts_get", 200, "on_the_board", "board_get")
link("counts_get", 200, "its_addresses", "address_count")
link("address_count", 200, "handed", "address_next")
link("orders_list", 200, "complained", "complaints_send")
link("sync_changes", 200, "sent_together", "batch_calls")
link("sync_changes", 200, "opened", "order_get", number="$response.body#/items/0/number")
