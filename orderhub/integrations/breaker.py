"""A breaker a connection: what always fails is not called for a while, then tried with one call, then trusted again.

Failures in a row are counted by each worker; that a breaker is open is shared through the table, so another
worker learns it within `turns.FRESH_SECONDS` of its own calls. Each worker makes one probe of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from orderhub.integrations.errors import PlatformError

#: Calls in a row that got no sensible answer. A pool of four threads that meet one hiccup stay below it.
FAILURES = 6
FIRST_WAIT, LONGEST_WAIT = 15.0, 300.0
#: A probe that has not come back after this long is given up.
PROBE_SECONDS = 60.0


@dataclass(slots=True)
class Line:
    """One connection as this worker sees it; moments are seconds since 1970."""

    failures: int = 0
    open_until: float = 0.0
    times: int = 0
    probe_until: float = 0.0
    reason: str = ""
    changed_at: float = 0.0
    unwritten: bool = False

    def wait(self, now: float) -> float:
        """Seconds for which this call is refused; 0 where it may leave (and is the probe of an open line)."""
        if not self.times:
            return 0.0
        if now < self.open_until:
            return self.open_until - now
        if now < self.probe_until:
            return min(self.probe_until - now, FIRST_WAIT)
        self.probe_until = now + PROBE_SECONDS
        return 0.0

    def hear(self, error: PlatformError | None, now: float) -> None:
        """What came of a call: no answer brings the line nearer to opening, any answer of the platform closes it."""
        self.probe_until = 0.0
        if error is None or error.kind not in ("retry", "unknown"):
            self.failures = 0
            if self.times:
                self.times, self.open_until, self.reason = 0, 0.0, ""
                self.changed_at, self.unwritten = now, True
            return
        self.failures += 1
        if self.times and now < self.open_until:
            return  # left before the line was opened
        if self.times or self.failures >= FAILURES:
            wait = min(FIRST_WAIT * 2 ** min(self.times, 8), LONGEST_WAIT)
            self.times += 1
            self.open_until, self.reason = now + wait, f"{error.message} ({error.code})"
            self.changed_at, self.unwritten = now, True

    def adopt(self, open_until: float, times: int, reason: str, changed_at: float) -> None:
        """What another worker wrote, where it is newer than what this one knows."""
        if changed_at <= self.changed_at:
            return
        self.open_until, self.times, self.reason, self.changed_at = open_until, times, reason, changed_at
        self.failures, self.probe_until, self.unwritten = 0, 0.0, False
