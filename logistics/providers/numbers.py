"""Waybill numbers that a warehouse system wants acknowledged, in our words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Numbered:
    """One number that left: the system's own id of the row, our parcel's number, the waybill."""

    id: int
    number: str
    waybill_no: str


@dataclass(frozen=True, slots=True)
class Word:
    """What we answer to one row: taken, later (it is to come again), or failed with the reason."""

    id: int
    word: Literal["taken", "later", "failed"]
    text: str = ""
