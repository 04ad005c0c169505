"""The standard order: one head, its lines, its receiver, its proofs of payment, its timeline."""

import uuid

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from orderhub.tracked import Tracked


class OrderState(models.TextChoices):
    """What we decided. The carrier's view is kept on the parcel and never overwrites this."""

    UNPAID = "unpaid", _("awaiting payment")
    CLAIMED = "claimed", _("payment to be proved")
    PAID = "paid", _("payment confirmed")
    RESERVED = "reserved", _("stock reserved")
    ROUTED = "routed", _("routed")
    RELEASED = "released", _("with the warehouse")
    WAVED = "waved", _("in a wave")
    PACKED = "packed", _("packed and weighed")
    PRINTED = "printed", _("label printed")
    SHIPPED = "shipped", _("shipped")
    SIGNED = "signed", _("signed")
    CLOSED = "closed", _("closed, receivable confirmed")
    CANCELLED = "cancelled", _("cancelled")


#: The states in which rules watch how an order ages.
WATCHED = (
    OrderState.CLAIMED, OrderState.PAID, OrderState.RESERVED, OrderState.ROUTED, OrderState.RELEASED, OrderState.WAVED,
    OrderState.PACKED, OrderState.PRINTED, OrderState.SHIPPED,
)  # fmt: skip


class Order(Tracked):
    number = models.CharField(_("order number"), max_length=24, unique=True)
    shop = models.ForeignKey("orders.Shop", models.PROTECT, verbose_name=_("shop"))
    channel_number = models.CharField(_("channel's number"), max_length=64)
    state = models.CharField(_("state"), max_length=12, choices=OrderState)
    # what the channel says, and how new that is
    channel_state = models.CharField(_("channel's state"), max_length=40)
    channel_version = models.DateTimeField(_("channel's version"))
    refund_state = models.CharField(
        _("refund"), max_length=12, default="none", db_default="none"
    )  # none asked done
    ordered_at = models.DateTimeField(_("ordered"))
    paid_at = models.DateTimeField(_("paid"), null=True)
    promised_ship_at = models.DateTimeField(_("promised to ship by"), null=True)
    expires_at = models.DateTimeField(_("unpaid until"), null=True)
    #: until when stock is held for it unpaid; its goods were asked for and not had where that is before `expires_at`
    held_until = models.DateTimeField(_("stock held until"), null=True)
    received_at = models.DateTimeField(_("learned of"), db_default=Now())
    # money in yuan: payable = goods - discount + freight
    goods_amount = models.DecimalField(_("goods"), max_digits=12, decimal_places=2)
    discount = models.DecimalField(_("discount"), max_digits=12, decimal_places=2, default=0)
    freight = models.DecimalField(_("freight"), max_digits=12, decimal_places=2, default=0)
    payable = models.DecimalField(_("payable"), max_digits=12, decimal_places=2)
    refunded = models.DecimalField(_("refunded"), max_digits=12, decimal_places=2, default=0, db_default=0)
    piece_count = models.PositiveIntegerField(_("pieces"), default=0)
    line_count = models.PositiveSmallIntegerField(_("lines"), default=0)
    buyer_ref = models.CharField(_("buyer"), max_length=80, blank=True, default="")
    traffic_source = models.CharField(_("traffic source"), max_length=20, blank=True, default="")
    buyer_message = models.TextField(_("buyer's message"), blank=True, default="")
    duplicate_key = models.CharField(
        max_length=32, blank=True, default="", db_default=""
    )  # receiver and goods
    #: why it is neither merged nor split: cod, gift or sealed ("" = it may be)
    sealed = models.CharField(_("ships alone"), max_length=8, blank=True, default="", db_default="")
    tags = models.JSONField(_("tags"), default=list)
    #: what rules say of it: 0 usual to 9 first of all; how urgent it is ("", amber, red); a warehouse to prefer
    priority = models.PositiveSmallIntegerField(_("priority"), default=0, db_default=0)
    alarm = models.CharField(_("urgency"), max_length=5, blank=True, default="", db_default="")
    refused_by = models.CharField(
        _("refused by"), max_length=100, blank=True, default="", db_default="",
        help_text=_("Codes of the warehouses that would not do it, with commas: they are left out."),
    )  # fmt: skip
    preferred = models.CharField(
        _("preferred warehouse"), max_length=20, blank=True, default="", db_default=""
    )
    adcode = models.CharField(_("district code"), max_length=9, blank=True, default="")
    destination_version = models.PositiveSmallIntegerField(default=1, db_default=1)
    # where it goes
    warehouse = models.ForeignKey(
        "inventory.Warehouse", models.PROTECT, null=True, verbose_name=_("warehouse")
    )
    carrier = models.CharField(_("carrier"), max_length=20, blank=True, default="", db_default="")
    outlet_code = models.CharField(_("outlet"), max_length=40, blank=True, default="", db_default="")
    shipped_at = models.DateTimeField(_("shipped"), null=True)
    signed_at = models.DateTimeField(_("signed"), null=True)
    aftersale_until = models.DateTimeField(_("after-sale until"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)

    class Meta:
        verbose_name = _("order")
        verbose_name_plural = _("orders")
        constraints = [
            models.UniqueConstraint(fields=["shop", "channel_number"], name="one_order_a_channel_number"),
            models.CheckConstraint(
                condition=models.Q(refunded__lte=models.F("payable")), name="refunded_within_payable"
            ),
        ]
        indexes = [
            models.Index(
                fields=["state", "next_try_at", "id"], condition=models.Q(open_holds=0), name="order_work"
            ),
            models.Index(fields=["-ordered_at", "-id"], name="order_recent"),
            models.Index(fields=["state", "-ordered_at"], name="order_state_recent"),
            models.Index(fields=["channel_number"], name="order_channel_number"),
            models.Index(
                fields=["promised_ship_at"], condition=models.Q(shipped_at=None), name="order_promise"
            ),
            models.Index(fields=["open_holds"], condition=models.Q(open_holds__gt=0), name="order_held"),
            models.Index(
                fields=["duplicate_key", "ordered_at"],
                condition=~models.Q(duplicate_key=""),
                name="order_duplicate",
            ),
            models.Index(
                fields=["buyer_ref", "ordered_at"], condition=~models.Q(buyer_ref=""), name="order_buyer"
            ),
            models.Index(fields=["expires_at"], condition=models.Q(state="unpaid"), name="order_unpaid"),
            models.Index(fields=["id"], condition=models.Q(state__in=WATCHED), name="order_watched"),
            models.Index(fields=["alarm", "id"], condition=~models.Q(alarm=""), name="order_alarm"),
            GinIndex(fields=["tags"], condition=~models.Q(tags=[]), name="order_tags"),
            models.Index(fields=["aftersale_until"], condition=models.Q(state="signed"), name="order_quiet"),
        ]
        permissions = [
            ("view_payload_raw", _("Can see raw payloads")),
            ("reveal_receiver", _("Can reveal a receiver, with a reason")),
        ]

    def __str__(self) -> str:
        return self.number


class Line(models.Model):
    """`uuid` never changes: reservations and parcels refer to it."""

    uuid = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines", verbose_name=_("order"))
    channel_line = models.CharField(_("channel's line"), max_length=64)
    sku = models.ForeignKey("inventory.Sku", models.PROTECT, null=True, verbose_name=_("SKU"))
    seller_code = models.CharField(_("seller's code"), max_length=80)
    #: what was sold, as it was called then: a rename changes no bill, refund or return
    sku_code = models.CharField(_("SKU when sold"), max_length=40, default="", db_default="")
    sku_name = models.CharField(_("name when sold"), max_length=120, default="", db_default="")
    #: the SKU that was bought, where another goes instead
    instead_of = models.BigIntegerField(_("goes instead of"), null=True, editable=False)
    title = models.CharField(_("title"), max_length=200)
    quantity = models.PositiveIntegerField(_("quantity"))
    unit_price = models.DecimalField(_("unit price"), max_digits=12, decimal_places=2)
    discount = models.DecimalField(_("discount"), max_digits=12, decimal_places=2, default=0)
    freight_share = models.DecimalField(_("freight share"), max_digits=12, decimal_places=2, default=0)
    payable = models.DecimalField(_("payable"), max_digits=12, decimal_places=2)  # incl. freight share
    refund_state = models.CharField(_("refund"), max_length=12, default="none")

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [
            models.UniqueConstraint(fields=["order", "channel_line"], name="one_line_a_channel_line")
        ]

    def __str__(self) -> str:
        return f"{self.seller_code} × {self.quantity}"


class Receiver(models.Model):
    """Where it goes: masks in the clear, plain text and opaque keys encrypted, points in WGS-84.

    `visibility` says what we may know: `plain` (own shop), `masked` (the platform keeps the text).
    """

    order = models.OneToOneField(Order, models.CASCADE, primary_key=True, related_name="receiver")
    version = models.PositiveSmallIntegerField(default=1)
    visibility = models.CharField(_("visibility"), max_length=8)
    name_mask = models.CharField(_("name"), max_length=60)
    phone_mask = models.CharField(_("phone"), max_length=30)
    address_mask = models.CharField(_("address"), max_length=200)
    province = models.CharField(_("province"), max_length=30)
    city = models.CharField(_("city"), max_length=30, blank=True)
    district = models.CharField(_("district"), max_length=30, blank=True)
    town = models.CharField(_("town"), max_length=40, blank=True)
    adcode = models.CharField(_("district code"), max_length=9, blank=True, default="")
    plain_enc = models.BinaryField(null=True)  # JSON {name, phone, address}, own shop only
    opaque_enc = models.BinaryField(null=True)  # JSON {oaid, …}
    phone_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)
    phone_tail_hash = models.CharField(max_length=64, blank=True, default="", db_index=True)
    # a digest of what the channel itself calls the same address; "" = never merged
    address_key = models.CharField(max_length=32, blank=True, default="", db_default="")
    lng = models.FloatField(null=True)
    lat = models.FloatField(null=True)

    class Meta:
        verbose_name = _("receiver")
        verbose_name_plural = _("receivers")
        indexes = [
            models.Index(
                fields=["address_key"], condition=~models.Q(address_key=""), name="receiver_address_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.province}{self.city}{self.district} {self.name_mask}"


class PaymentProof(models.Model):
    """What a channel or gateway itself answered about a payment, and when we asked."""

    order = models.ForeignKey(Order, models.CASCADE, db_constraint=False, related_name="proofs")
    source = models.CharField(_("asked"), max_length=20)  # a channel or gateway: taobao alipay wechatpay
    trade_no = models.CharField(_("payment number"), max_length=64)
    state = models.CharField(_("its state"), max_length=40)
    paid = models.BooleanField(_("paid"))
    amount = models.DecimalField(_("amount"), max_digits=12, decimal_places=2, null=True)
    payee = models.CharField(_("payee"), max_length=64, blank=True)
    paid_at = models.DateTimeField(_("paid"), null=True)
    asked_at = models.DateTimeField(_("asked at"), db_default=Now())

    class Meta:
        verbose_name = _("payment proof")
        verbose_name_plural = _("payment proofs")

    def __str__(self) -> str:
        return f"{self.source} {self.trade_no} {self.state}"


class Event(models.Model):
    """One append-only line of an order's timeline. `occurred_at` is the platform's time, `recorded_at` ours."""

    order = models.ForeignKey(Order, models.CASCADE, db_constraint=False, related_name="events")
    code = models.CharField(_("what"), max_length=30)
    point = models.SmallIntegerField(_("touchpoint"), null=True)
    occurred_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("learned"), db_default=Now())
    actor_kind = models.CharField(max_length=8)
    actor_name = models.CharField(_("by"), max_length=80)
    actor_user_id = models.BigIntegerField(null=True)
    data = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        indexes = [
            models.Index(fields=["order", "occurred_at"], name="event_order"),
            models.Index(
                fields=["point", "occurred_at"], condition=models.Q(point__isnull=False), name="event_point"
            ),
            models.Index(fields=["recorded_at"], condition=models.Q(code="refuse"), name="event_refused"),
            models.Index(
                fields=["recorded_at"], condition=models.Q(actor_user_id__isnull=False), name="event_people"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.occurred_at:%F %T}"
