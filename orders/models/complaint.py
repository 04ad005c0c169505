"""What buyers complain of: texts with personal data taken out before they are kept, and the words that are counted."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Complaint(models.Model):
    """A review or complaint. `text` is masked; `order_id` is ours where the order is known."""

    shop = models.ForeignKey("orders.Shop", models.PROTECT, verbose_name=_("shop"))
    external_id = models.CharField(_("its number"), max_length=64)
    order_id = models.BigIntegerField(_("order"), null=True, db_index=True)
    rating = models.PositiveSmallIntegerField(_("stars"), null=True)
    text = models.TextField(_("text"))
    said_at = models.DateTimeField(_("said"))
    received_at = models.DateTimeField(_("learned"), db_default=Now())

    class Meta:
        verbose_name = _("complaint")
        verbose_name_plural = _("complaints")
        constraints = [models.UniqueConstraint(fields=["shop", "external_id"], name="one_complaint_a_number")]
        indexes = [models.Index(fields=["said_at"], name="complaint_said")]

    def __str__(self) -> str:
        return self.text[:40]


class ComplaintWord(models.Model):
    """A word that is counted together with its synonyms, and the rule that was drafted from it."""

    class About(models.TextChoices):
        SHIP = "ship", _("not shipped")
        TRACE = "trace", _("no movement")
        ADDRESS = "address", _("wrong address")
        GOODS = "goods", _("missing or broken goods")
        OTHER = "other", _("something else")

    word = models.CharField(_("word"), max_length=30, unique=True)
    synonyms = models.JSONField(_("synonyms"), default=list, blank=True)
    about = models.CharField(_("about"), max_length=8, choices=About, default=About.OTHER)
    enabled = models.BooleanField(_("is counted"), default=True)
    #: the rule version that was drafted from it last
    version_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("complaint word")
        verbose_name_plural = _("complaint words")

    def __str__(self) -> str:
        return self.word

    @property
    def every(self) -> list[str]:
        """The word and its synonyms."""
        return list(dict.fromkeys(text for text in (self.word, *map(str, self.synonyms)) if text))


class ComplaintFile(models.Model):
    """A file that somebody looks at before it is taken in: rows already masked, and what is wrong with the others."""

    name = models.CharField(_("file"), max_length=120)
    rows = models.JSONField(default=list)
    faults = models.JSONField(default=list)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, verbose_name=_("by"))
    at = models.DateTimeField(_("when"), db_default=Now())
    taken = models.PositiveIntegerField(null=True)

    class Meta:
        verbose_name = _("file of complaints")
        verbose_name_plural = _("files of complaints")

    def __str__(self) -> str:
        return self.name
