"""Workers that can be killed: forked from a process that is set up, each with connections of its own."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from typing import Any

from django.db import connections

_fork = multiprocessing.get_context("fork")
_inherited: list[Any] = []


def start(work: Callable[..., Any], *args: Any) -> BaseProcess:
    """A running child; the parent's connections are closed first, so that no socket is shared."""
    connections.close_all()
    child = _fork.Process(target=_run, args=(work, args), daemon=True)
    child.start()
    return child


def _run(work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _begin_alone()
    try:
        work(*args)
    finally:
        connections.close_all()


def _begin_alone() -> None:
    """Nothing of the parent's is used or ended here: not its sockets, and not by the collector, which would say goodbye
    to the server on a socket that the parent goes on using."""
    gc.freeze()
    for wrapper in connections.all(initialized_only=True):
        _inherited.append(wrapper.connection)
        wrapper.connection = None
        wrapper.in_atomic_block = wrapper.needs_rollback = wrapper.closed_in_transaction = False
        wrapper.savepoint_ids, wrapper.run_on_commit, wrapper.atomic_blocks = [], [], []


def kill(child: BaseProcess) -> bool:
    """kill -9, now; whether it was still alive."""
    alive = child.is_alive()
    if alive and child.pid:
        os.kill(child.pid, signal.SIGKILL)
    child.join(10)
    return alive


def together(
    work: Callable[..., Any], arguments: Sequence[tuple[Any, ...]], seconds: float = 300
) -> list[Any]:
    """What `work(*args)` returned in each of several children at once; an exception comes back as its text."""
    queue: Any = _fork.SimpleQueue()

    def tell(number: int, args: tuple[Any, ...]) -> None:
        try:
            answer = work(*args)
        except Exception as error:  # noqa: BLE001 - the parent is told, and judges
            answer = f"{type(error).__name__}: {error}"
        queue.put((number, answer))

    children = [start(tell, number, args) for number, args in enumerate(arguments)]
    found: dict[int, Any] = {}
    end = time.monotonic() + seconds
    while len(found) < len(children) and time.monotonic() < end:
        if not queue.empty():
            number, answer = queue.get()
            found[number] = answer
        elif not any(child.is_alive() for child in children) and queue.empty():
            break
        else:
            time.sleep(0.002)
    for child in children:
        kill(child)
    return [found.get(number, "the worker ended without an answer") for number in range(len(children))]
