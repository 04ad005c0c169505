"""Channels by name: a channel is a client, a provider and a line here."""

PROVIDERS = {
    "taobao": "orders.providers.taobao.parse",
    "own_shop": "orders.providers.own_shop.parse",
}
