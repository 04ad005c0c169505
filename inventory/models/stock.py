"""On-hand and reserved per SKU and bin, an append-only ledger of both, and the reservations that hold them.

What waits for goods that are not here (Backorder) is kept beside the reservations, by the same reference.
"""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Stock(models.Model):
    """Counters; the ledger (Movement) is the truth they must equal."""

    sku = models.ForeignKey("inventory.Sku", models.PROTECT, verbose_name=_("SKU"))
    bin = models.ForeignKey("inventory.Bin", models.PROTECT, verbose_name=_("bin"))
    on_hand = models.IntegerField(_("on hand"), default=0)
    reserved = models.IntegerField(_("reserved"), default=0)

    class Meta:
        verbose_name = _("stock")
        verbose_name_plural = _("stock")
        constraints = [
            models.UniqueConstraint(fields=["sku", "bin"], name="one_counter_a_sku_and_bin"),
            models.CheckConstraint(
                condition=models.Q(reserved__lte=models.F("on_hand")), name="reserved_within_on_hand"
            ),
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="reserved_never_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.sku_id}@{self.bin_id}: {self.on_hand}/{self.reserved}"

    @property
    def free(self) -> int:
        """Pieces that nobody was promised."""
        return self.on_hand - self.reserved


class Movement(models.Model):
    """One line of the ledger. Σ on_hand_change = on_hand and Σ reserved_change = reserved, per SKU and bin."""

    class Kind(models.TextChoices):
        OPENING = "opening", _("opening stock")
        RESERVE = "reserve", _("reserved")
        RELEASE = "release", _("released")
        SHIP = "ship", _("shipped")
        RECEIVE = "receive", _("received")
        RETURN = "return", _("returned")
        COUNT = "count", _("counted")
        MOVE = "move", _("moved")
        REPAIR = "repair", _("repaired")

    sku = models.ForeignKey("inventory.Sku", models.PROTECT, db_constraint=False, verbose_name=_("SKU"))
    bin = models.ForeignKey("inventory.Bin", models.PROTECT, db_constraint=False, verbose_name=_("bin"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    on_hand_change = models.IntegerField(_("on hand ±"), default=0)
    reserved_change = models.IntegerField(_("reserved ±"), default=0)
    reference = models.CharField(_("reference"), max_length=60)
    reason = models.CharField(_("reason"), max_length=120, blank=True, default="", db_default="")
    actor = models.CharField(_("by"), max_length=80, blank=True, default="", db_default="")
    at = models.DateTimeField(_("at"), db_default=Now())

    class Meta:
        verbose_name = _("stock movement")
        verbose_name_plural = _("stock movements")
        indexes = [
            models.Index(fields=["sku", "bin"], name="movement_sku_bin"),
            models.Index(fields=["reference"], name="movement_reference"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.sku_id}@{self.bin_id} {self.on_hand_change:+d}/{self.reserved_change:+d}"


class Reservation(models.Model):
    """Pieces of one SKU in one bin that are promised to `reference`.

    That is an order line's immutable uuid (or its share's), and for what staff put by (manual, sample) a uuid of
    its own. What has an end (`expires_at`) is given back by the clock.
    """

    class Kind(models.TextChoices):
        PAID = "paid", _("paid order")
        UNPAID = "unpaid", _("unpaid order")
        MANUAL = "manual", _("by hand")
        SAMPLE = "sample", _("sample")

    class State(models.TextChoices):
        ACTIVE = "active", _("held")
        SHIPPED = "shipped", _("shipped")
        RELEASED = "released", _("released")

    reference = models.UUIDField(_("reference"))
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, db_constraint=False, verbose_name=_("SKU"))
    bin = models.ForeignKey("inventory.Bin", models.PROTECT, db_constraint=False, verbose_name=_("bin"))
    warehouse_id = models.BigIntegerField(_("warehouse"))
    quantity = models.PositiveIntegerField(_("quantity"))
    part = models.PositiveSmallIntegerField(default=0, db_default=0)  # several bins may serve one reference
    state = models.CharField(
        _("state"), max_length=10, choices=State, default=State.ACTIVE, db_default=State.ACTIVE
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind, default=Kind.PAID, db_default=Kind.PAID)
    expires_at = models.DateTimeField(_("expires"), null=True)
    reason = models.CharField(_("reason"), max_length=120, blank=True, default="", db_default="")
    made_by = models.CharField(_("by"), max_length=80, blank=True, default="", db_default="")
    created_at = models.DateTimeField(_("made"), db_default=Now())

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "sku", "part"],
                condition=models.Q(state="active"),
                name="one_active_reservation_a_reference_and_part",
            )
        ]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state="active", expires_at__isnull=False),
                name="reservation_ends",
            ),
            # for the stock page alone, and named so that no plan of the hot path prefers it to the reference's own
            models.Index(
                models.F("sku") + 0, condition=models.Q(state="active"), name="reservation_page_of_sku"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.reference} {self.sku_id} × {self.quantity}"


class Backorder(models.Model):
    """Pieces of one SKU that `reference` waits for, until `ended_at`. It holds nothing: it has a place in the queue.

    `due_at` and `rank` (the order's promise and number) are that place; `promised_on` is the day that was named, and
    only what was promised a day keeps younger demand from what is here.
    """

    reference = models.UUIDField(_("reference"))
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, db_constraint=False, verbose_name=_("SKU"))
    quantity = models.PositiveIntegerField(_("quantity"))
    due_at = models.DateTimeField(_("promised to ship by"), null=True)
    rank = models.BigIntegerField(default=0)
    promised_on = models.DateField(_("promised for"), null=True)
    made_at = models.DateTimeField(_("waits since"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("backorder")
        verbose_name_plural = _("backorders")
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "sku"],
                condition=models.Q(ended_at=None),
                name="one_open_backorder_a_reference",
            )
        ]
        indexes = [models.Index(fields=["sku"], condition=models.Q(ended_at=None), name="backorder_open")]

    def __str__(self) -> str:
        return f"{self.reference} {self.sku_id} × {self.quantity}"
