"""Who is told what and where, and how fast each group robot was used lately."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from orderhub.notifications import templates

GROUPS = ("feishu", "dingtalk")
SMS = "aliyun_sms"


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
        limit_choices_to={"platform__in": (*GROUPS, SMS)},
        help_text=_("A Feishu or DingTalk group, or the SMS account."),
    )
    phone = models.CharField(
        _("telephone"), max_length=20, blank=True, default="", help_text=_("For SMS only: of our own staff.")
    )
    only = models.CharField(_("only this notice"), max_length=30, choices=kinds, blank=True, default="")
    enabled = models.BooleanField(_("on"), default=True)

    class Meta:
        verbose_name = _("recipient of notices")
        verbose_name_plural = _("recipients of notices")
        constraints = [
            models.UniqueConstraint(
                fields=["role", "connection", "phone", "only"], name="one_recipient_a_role_and_place"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_role_display()} · {self.connection.name}"

    def clean(self) -> None:
        """SMS needs a mainland mobile number, a group needs none."""
        if self.connection_id is None:
            return
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
