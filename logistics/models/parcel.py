"""A parcel and what is in it. Its state is ours; `tracking` is the carrier's word and never overwrites it."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from logistics.providers import labels
from orderhub.tracked import Tracked


class ParcelState(models.TextChoices):
    PLANNED = "planned", _("planned")
    NUMBERED = "numbered", _("waybill number obtained")
    HANDED = "handed", _("with the warehouse")
    WAVED = "waved", _("in a wave")
    PACKED = "packed", _("packed and weighed")
    PRINTED = "printed", _("label printed")
    SHIPPED = "shipped", _("shipped")
    SIGNED = "signed", _("signed")
    RETURNED = "returned", _("returned")
    VOIDED = "voided", _("voided")


class WeightState(models.TextChoices):
    OK = "ok", _("as expected")
    OFF = "off", _("off, waits for a person")
    RELEASED = "released", _("off, released by a person")


class Parcel(Tracked):
    class Role(models.TextChoices):
        MAIN = "main", _("main")
        SPLIT = "split", _("split")
        RESHIP = "reship", _("sent again")
        GIFT = "gift", _("gift")

    class Route(models.TextChoices):
        WANGDIANTONG = "wangdiantong", _("Wangdiantong")
        QIMEN = "qimen", _("Qimen")
        OWN = "own", _("our own waves")
        RIDE = "ride", _("in another order's parcel")

    number = models.CharField(_("parcel"), max_length=30, unique=True)
    order = models.ForeignKey("orders.Order", models.PROTECT, related_name="parcels", verbose_name=_("order"))
    role = models.CharField(_("role"), max_length=8, choices=Role, default=Role.MAIN)
    #: which of its order's parcels it is; a parcel that was voided is planned again at the same place
    place = models.PositiveSmallIntegerField(default=1, db_default=1)
    #: merged orders: the parcel that really goes; this one only carries its order's lines and reports
    rides_with = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="riders",
        db_index=False,
        verbose_name=_("ships inside"),
    )
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=ParcelState,
        default=ParcelState.PLANNED,
        db_default=ParcelState.PLANNED,
    )
    warehouse = models.ForeignKey("inventory.Warehouse", models.PROTECT, verbose_name=_("warehouse"))
    worked_by = models.CharField(_("worked by"), max_length=14, choices=Route)
    carrier = models.CharField(_("carrier"), max_length=20)
    service = models.CharField(_("label service"), max_length=20, choices=labels.choices)
    outlet_code = models.CharField(_("outlet"), max_length=40, blank=True, default="")
    destination_version = models.PositiveSmallIntegerField(default=1)
    waybill_no = models.CharField(_("waybill number"), max_length=40, blank=True, default="", db_default="")
    sort_code = models.CharField(_("sort code"), max_length=60, blank=True, default="", db_default="")
    print_payload_enc = models.BinaryField(null=True)
    expected_weight_g = models.PositiveIntegerField(_("expected weight (g)"), default=0)
    weight_g = models.PositiveIntegerField(_("weight (g)"), null=True)
    wave = models.ForeignKey("logistics.Wave", models.SET_NULL, null=True, blank=True, verbose_name=_("wave"))
    # when the warehouse did what, by its own clock
    handed_at = models.DateTimeField(_("handed over"), null=True)
    waved_at = models.DateTimeField(_("waved"), null=True)
    packed_at = models.DateTimeField(_("packed and weighed at"), null=True)
    printed_at = models.DateTimeField(_("label printed at"), null=True)
    prints = models.PositiveSmallIntegerField(_("times printed"), default=0, db_default=0)
    weight_state = models.CharField(
        _("weight check"), max_length=10, choices=WeightState, blank=True, default="", db_default=""
    )
    # trouble that must become a hold on the order, told in a transaction of its own
    hold_type = models.CharField(_("trouble"), max_length=14, blank=True, default="", db_default="")
    hold_reason = models.CharField(_("what is wrong"), max_length=300, blank=True, default="", db_default="")
    hold_told = models.BooleanField(default=False, db_default=False)
    refused = models.BooleanField(_("refused by the warehouse"), default=False, db_default=False)
    #: why it must not leave: set when the warehouse was asked to stop it, kept on a voided parcel
    stop_reason = models.CharField(
        _("stopped because"), max_length=200, blank=True, default="", db_default=""
    )
    wms_reference = models.CharField(_("WMS number"), max_length=60, blank=True, default="", db_default="")
    wms_polled_at = models.DateTimeField(null=True)
    followed = models.CharField(
        max_length=10, default="planned", db_default="planned"
    )  # state that the order knows
    shipped_at = models.DateTimeField(_("shipped"), null=True)
    report_state = models.CharField(_("report to the channel"), max_length=12, default="", db_default="")
    # the carrier's axis
    tracking = models.CharField(_("tracking"), max_length=16, blank=True, default="", db_default="")
    picked_up_at = models.DateTimeField(_("picked up"), null=True)
    first_attempt_at = models.DateTimeField(_("first delivery attempt"), null=True)
    first_attempt_ok = models.BooleanField(_("first attempt succeeded"), null=True)
    signed_at = models.DateTimeField(_("signed"), null=True)
    last_trace_at = models.DateTimeField(_("last trace"), null=True)
    polled_at = models.DateTimeField(_("trace asked"), null=True)
    trace_answered_at = models.DateTimeField(_("trace answered"), null=True)
    overdue_told = models.BooleanField(default=False, db_default=False)

    class Meta:
        verbose_name = _("parcel")
        verbose_name_plural = _("parcels")
        indexes = [
            models.Index(
                fields=["state", "next_try_at", "id"], condition=models.Q(open_holds=0), name="parcel_work"
            ),
            models.Index(fields=["waybill_no"], name="parcel_waybill"),
            models.Index(
                fields=["id"], condition=~models.Q(followed=models.F("state")), name="parcel_to_follow"
            ),
            models.Index(fields=["order"], condition=~models.Q(state="voided"), name="parcel_live"),
            models.Index(
                fields=["worked_by", "wms_polled_at"],
                condition=models.Q(state__in=["handed", "waved", "packed", "printed"]),
                name="parcel_at_warehouse",
            ),
            models.Index(fields=["polled_at"], condition=models.Q(state="shipped"), name="parcel_on_its_way"),
            models.Index(fields=["id"], condition=~models.Q(hold_type=""), name="parcel_in_trouble"),
            models.Index(
                fields=["rides_with"], condition=models.Q(rides_with__isnull=False), name="parcel_riders"
            ),
        ]
        permissions = [
            ("work_parcel", _("Can wave, pack, print and ship parcels")),
            ("void_parcel", _("Can void parcels")),
        ]

    def __str__(self) -> str:
        return self.number


class ParcelLine(models.Model):
    parcel = models.ForeignKey(Parcel, models.CASCADE, related_name="lines")
    line_uuid = models.UUIDField()
    #: what its stock is reserved under: the line itself, or its share of a split order
    reference = models.UUIDField()
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, db_constraint=False)
    quantity = models.PositiveIntegerField(_("quantity"))

    class Meta:
        verbose_name = _("parcel line")
        verbose_name_plural = _("parcel lines")

    def __str__(self) -> str:
        return f"{self.sku_id} × {self.quantity}"


class Wave(models.Model):
    """Parcels of one warehouse and carrier that are picked in one walk."""

    number = models.CharField(_("wave"), max_length=30, unique=True)
    warehouse = models.ForeignKey("inventory.Warehouse", models.PROTECT, verbose_name=_("warehouse"))
    carrier = models.CharField(_("carrier"), max_length=20)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    done_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("wave")
        verbose_name_plural = _("waves")

    def __str__(self) -> str:
        return self.number
