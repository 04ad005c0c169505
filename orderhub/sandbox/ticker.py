"""A daemon thread that does one thing every few seconds until its world is closed; a failure is shown, not fatal."""

from __future__ import annotations

import sqlite3
import threading
import traceback
from collections.abc import Callable


class Ticker:
    def __init__(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        self.seconds, self.work = seconds, work
        self.stopped = threading.Event()
        threading.Thread(target=self.run, name=name, daemon=True).start()

    def run(self) -> None:
        while not self.stopped.wait(self.seconds):
            try:
                self.work()
            except sqlite3.ProgrammingError:  # the ledger was closed: the sandbox is ending
                return
            except (OSError, ValueError, LookupError, TypeError, ArithmeticError, sqlite3.Error):
                traceback.print_exc()
