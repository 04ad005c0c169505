"""Days that make sense in trade."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

FIRST_YEAR, YEARS_AHEAD = 2015, 5


def of_trade(day: dt.date) -> bool:
    """Whether something can be bought, sold or expected on it: an empty field often turns into 1900 or 1970."""
    return FIRST_YEAR <= day.year <= timezone.localdate().year + YEARS_AHEAD
