"""The order board's numbers by REST: the counters behind the page, narrowed as the page is, for walls and phones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api.frame import Door, etag
from orderhub.api.schema import ETAG, KNOWN
from orderhub.scope import reach_of
from orders import queues, standing
from orders.api import shapes
from orders.standing import AMBER, OPEN, RED, Count


def sums(counts: Iterable[Count]) -> dict[str, int]:
    """{all, red (past the promise), amber (about to be)} of some counters."""
    found = {"all": 0, RED: 0, AMBER: 0}
    for count in counts:
        found["all"] += count.n
        if count.colour in (RED, AMBER):
            found[count.colour] += count.n
    return {"all": found["all"], "red": found[RED], "amber": found[AMBER]}


def numbers(board: standing.Board) -> dict[str, Any]:
    """Everything that the page sums, by state, queue, shop and warehouse (null: none yet)."""
    every = board.counts
    houses = [*board.houses.values(), None]
    return {
        "total": sums(every),
        "trouble": sums(c for c in every if c.queue != queues.NORMAL),
        "states": [{"state": str(state), **sums(c for c in every if c.state == state)} for state in OPEN],
        "queues": [
            {"queue": code or queues.NONE, **sums(c for c in every if c.queue == code)}
            for code in (queues.NORMAL, *(each.code for each in queues.QUEUES))
        ],
        "shops": [
            {"shop": place.code, "channel": place.channel, **sums(c for c in every if c.shop_id == place.id)}
            for place in board.shops.values()
        ],
        "warehouses": [
            {
                "warehouse": place.code if place else None,
                **sums(c for c in every if c.warehouse_id == (place.id if place else 0)),
            }
            for place in houses
        ],
    }


class BoardView(Door):
    """The order board."""

    may = {"GET": "orders.view_order"}

    @extend_schema(
        operation_id="board_get", parameters=[KNOWN, ETAG], responses={200: shapes.BOARD, 304: None}
    )
    def get(self, request: Request) -> Response:
        """Open orders that the caller sees, counted. Send the ETag back as If-None-Match: 304 where no number moved."""
        board = standing.board(reach_of(request.user))
        told = numbers(board)
        tag = etag(told)
        if request.headers.get("If-None-Match") == tag:
            return Response(status=304, headers={"ETag": tag})
        return Response({"at": board.at, **told}, headers={"ETag": tag})
