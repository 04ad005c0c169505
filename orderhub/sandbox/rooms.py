"""What group robots of both kinds share in the sandbox: the room's wall, and who spoke too often."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import deque

from orderhub.sandbox.world import World


class Room:
    """One group. `limits` are (messages, seconds); over a limit the robot is shut out for `punish` seconds."""

    def __init__(
        self, world: World, platform: str, limits: list[tuple[int, float]], punish: float = 0.0
    ) -> None:
        self.world, self.platform, self.limits, self.punish = world, platform, limits, punish
        self._lock = threading.Lock()
        self._spoken: deque[float] = deque(maxlen=1000)
        self._shut_until = 0.0
        self.refused = 0

    def may_speak(self) -> bool:
        """Whether one more message is within the limits; it is counted if so."""
        with self._lock:
            now = time.monotonic()
            over = any(sum(at > now - seconds for at in self._spoken) >= n for n, seconds in self.limits)
            if over:
                self._shut_until = max(self._shut_until, now + self.punish)
            if over or now < self._shut_until:
                self.refused += 1
                return False
            self._spoken.append(now)
            return True

    def hang(self, text: str) -> None:
        """The message is in the group; the same text again is a second effect of one key."""
        key = hashlib.sha256(text.encode()).hexdigest()[:24]
        self.world.ledger.record(self.platform, "group.told", key, {"text": text})

    def clear(self) -> None:
        with self._lock:
            self._spoken.clear()
            self._shut_until = 0.0
            self.refused = 0
