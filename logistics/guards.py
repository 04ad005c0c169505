"""What may refuse a parcel's step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from logistics.models import WeightState
from orderhub.lifecycle import Refusal


def weight_accepted(live: Sequence[Any]) -> dict[int, Refusal]:
    """A parcel whose weight is off waits until a person has released the order's hold."""
    return {
        row.id: Refusal("weight", _("The weight is off: a person has to release the hold first."))
        for row in live
        if row.weight_state == WeightState.OFF
    }
