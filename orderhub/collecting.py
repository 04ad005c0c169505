"""The garbage collector out of the way: off while batches run (their rows have no cycles, and looking at them all took a
tenth of the CPU), seldom in a web process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collecting() -> Iterator[None]:
    """Leave garbage collection off while a batch is worked on; what has no cycles is freed at once all the same."""
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            gc.enable()


def settle() -> None:
    """Call once all of a web process is loaded: what is there stays, and is never walked again within somebody's request.

    A large answer makes some ten thousand objects, nearly all freed by their counts. By Python's own thresholds (700,
    10, 10) every fifth of them met a walk of all that is younger than the start, 8 ms; by these every hundredth.
    """
    gc.collect()
    gc.freeze()  # the walk of what is loaded took a tenth of a second
    gc.set_threshold(20_000, 20, 50)
