"""Misbehaviour on request: which call gets which fault is decided by the seed and the call's count, so it repeats."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import Any

KINDS = (
    "slow",
    "500_before",
    "500_after",
    "lost_answer",
    "duplicate",
    "out_of_order",
    "skew",
    "expire_token",
    "quota",
    "html",
    "half_json",
    "deny",
)


class BadFault(ValueError):
    """A fault order that cannot be understood."""


@dataclass
class Rule:
    """One order to misbehave; ``times`` 0 means without end; ``method`` may be ``*`` or end in ``*``.

    ``after`` lets that many matching calls pass first.
    """

    id: int
    platform: str
    method: str
    kind: str
    times: int = 0
    probability: float = 1.0
    seconds: float = 0.0
    after: int = 0
    seen: int = 0
    done: int = 0

    def matches(self, platform: str, method: str) -> bool:
        if self.platform not in ("*", platform):
            return False
        if self.method.endswith("*"):
            return method.startswith(self.method[:-1])
        return self.method == method


@dataclass(frozen=True)
class Plan:
    """The faults of one call."""

    kinds: dict[str, float] = field(default_factory=dict)

    def __contains__(self, kind: str) -> bool:
        return kind in self.kinds

    def seconds(self, kind: str, default: float = 0.0) -> float:
        return self.kinds.get(kind) or default


class Faults:
    """The rules in force, and what they did."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._next = 1
        self._done: dict[str, int] = {}

    def add(self, order: dict[str, Any]) -> Rule:
        """A rule from the JSON of POST /_sandbox/faults."""
        kind = order.get("kind")
        if kind not in KINDS:
            raise BadFault(f"unknown kind of fault {kind!r}; the known ones are {', '.join(KINDS)}")
        try:
            probability = float(order.get("probability", 1.0))
            times, after = int(order.get("times", 0)), int(order.get("after", 0))
            seconds = float(order.get("seconds", 0) or 0)
        except (TypeError, ValueError) as error:
            raise BadFault(f"times, after, seconds and probability must be numbers: {error}") from error
        if not 0 <= probability <= 1:
            raise BadFault("probability must lie between 0 and 1")
        with self._lock:
            rule = Rule(
                self._next,
                order.get("platform") or "*",
                order.get("method") or "*",
                kind,
                times,
                probability,
                seconds,
                after,
            )
            self._next += 1
            self._rules.append(rule)
        return rule

    def plan(self, platform: str, method: str, only: tuple[str, ...] | None = None) -> Plan:
        """Draw the faults of one call; ``only`` restricts to some kinds (pushes draw theirs separately)."""
        kinds: dict[str, float] = {}
        with self._lock:
            for rule in self._rules:
                pushes = rule.kind in ("duplicate", "out_of_order")
                if (rule.kind not in only) if only else pushes:
                    continue
                if not rule.matches(platform, method) or (rule.times and rule.done >= rule.times):
                    continue
                rule.seen += 1
                if rule.seen <= rule.after or not self._lot(rule):
                    continue
                rule.done += 1
                kinds[rule.kind] = rule.seconds
                name = f"{platform}.{rule.kind}"
                self._done[name] = self._done.get(name, 0) + 1
        return Plan(kinds)

    def _lot(self, rule: Rule) -> bool:
        if rule.probability >= 1:
            return True
        text = f"{self.seed}:{rule.platform}:{rule.method}:{rule.kind}:{rule.seen}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64 < rule.probability

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()
            self._done.clear()

    def report(self) -> dict[str, Any]:
        """Rules in force and the number of faults done per platform and kind."""
        with self._lock:
            return {"rules": [vars(rule).copy() for rule in self._rules], "done": dict(self._done)}


class Quota:
    """Calls per app and window; without a limit it only counts."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[tuple[str, str], tuple[int, float]] = {}
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}
        self._calls: dict[str, int] = {}

    def limit(self, platform: str, app: str, calls: int, seconds: float) -> None:
        """At most ``calls`` in ``seconds`` for this app; 0 calls takes the limit away. Empty app: every app."""
        with self._lock:
            if calls:
                self._limits[platform, app] = (calls, seconds)
            else:
                self._limits.pop((platform, app), None)
            self._windows.clear()

    def take(self, platform: str, app: str, method: str) -> bool:
        """Count one call; False when it is over the limit."""
        with self._lock:
            name = f"{platform}.{method}"
            self._calls[name] = self._calls.get(name, 0) + 1
            limit = self._limits.get((platform, app)) or self._limits.get((platform, ""))
            if limit is None:
                return True
            start, used = self._windows.get((platform, app), (0.0, 0))
            now = time.monotonic()
            if now - start >= limit[1]:
                start, used = now, 0
            self._windows[platform, app] = (start, used + 1)
            return used < limit[0]

    def calls(self) -> dict[str, int]:
        """Calls per platform and method since the start."""
        with self._lock:
            return dict(sorted(self._calls.items()))

    def clear(self) -> None:
        with self._lock:
            self._limits.clear()
            self._windows.clear()
            self._calls.clear()
