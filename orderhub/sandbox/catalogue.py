"""The shipped sample: goods, real baskets and real addresses, read once from ``data/``."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class Sku:
    code: str
    name: str
    name_en: str
    weight_g: int
    price: Decimal
    series: str


@dataclass(frozen=True)
class Basket:
    """One real basket: the minute of the day it was bought, and (code, quantity, unit price in yuan) per line."""

    minute: int
    lines: tuple[tuple[str, int, Decimal], ...]


@dataclass(frozen=True)
class Address:
    """A real address with its divisions; ``lng`` and ``lat`` (GCJ-02) are absent where no centre is known."""

    province: str
    city: str
    district: str
    town: str
    detail: str
    adcode: str
    lng: float | None
    lat: float | None


@cache
def skus() -> dict[str, Sku]:
    """All goods by code."""
    with (DATA / "skus.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["code"]: Sku(
                row["code"],
                row["name_zh"],
                row["name_en"],
                int(row["weight_g"]),
                Decimal(row["price_yuan"]),
                row["series"],
            )
            for row in csv.DictReader(file)
        }


@cache
def baskets() -> tuple[Basket, ...]:
    """All baskets in the order of the sample."""
    with gzip.open(DATA / "orders.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return tuple(
        Basket(
            row["minute"], tuple((code, quantity, Decimal(price)) for code, quantity, price in row["lines"])
        )
        for row in rows
    )


@cache
def addresses() -> tuple[Address, ...]:
    """All addresses in the order of the sample."""
    with gzip.open(DATA / "addresses.jsonl.gz", "rt", encoding="utf-8") as file:
        return tuple(Address(**json.loads(line)) for line in file)
