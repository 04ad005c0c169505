"""Identifiers that sort by when they were made: version 7 uuids (RFC 9562), so that indexes grow at their end."""

from __future__ import annotations

import os
import time


def ordered_uuid() -> str:
    """A new uuid as text: 48 bits of milliseconds, then 74 random bits."""
    stamp = f"{time.time_ns() // 1_000_000:012x}"
    chance = os.urandom(10).hex()
    variant = "89ab"[int(chance[3], 16) & 3]
    return f"{stamp[:8]}-{stamp[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"
