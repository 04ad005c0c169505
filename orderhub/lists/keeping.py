"""Saved views of lists: which a person sees, saving one, and choosing columns and the view that a list opens with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _

from orderhub.lists.models import SavedView

Audience = SavedView.Audience
#: What an address of a list holds that belongs to no view: the page, picks, errors, the view itself, one's own paste.
NOT_LISTED = ("p", "pick", "e", "view")
NOT_KEPT = (*NOT_LISTED, "o", "pasted")
LONGEST, MOST = 2000, 100
#: So many digits are a number of somebody: a search for it is nobody else's.
NUMBER = 8


class NotKept(ValueError):
    """A view that can't be saved; the text is for the person."""


@dataclass(slots=True)
class Views:
    """What one person has of one list: the named views that they see, and the nameless row of their own choices."""

    named: list[SavedView] = field(default_factory=list)
    chosen: SavedView | None = None

    def find(self, asked: str | None) -> SavedView | None:
        """The view of an address; None where the person sees none of that number."""
        return next((view for view in self.named if str(view.pk) == asked), None)

    @property
    def first(self) -> SavedView | None:
        """The view that the list opens with."""
        return self.find(str(self.chosen.opens_id)) if self.chosen is not None else None


def seen_by(user: Any) -> QuerySet[SavedView]:
    """The views that a person sees: their own, everybody's, and those of the person's roles."""
    role = SavedView.roles.through.objects.filter(savedview=OuterRef("pk"), group__user=user.pk)
    shared = Q(audience=Audience.ALL) | Q(audience=Audience.ROLES) & Q(Exists(role))
    return SavedView.objects.filter(Q(owner=user.pk) | shared & ~Q(name=""))


def views_of(user: Any, of: str) -> Views:
    """One statement."""
    rows = list(seen_by(user).filter(of=of).select_related("owner").order_by("name", "pk")[: 2 * MOST])
    chosen = next((row for row in rows if not row.name and row.owner_id == user.pk), None)
    return Views([row for row in rows if row.name], chosen)


def kept(query: str) -> str:
    """The part of a list's address that a view keeps."""
    return _without(query, NOT_KEPT)


def listed(query: str) -> str:
    """The part of a list's address that says what it lists."""
    return _without(query, NOT_LISTED)


def _without(query: str, names: tuple[str, ...]) -> str:
    asked = QueryDict(query, mutable=True)
    for name in names:
        asked.pop(name, None)
    return asked.urlencode()


def save(
    user: Any,
    of: str,
    name: str,
    query: str,
    columns: Sequence[str],
    audience: str,
    roles: Iterable[Any] = (),
) -> SavedView:
    """Save a view under a name; one's own of that name is replaced, nobody else's ever is. NotKept, in words."""
    name, query = name.strip()[:40], kept(query)
    if not name:
        raise NotKept(_("Give the view a name."))
    if len(query) > LONGEST:
        raise NotKept(_("These filters are too long to be kept."))
    if audience not in Audience.values:
        raise NotKept(_("Choose who sees the view."))
    if not may_share(query, audience):
        raise NotKept(_("It searches for one number, of an order or a person: such a view is not shared."))
    mine = SavedView.objects.filter(owner=user.pk, of=of).exclude(name="")
    if mine.count() >= MOST and not mine.filter(name=name).exists():
        raise NotKept(_("You have %(n)d views of this list: delete one first.") % {"n": MOST})
    given = {"query": query, "columns": list(columns), "audience": audience}
    view, _made = SavedView.objects.update_or_create(owner_id=user.pk, of=of, name=name, defaults=given)
    view.roles.set(roles if audience == Audience.ROLES else ())
    return view


def may_share(query: str, audience: str) -> bool:
    """Whether others may be shown these filters: not where they search for somebody's number."""
    searched = QueryDict(query).get("q", "")
    return audience == Audience.OWN or sum(map(str.isdigit, searched)) < NUMBER


def choose(user: Any, of: str, **values: Any) -> None:
    """Remember what a person chose for the list itself: `columns`, or the view that it `opens` with."""
    SavedView.objects.update_or_create(owner_id=user.pk, of=of, name="", defaults=values)
