"""What parcels leave on an order's timeline, in words: given to the table of sentences when the admin loads."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orders.admin import sentences

NAMES = {
    "parcel.number": _("Waybill number obtained"),
    "parcel.stop": _("Warehouse asked to stop the parcel"),
    "parcel.refuse": _("Refused by the warehouse"),
    "parcel.void": _("Parcel voided"),
    "parcel.return": _("Parcel came back"),
    "parcel.carrier": _("Goes with another carrier than routed"),
    "label.printed": _("Label printed by us"),
    "label.reprinted": _("Label printed again"),
}
TONES = {"parcel.stop": "warn", "parcel.refuse": "bad", "parcel.void": "done", "parcel.return": "warn",
         "label.reprinted": "warn"}  # fmt: skip


def say() -> None:
    """Add our words to the sentences of the order's page."""
    sentences.NAMES.update(NAMES)
    sentences.TONES.update(TONES)
