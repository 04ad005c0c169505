"""The marketplaces as the drills see them, by the names under which the sandbox counts and remembers; one row each."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Connector:
    """A channel whose shops are pulled."""

    channel: str
    #: The call by which a shop's past is listed.
    lists: str
    #: What is counted when a token is renewed.
    renewals: tuple[str, ...]
    #: How the sandbox remembers an order, and its word for when that was changed last.
    memory: str
    changed: str

    @property
    def mix(self) -> str:
        """A world with orders of this channel only."""
        return f"{self.channel}=100"

    def orders(self, ledger: Path) -> dict[str, str]:
        """{order number: when it was changed last, "" where never} as the sandbox's own ledger has it."""
        with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as memory:
            numbers = memory.execute(
                "select key from entry where kind = 'source.order' and platform = ?", [self.channel]
            ).fetchall()
            kept = memory.execute(
                "select key, body from state where platform = ? and substr(key, 1, ?) = ?",
                [self.channel, len(self.memory), self.memory],
            ).fetchall()
        changed = {key.removeprefix(self.memory): json.loads(body)[self.changed] for key, body in kept}
        return {number: changed.get(number) or "" for (number,) in numbers}


CONNECTORS = (
    Connector(
        "taobao", "taobao.trades.sold.increment.get", ("token", "taobao.top.auth.token.refresh"), "trade:", "modified"
    ),
    Connector("pinduoduo", "pdd.order.list.get", ("pdd.pop.auth.token.refresh",), "order:", "updated"),
    Connector("douyin", "order.searchList", ("token.refresh",), "order:", "modified"),
)  # fmt: skip
