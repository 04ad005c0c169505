"""Who does a thing: a person, the clock, or a platform. Every event and hold carries one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_user_model


@dataclass(frozen=True, slots=True)
class Actor:
    """kind is `person`, `clock` or `platform`; `user_id` only for a person."""

    kind: str
    name: str
    user_id: int | None = None


CLOCK = Actor("clock", "clock")


def person(user: Any) -> Actor:
    """The signed-in user as an actor."""
    return Actor("person", user.get_username(), user.pk)


def platform(name: str) -> Actor:
    """An outside system, by its code: `taobao`, `wangdiantong`."""
    return Actor("platform", name)


def one_at_a_time(user_id: int | None) -> None:
    """Until the transaction ends nobody else counts what this person has done: their row is locked."""
    rows = get_user_model()._default_manager.select_for_update(no_key=True).filter(pk=user_id or 0)
    list(rows.values_list("pk", flat=True))
