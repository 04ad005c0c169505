"""Who is told what, where and when, in which words; what is at each person's bell; who is next when nobody reacts."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from orderhub.notifications import templates
from orderhub.outbox.models import Message

GROUPS = ("feishu", "dingtalk")
SMS = "aliyun_sms"
EMAIL = "email"
LANGUAGES = (("zh-hans", _("Chinese")), ("en", _("English")))


def roles() -> list[tuple[str, Any]]:
    """The roles of the house, as a field's choices; a new one needs no migration."""
    from orderhub.roles import ROLES

    return [(role.code, role.label) for role in ROLES]


def kinds() -> list[tuple[str, Any]]:
    """The notices that there are, as choices."""
    return [(code, template.label) for code, template in templates.TEMPLATES.items()]


class Recipient(models.Model):
    """Notices for a role go to this group or telephone; no `only` means every notice for the role."""

    role = models.CharField(_("for the role"), max_length=30, choices=roles)
    connection = models.ForeignKey(
        "orderhub.Connection",
        models.PROTECT,
        verbose_name=_("account"),
        limit_choices_to={"platform__in": (*GROUPS, SMS, EMAIL)},
        help_text=_("A Feishu or DingTalk group, the SMS account or the mail server."),
    )
    phone = models.CharField(
        _("telephone"), max_length=20, blank=True, default="", help_text=_("For SMS only: of our own staff.")
    )
    email = models.EmailField(
        _("e-mail address"),
        blank=True,
        default="",
        db_default="",
        help_text=_("For e-mail only: of our own staff."),
    )
    language = models.CharField(
        _("language"), max_length=7, choices=LANGUAGES, default="zh-hans", db_default="zh-hans"
    )
    quiet_from = models.TimeField(
        _("quiet from"),
        null=True,
        blank=True,
        help_text=_("What is not urgent waits until quiet hours are over."),
    )
    quiet_to = models.TimeField(_("quiet until"), null=True, blank=True)
    only = models.CharField(_("only this notice"), max_length=30, choices=kinds, blank=True, default="")
    enabled = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("recipient of notices")
        verbose_name_plural = _("recipients of notices")
        constraints = [
            models.UniqueConstraint(
                fields=["role", "connection", "phone", "email", "only"], name="one_recipient_a_role_and_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.connection.name}"

    def quiet_until(self, at: dt.datetime) -> dt.datetime | None:
        """When the quiet hours that `at` lies in are over (they may pass midnight); None outside of them."""
        if self.quiet_from is None or self.quiet_to is None or self.quiet_from == self.quiet_to:
            return None
        here = timezone.localtime(at)
        clock, day = here.time(), here.date()
        over_night = self.quiet_from > self.quiet_to
        inside = (
            clock >= self.quiet_from or clock < self.quiet_to
            if over_night
            else self.quiet_from <= clock < self.quiet_to
        )
        if not inside:
            return None
        if over_night and clock >= self.quiet_from:
            day += dt.timedelta(days=1)
        return timezone.make_aware(dt.datetime.combine(day, self.quiet_to), here.tzinfo)

    def clean(self) -> None:
        """SMS needs a mainland mobile number, e-mail an address, a group neither; quiet hours have two ends."""
        if (self.quiet_from is None) != (self.quiet_to is None):
            raise ValidationError({"quiet_to": _("Quiet hours need a beginning and an end.")})
        if self.connection_id is None:
            return
        if (self.connection.platform == EMAIL) != bool(self.email):
            raise ValidationError(
                {
                    "email": _("An e-mail needs an address.")
                    if not self.email
                    else _("Only e-mail has an address.")
                }
            )
        if self.connection.platform == SMS:
            if not (
                len(self.phone) == 11
                and self.phone.isascii()
                and self.phone.isdigit()
                and self.phone[0] == "1"
            ):
                raise ValidationError({"phone": _("An SMS needs a mobile number of eleven digits.")})
        elif self.phone:
            raise ValidationError({"phone": _("A group has no telephone.")})


class Wording(models.Model):
    """Staff's own words for a notice: empty ones leave the house's. `window_seconds`: what comes within it goes as one."""

    template = models.CharField(_("notice"), max_length=30, unique=True, choices=kinds)
    title_zh = models.CharField(_("title in Chinese"), max_length=120, blank=True, default="")
    line_zh = models.CharField(_("line in Chinese"), max_length=300, blank=True, default="")
    title_en = models.CharField(_("title in English"), max_length=120, blank=True, default="")
    line_en = models.CharField(_("line in English"), max_length=300, blank=True, default="")
    window_seconds = models.PositiveIntegerField(
        _("collect for (seconds)"), null=True, blank=True,
        help_text=_("What comes within this time goes out as one message. Empty: 60."),
    )  # fmt: skip
    urgent = models.BooleanField(_("urgent"), default=False, help_text=_("Goes out in quiet hours as well."))
    updated_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        verbose_name = _("wording of a notice")
        verbose_name_plural = _("wordings of notices")

    def __str__(self) -> str:
        return str(self.get_template_display())

    def clean(self) -> None:
        """Only placeholders that the notice has; each fault at its field."""
        faults = {
            name: fault
            for name in ("title_zh", "line_zh", "title_en", "line_en")
            if (fault := templates.fault(self.template, getattr(self, name)))
        }
        if faults:
            raise ValidationError(faults)


class Bell(models.Model):
    """A notice at one person's bell. Unread ones on one topic are one: `n` counts them, `params` keeps the newest twenty."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="bells")
    template = models.CharField(_("notice"), max_length=30)
    topic = models.CharField(max_length=120)
    params = models.JSONField(default=list)
    n = models.PositiveIntegerField(_("how many"), default=1)
    order_id = models.BigIntegerField(_("order"), null=True)
    at = models.DateTimeField(_("when"), db_default=Now())
    read_at = models.DateTimeField(_("read"), null=True)

    class Meta:
        verbose_name = _("notice at the bell")
        verbose_name_plural = _("notices at the bell")
        constraints = [
            models.UniqueConstraint(
                fields=["user", "topic"], condition=models.Q(read_at=None), name="one_unread_bell_a_topic"
            )
        ]
        indexes = [models.Index(fields=["user", "-at"], name="bell_recent")]

    def __str__(self) -> str:
        return f"{self.template} {self.topic}"


class Notices(models.Manager["Told"]):
    """Of the outbox only what tells our people something."""

    def get_queryset(self) -> models.QuerySet[Told]:
        return super().get_queryset().filter(kind__startswith="notice.")


class Told(Message):
    """A notice in the outbox, as the delivery log shows it."""

    objects = Notices()  # type: ignore[misc]

    class Meta:
        proxy = True
        verbose_name = _("delivery of a notice")
        verbose_name_plural = _("delivery log")


class Step(models.Model):
    """A step of the escalation path: after so long without an answer the next role is told. Each step is taken once."""

    kind = models.CharField(
        _("kind of ticket"), max_length=30, blank=True, default="", help_text=_("Empty: every kind that has no path of its own.")
    )  # fmt: skip
    place = models.PositiveSmallIntegerField(_("step"))
    minutes = models.PositiveIntegerField(
        _("minutes without an answer"), help_text=_("Counted from the opening.")
    )
    role = models.CharField(_("then tell"), max_length=30, choices=roles)

    class Meta:
        verbose_name = _("escalation step")
        verbose_name_plural = _("escalation path")
        constraints = [models.UniqueConstraint(fields=["kind", "place"], name="one_step_a_place")]

    def __str__(self) -> str:
        return f"{self.kind or '*'} {self.place}"


class Pace(models.Model):
    """When a robot was last used, so that all workers together stay under its limit; one row a connection."""

    connection = models.OneToOneField("orderhub.Connection", models.CASCADE, primary_key=True)
    sent_at = ArrayField(models.DateTimeField(), default=list)
    shut_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("pace of a robot")
        verbose_name_plural = _("paces of robots")

    def __str__(self) -> str:
        return f"{self.connection_id} {len(self.sent_at)}"


class Asking(models.Model):
    """One asking for notices: what the rules of `notify` were asked and what they said. Kept for a while, to try drafts on."""

    at = models.DateTimeField(_("when"), db_default=Now())
    facts = models.JSONField(_("input"), default=dict)
    said = models.JSONField(_("answer"), default=dict)

    class Meta:
        verbose_name = _("asking for notices")
        verbose_name_plural = _("askings for notices")
        indexes = [models.Index(fields=["at"], name="asking_at")]

    def __str__(self) -> str:
        return f"{self.facts.get('notice', '')} {self.at:%F %T}"
