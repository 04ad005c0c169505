"""A decision point for tests: what parcel insurance costs, by amount and town."""

from __future__ import annotations

from typing import Any

from orderhub.rules.documents import table
from orderhub.rules.points import Field, Point, Policy


def plain() -> dict[str, Any]:
    return table(
        "cover",
        [("amount", "Amount"), ("town", "Town")],
        [("insure", "Insure"), ("fee", "Fee"), ("who", "Who")],
        [
            ("dear", ("> 200", ""), ("true", "amount / 100", "'house'")),
            ("far", ("", "'余杭', '临安'"), ("true", "3", "'buyer'")),
            ("rest", ("", ""), ("false", "0", "'house'")),
        ],
    )


def generous() -> dict[str, Any]:
    return table("cover", [], [("insure", "Insure")], [("all", (), ("true",))])


def payers() -> list[tuple[str, str]]:
    return [("house", "House"), ("buyer", "Buyer")]


TOY = Point(
    "toy",
    "Insurance",
    "Whether a parcel is insured.",
    (
        Field("amount", "Amount", "number", low=0, high=1_000_000),
        Field("pieces", "Pieces", "number", low=1, high=1000, default=1),
        Field("town", "Town", "text"),
        Field("night", "Night", "bool"),
        Field("tags", "Tags", "list"),
    ),
    (
        Field("insure", "Insure", "bool", default=False),
        Field("fee", "Fee", "number", default=0, low=0, high=20_000),
        Field("who", "Who", "choice", choices="orderhub.rules.tests.toy.payers", default="house"),
        Field("why", "Why", "text", default=""),
    ),
    ({"amount": 10, "town": "余杭"}, {"amount": 500, "town": "上城"}),
    (
        Policy("plain", "Plain", "By amount.", "orderhub.rules.tests.toy.plain"),
        Policy("generous", "Generous", "Everything.", "orderhub.rules.tests.toy.generous"),
    ),
)
