"""Addresses that are looked up and reviewed: one item an order's destination, every pick, and what was learned.

Whatever holds a buyer's text is sealed. An item is worked under a lease named by a token of the open page, so
that two people, or two windows of one, never see the same; a lost lease ends by itself.
"""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AddressReview(models.Model):
    """One destination (order and version): looked up, judged, and, where the verdict asks for it, shown to a person."""

    class Kind(models.TextChoices):
        HOLD = "hold", _("the order waits for it")
        SAMPLE = "sample", _("blind check of an automatic one")
        REVEALED = "revealed", _("revealed by a person")

    class State(models.TextChoices):
        NEW = "new", _("to be looked up")
        WAITING = "waiting", _("waits for a person")
        ACCEPTED = "accepted", _("taken automatically")
        PICKED = "picked", _("picked by a person")
        LET_GO = "let_go", _("routed by its district")
        WITHDRAWN = "withdrawn", _("no longer wanted")

    class Verdict(models.TextChoices):
        ACCEPT = "accept", _("take it")
        CONFIRM = "confirm", _("confirm")
        NUMBER = "number", _("add a number")
        FIX = "fix", _("fix the address")
        FAILED = "failed", _("look-up failed")

    order_id = models.BigIntegerField(_("order"))
    version = models.PositiveSmallIntegerField(_("version of the destination"))
    kind = models.CharField(_("why"), max_length=10, choices=Kind, default=Kind.HOLD)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.NEW)
    verdict = models.CharField(_("verdict"), max_length=10, choices=Verdict, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=30, blank=True, default="")
    sure = models.FloatField(_("confidence"), default=0.0)
    city = models.CharField(_("city's code"), max_length=6, blank=True, default="")
    key = models.CharField(max_length=64, blank=True, default="")  # keyed hash: the same address, found again
    sealed = models.BinaryField(null=True)  # what the buyer wrote, in parts, and the candidates
    promised_at = models.DateTimeField(_("promised to ship by"))
    created_at = models.DateTimeField(_("since"), db_default=Now())
    next_try_at = models.DateTimeField(_("next look-up"), db_default=Now())
    attempts = models.PositiveSmallIntegerField(_("look-ups"), default=0)
    trouble = models.CharField(_("trouble"), max_length=200, blank=True, default="")
    lease_token = models.CharField(max_length=40, blank=True, default="")
    lease_by = models.CharField(_("open at"), max_length=80, blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    skips = models.PositiveSmallIntegerField(_("skipped"), default=0)

    class Meta:
        verbose_name = _("address to review")
        verbose_name_plural = _("addresses to review")
        constraints = [
            models.UniqueConstraint(
                fields=["order_id", "version", "kind"], name="one_review_a_destination_and_kind"
            )
        ]
        indexes = [
            models.Index(
                fields=["skips", "promised_at", "id"],
                condition=models.Q(state="waiting"),
                name="review_queue",
            ),
            models.Index(fields=["next_try_at"], condition=models.Q(state="new"), name="review_new"),
            models.Index(fields=["key"], condition=models.Q(state="waiting"), name="review_same"),
            models.Index(fields=["created_at"], name="review_created"),
        ]
        permissions = [("decide_address", _("Can review addresses"))]

    def __str__(self) -> str:
        return f"{self.order_id}/{self.version}"


class AddressPick(models.Model):
    """One decision about one item, append-only but for its undoing. `sealed` keeps what was before and what is now."""

    class Way(models.TextChoices):
        KEY = "key", _("by key")
        MOUSE = "mouse", _("by mouse")
        TOUCH = "touch", _("by touch")
        BULK = "bulk", _("in bulk")
        SAME = "same", _("same as another")
        MEMORY = "memory", _("from memory")
        AUTO = "auto", _("automatically")

    class Choice(models.TextChoices):
        CANDIDATE = "candidate", _("a candidate")
        SEARCH = "search", _("found by searching")
        PIN = "pin", _("a pin on the map")
        KEEP = "keep", _("as written")

    item = models.ForeignKey(AddressReview, models.CASCADE, related_name="picks")
    order_id = models.BigIntegerField(_("order"))
    user_id = models.BigIntegerField(null=True)
    by = models.CharField(_("by"), max_length=80)
    at = models.DateTimeField(_("at"), db_default=Now())
    way = models.CharField(_("how"), max_length=10, choices=Way)
    choice = models.CharField(_("what"), max_length=10, choices=Choice, default=Choice.CANDIDATE)
    rank = models.PositiveSmallIntegerField(_("rank"), default=0)  # 1 to 3; 0 where it was none of the three
    seconds = models.FloatField(_("seconds"), null=True)
    sure = models.FloatField(_("confidence"), default=0.0)  # of the first candidate, whatever was picked
    city = models.CharField(_("city's code"), max_length=6, blank=True, default="")
    adcode = models.CharField(_("district code"), max_length=9, blank=True, default="")
    precision = models.CharField(_("precision"), max_length=10, blank=True, default="")
    agrees = models.BooleanField(_("same as the automatic one"), null=True)
    batch = models.CharField(max_length=40, blank=True, default="")
    sealed = models.BinaryField(null=True)
    undone_at = models.DateTimeField(_("undone"), null=True)

    class Meta:
        verbose_name = _("pick")
        verbose_name_plural = _("picks")
        indexes = [
            models.Index(fields=["user_id", "-id"], name="pick_of_person"),
            models.Index(fields=["at"], name="pick_at"),
            models.Index(fields=["batch"], condition=~models.Q(batch=""), name="pick_batch"),
            models.Index(fields=["order_id"], name="pick_order"),
        ]

    def __str__(self) -> str:
        return f"{self.order_id} {self.way}"


class AddressMemory(models.Model):
    """What an address was decided to be: answered from here the next time; deleted to forget it."""

    key = models.CharField(max_length=64, unique=True)
    sealed = models.BinaryField()  # the place, and the buyer's text it was learned from
    adcode = models.CharField(_("district code"), max_length=9, blank=True, default="")
    precision = models.CharField(_("precision"), max_length=10, blank=True, default="")
    learned_at = models.DateTimeField(_("learned"), db_default=Now())
    learned_by = models.CharField(_("from"), max_length=80)
    uses = models.PositiveIntegerField(_("used"), default=0)
    used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        verbose_name = _("remembered address")
        verbose_name_plural = _("remembered addresses")

    def __str__(self) -> str:
        return self.key[:12]


class AddressCache(models.Model):
    """A map service's answer to one question, until its terms say it must go."""

    key = models.CharField(max_length=64, primary_key=True)
    sealed = models.BinaryField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("kept answer")
        verbose_name_plural = _("kept answers")

    def __str__(self) -> str:
        return self.key[:12]


class KnownPlace(models.Model):
    """A place that we may answer with ourselves: of an imported file (plain), or delivered to before (sealed)."""

    class Source(models.TextChoices):
        FILE = "file", _("imported")
        DELIVERED = "delivered", _("delivered to before")

    source = models.CharField(_("from"), max_length=10, choices=Source, default=Source.FILE)
    code = models.CharField(_("code"), max_length=64)
    name = models.CharField(_("name"), max_length=120, blank=True)
    address = models.CharField(_("address"), max_length=200, blank=True)
    sealed = models.BinaryField(null=True, editable=False)
    adcode = models.CharField(_("district code"), max_length=9, db_index=True)
    lng = models.FloatField(_("longitude (WGS-84)"))
    lat = models.FloatField(_("latitude (WGS-84)"))
    updated_at = models.DateTimeField(_("changed"), auto_now=True, db_default=Now())

    class Meta:
        verbose_name = _("known place")
        verbose_name_plural = _("known places")
        constraints = [models.UniqueConstraint(fields=["source", "code"], name="one_place_a_source_and_code")]

    def __str__(self) -> str:
        return self.name or self.code


#: The figures of the policy that a rule may say otherwise; precision is a bound that none may lower.
FIGURES = ("threshold", "sample", "bulk", "let_go_hours")


class AddressPolicy(models.Model):
    """The figures of address review. Read by `AddressPolicy.current()`; id is always 1."""

    threshold = models.FloatField(_("take from this confidence on, where nothing is calibrated"), default=0.9)
    precision = models.FloatField(_("never below this precision"), default=0.98)
    sample = models.FloatField(_("share of automatic ones for a blind check"), default=0.03)
    bulk = models.FloatField(_("bulk accept from this confidence on"), default=0.8)
    let_go_hours = models.PositiveSmallIntegerField(
        _("after a failed look-up, let go so many hours before the promise"), default=12
    )
    cache_days = models.PositiveSmallIntegerField(_("keep a map service's answers so many days"), default=30)
    revealed = models.BooleanField(_("review revealed addresses of masked channels"), default=False)
    revealed_a_day = models.PositiveSmallIntegerField(_("reveals a person and day"), default=20)

    class Meta:
        verbose_name = _("rules of address review")
        verbose_name_plural = _("rules of address review")

    def __str__(self) -> str:
        return str(_("rules of address review"))

    @classmethod
    def current(cls) -> AddressPolicy:
        """The stored figures, or the defaults where none are stored, as the rule of address review has them."""
        from orderhub.rules import engine

        kept = cls.objects.filter(pk=1).first() or cls(pk=1)
        now = timezone.localtime()
        given = {f"own_{name}": getattr(kept, name) for name in FIGURES}
        (answer,) = engine.decide(
            "review", [{**given, "hour": now.hour, "weekday": now.isoweekday()}]
        ).answers
        for name in FIGURES:
            setattr(kept, name, type(getattr(kept, name))(answer[name]))
        return kept


class AddressThreshold(models.Model):
    """What past picks say: from which confidence on a city's first candidates may be taken without a person."""

    city = models.CharField(_("city's code"), max_length=6, unique=True, blank=True)
    value = models.FloatField(_("take from"))
    error = models.FloatField(_("expected error, upper bound"))
    coverage = models.FloatField(_("share that it takes"))
    picks = models.PositiveIntegerField(_("picks"))
    computed_at = models.DateTimeField(_("computed"), db_default=Now())

    class Meta:
        verbose_name = _("threshold")
        verbose_name_plural = _("thresholds")

    def __str__(self) -> str:
        return self.city or "*"
