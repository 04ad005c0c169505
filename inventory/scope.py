"""A person's reach over warehouses, in this app's rows."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from inventory.models import UnknownCode
from inventory.queries import warehouses
from orderhub.dotted import resolve
from orderhub.scope import SYSTEMS, reach_of


def warehouse_choices() -> list[tuple[str, str]]:
    """(code, name) of every warehouse, for the form that narrows a person."""
    return [(house.code, f"{house.name} ({house.code})") for house in warehouses()]


def part_of(user: Any) -> list[int] | None:
    """Ids of the warehouses that this person is narrowed to; None for who sees all of them, and so what is sold from all."""
    return None if reach_of(user).warehouses is None else houses_of(user)


def houses_of(user: Any) -> list[int]:
    """Ids of the warehouses that this person sees."""
    codes = reach_of(user).warehouses
    return [house.id for house in warehouses() if codes is None or house.code in codes]


def heard_by(user: Any, codes: QuerySet[UnknownCode] | None = None) -> QuerySet[UnknownCode]:
    """The unmapped codes among `codes` (all of them by default) that this person sees."""
    found = UnknownCode.objects.all() if codes is None else codes
    systems = resolve(SYSTEMS)(user)
    return found if systems is None else found.filter(system__in=systems)
