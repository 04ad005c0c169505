"""How much a call matters, said once around the work and not at every call; threads of `Pool` inherit it."""

from __future__ import annotations

import contextvars
import enum
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class Importance(enum.IntEnum):
    """REPORT: backfills, comparisons, reports · PULL: news that comes again · EFFECT: gate, label, ship report, money."""

    REPORT = 1
    PULL = 2
    EFFECT = 3


_now: contextvars.ContextVar[Importance] = contextvars.ContextVar("importance", default=Importance.EFFECT)


def importance() -> Importance:
    """What the work around this call said; EFFECT where it said nothing."""
    return _now.get()


@contextmanager
def spending(level: Importance) -> Iterator[None]:
    """Calls made inside count as `level`, or as less where the work around them said less."""
    token = _now.set(min(level, _now.get()))
    try:
        yield
    finally:
        _now.reset(token)


class Pool(ThreadPoolExecutor):
    """Threads that know what the thread that gave them work knows (importance, where call rows go)."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return super().submit(contextvars.copy_context().run, fn, *args, **kwargs)
