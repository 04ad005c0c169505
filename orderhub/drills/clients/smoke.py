"""The generated Python client: sign in, list, open an order, release a hold on what was read. Run by `drill clients`."""

from __future__ import annotations

import json
import sys

from order_hub_client import AuthenticatedClient, Client
from order_hub_client.api.orders import hold_release, order_get, orders_list
from order_hub_client.api.sign_in import sign_in
from order_hub_client.models import Order, ReleaseNote, SignIn, Tokens

url, username, password, wanted = sys.argv[1:]


def demand(holds: bool, what: str) -> None:
    """Stop with what did not hold."""
    if not holds:
        raise SystemExit(what)


signed = sign_in.sync(
    client=Client(base_url=url), body=SignIn(username=username, password=password, device="smoke")
)
demand(isinstance(signed, Tokens), f"not signed in: {signed}")
api = AuthenticatedClient(base_url=url, token=signed.access)
listed = orders_list.sync(client=api, limit=50)
demand(bool(listed.items), "no orders listed")
found = orders_list.sync(client=api, q=wanted)
demand(found.items[0].channel_number == wanted, "not found by its 19 digits")
answer = order_get.sync_detailed(wanted, client=api)
order = answer.parsed
demand(isinstance(order, Order) and order.channel_number == wanted, "not opened by its 19 digits")
demand(isinstance(order.channel_number, str), "the number did not stay a text")
hold = order.holds[0]
stale = hold_release.sync_detailed(
    order.number, hold.id, client=api, body=ReleaseNote(note="smoke"), if_match='"old"'
)
demand(stale.status_code == 409, "an old version was taken")
done = hold_release.sync_detailed(
    order.number, hold.id, client=api, body=ReleaseNote(note="smoke"), if_match=answer.headers["ETag"]
)
demand(
    done.status_code == 200 and all(each.id != hold.id for each in done.parsed.holds), f"not released: {done}"
)
sys.stdout.write(
    json.dumps(
        {"listed": len(listed.items), "number": order.channel_number, "released": hold.type_, "stale": 409}
    )
)
