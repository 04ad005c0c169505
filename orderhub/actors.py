"""Who does a thing: a person, the clock, or a platform. Every event and hold carries one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
