"""A shop on a channel, how far its pulls have come, and how it wants its orders treated."""

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Shop(models.Model):
    class DuplicateMode(models.TextChoices):
        OFF = "off", _("do nothing")
        HOLD = "hold", _("hold for a person")
        CANCEL = "cancel", _("cancel the unpaid one, hold what is paid")
        MERGE = "merge", _("ship together")

    class StockMode(models.TextChoices):
        OFF = "off", _("left alone")
        POOL = "pool", _("common pool")
        OWN = "own", _("its own share")

    class MergeMode(models.TextChoices):
        OFF = "off", _("never")
        SUGGEST = "suggest", _("suggest")
        AUTO = "auto", _("by itself")

    code = models.SlugField(_("code"), max_length=30, unique=True)
    name = models.CharField(_("name"), max_length=60)
    channel = models.CharField(_("channel"), max_length=20)  # taobao own_shop
    connection = models.OneToOneField("orderhub.Connection", models.PROTECT, verbose_name=_("connection"))
    enabled = models.BooleanField(_("on"), default=True)
    default_warehouse = models.ForeignKey(
        "inventory.Warehouse", models.SET_NULL, null=True, blank=True, verbose_name=_("default warehouse")
    )
    payment_connections = models.ManyToManyField(
        "orderhub.Connection",
        blank=True,
        related_name="+",
        verbose_name=_("payment accounts"),
        help_text=_("Accounts at gateways whose notices about this shop's orders are believed."),
    )
    duplicate_mode = models.CharField(
        _("suspected duplicates"), max_length=6, choices=DuplicateMode, default=DuplicateMode.HOLD
    )
    duplicate_minutes = models.PositiveSmallIntegerField(_("duplicate window (minutes)"), default=30)
    merge_mode = models.CharField(
        _("ship orders of one buyer together"),
        max_length=8,
        choices=MergeMode,
        default=MergeMode.SUGGEST,
        db_default=MergeMode.SUGGEST,
        help_text=_("Same buyer, same shop, same address by the channel's own key; never gifts, never COD."),
    )
    merge_minutes = models.PositiveSmallIntegerField(
        _("wait for further orders (minutes)"),
        default=30,
        db_default=30,
        help_text=_("Only where orders are merged by themselves: so long after payment no waybill is taken."),
    )
    split_automatic = models.BooleanField(
        _("split over warehouses by itself"),
        default=False,
        db_default=False,
        help_text=_("Where no single warehouse has all the goods. Off: the order is held with a button."),
    )
    split_freight = models.DecimalField(
        _("freight of one more parcel"), max_digits=8, decimal_places=2, default=8, db_default=8
    )
    split_percent = models.PositiveSmallIntegerField(
        _("extra freight at most (percent of the order)"), default=10, db_default=10
    )
    unpaid_minutes = models.PositiveIntegerField(_("unpaid orders expire after (minutes)"), default=30)
    promise_hours = models.PositiveSmallIntegerField(_("ship within (hours)"), default=48)
    aftersale_days = models.PositiveSmallIntegerField(_("after-sale window (days)"), default=7)
    stock_mode = models.CharField(
        _("numbers shown to buyers"),
        max_length=10,
        choices=StockMode,
        default=StockMode.OFF,
        db_default=StockMode.OFF,
        help_text=_(
            "Common pool: shows what all others may sell too. Its own share: these pieces are for this shop alone. "
            "Off: the channel's numbers are left as they are."
        ),
    )
    stock_share = models.PositiveSmallIntegerField(
        _("share (%)"),
        default=100,
        db_default=100,
        validators=[MaxValueValidator(100)],
        help_text=_("Of what is shown of each SKU; own shares of all shops together take at most all of it."),
    )
    stock_margin = models.PositiveIntegerField(
        _("safety margin"),
        default=0,
        db_default=0,
        help_text=_("So many pieces are shown less, for orders that we do not know of yet."),
    )
    usual_limit = models.PositiveIntegerField(
        _("pieces a buyer may have as a rule"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_(
            "Where the channel's purchase limit can be set (Douyin): goods in limited purchase are set to their limit, "
            "and back to this number afterwards. Empty: purchase limits are not sent, and goods that are limited stay so."
        ),
    )
    stock_lease_until = models.DateTimeField(null=True, editable=False)
    #: the channel is not told before this: it asked for patience, or the connection needs a person
    stock_wait_until = models.DateTimeField(null=True, editable=False)
    stock_error = models.TextField(
        _("why numbers could not be told"), blank=True, default="", db_default="", editable=False
    )
    stock_read_at = models.DateTimeField(_("numbers read back"), null=True, editable=False)
    # how far pulls have come: changes up to `pulled_until` are all stored
    pulled_until = models.DateTimeField(_("pulled until"), null=True, blank=True)
    window_until = models.DateTimeField(
        null=True, blank=True
    )  # the window being read, kept while pages are left
    window_rows = models.PositiveIntegerField(null=True, blank=True)
    overlap_minutes = models.PositiveSmallIntegerField(_("overlap (minutes)"), default=10)
    pull_lease_until = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(_("last success"), null=True, blank=True)
    last_error = models.TextField(_("last error"), blank=True, default="")
    last_error_at = models.DateTimeField(null=True, blank=True)
    errors_in_row = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name = _("shop")
        verbose_name_plural = _("shops")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Own shares of all shops come to at most all that is shown."""
        if self.stock_mode != self.StockMode.OWN:
            return
        others = Shop.objects.filter(stock_mode=self.StockMode.OWN, enabled=True).exclude(pk=self.pk)
        taken = sum(others.values_list("stock_share", flat=True))
        if self.enabled and taken + (self.stock_share or 0) > 100:
            left = max(0, 100 - taken)
            raise ValidationError(
                {
                    "stock_share": _(
                        "Other shops have %(taken)d %% of their own already; at most %(left)d %% are left."
                    )
                    % {"taken": taken, "left": left}
                }
            )
