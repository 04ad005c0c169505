"""Channels by name: a channel is a client, a provider and a line here."""

from __future__ import annotations

from functools import cache

from orderhub.dotted import resolve
from orders.providers.base import Unreadable
from orders.providers.channel import Channel

PROVIDERS = {
    "taobao": "orders.providers.taobao.Taobao",
    "douyin": "orders.providers.douyin.Douyin",
    "pinduoduo": "orders.providers.pinduoduo.Pinduoduo",
    "own_shop": "orders.providers.own_shop.OwnShop",
    "spreadsheet": "orders.providers.spreadsheet.Spreadsheet",
}


@cache
def channel_of(name: str) -> Channel:
    """The provider of a channel; Unreadable for one that is not built."""
    try:
        made = resolve(PROVIDERS[name])
    except KeyError:
        raise Unreadable("no_provider", f"channel {name!r} has no provider") from None
    found: Channel = made()
    return found


def pulled() -> list[str]:
    """The channels whose shops are pulled."""
    return [name for name in PROVIDERS if channel_of(name).pulled]
