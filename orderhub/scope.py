"""Who sees which shops and warehouses (P5). Codes, so that the ground floor knows the people and no app above it.

A person without a row, or with an empty list, is not narrowed in that direction. Superusers never are. Each app turns
a reach into its own rows: `orders.scope.visible_to`, `orders.scope.accounts_of`, `inventory.scope.houses_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

#: `by() -> [(code, name)]` of what may be chosen, by dotted name: the apps that own them.
SHOPS, WAREHOUSES = "orders.scope.shop_choices", "inventory.scope.warehouse_choices"

#: `by(user)` gives the orders that a person sees.
VISIBLE = "orders.scope.visible_to"

#: `by(user)` gives the ids of the platform accounts that a person sees; None is all of them.
ACCOUNTS = "orders.scope.accounts_of"

#: `by(user)` gives the systems whose codes of goods a person sees; None is all of them.
SYSTEMS = "orders.scope.systems_of"


class Scope(models.Model):
    """What one person is narrowed to; an empty list narrows nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="scope",
        verbose_name=_("user"),
    )
    shops = ArrayField(
        models.CharField(max_length=30), verbose_name=_("only these shops"), default=list, blank=True
    )
    warehouses = ArrayField(
        models.CharField(max_length=20), verbose_name=_("only these warehouses"), default=list, blank=True
    )

    class Meta:
        verbose_name = _("shops and warehouses")
        verbose_name_plural = _("shops and warehouses")

    def __str__(self) -> str:
        return ", ".join([*self.shops, *self.warehouses])


@dataclass(frozen=True, slots=True)
class Reach:
    """Codes of the shops and warehouses that somebody sees; None is all of them."""

    shops: frozenset[str] | None = None
    warehouses: frozenset[str] | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is narrowed."""
        return self.shops is None and self.warehouses is None


def reach_of(user: Any) -> Reach:
    """A person's reach: one statement, asked once per user object."""
    known: Reach | None = getattr(user, "_reach", None)
    if known is None:
        row = None if user.is_superuser else Scope.objects.filter(user_id=user.pk).first()
        known = Reach(
            frozenset(row.shops) if row and row.shops else None,
            frozenset(row.warehouses) if row and row.warehouses else None,
        )
        user._reach = known
    return known
