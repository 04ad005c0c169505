"""Opaque cursors: signed, so that a page's end can't be made up and says nothing about the rows."""

from __future__ import annotations

from typing import Any

from django.core import signing
from django.utils.translation import gettext as _

from orderhub.api.problems import invalid

_SALT = "orderhub.api.cursor"
MOST, USUAL = 100, 50


def cursor(kind: str, *place: Any) -> str:
    """A place in a list of one kind."""
    return signing.dumps([kind, *place], salt=_SALT, compress=True)


def place_of(text: str, kind: str) -> list[Any]:
    """The place behind a cursor; 422 where it is not one of ours or of another list."""
    try:
        found = signing.loads(text, salt=_SALT)
    except signing.BadSignature:
        found = None
    if not isinstance(found, list) or found[:1] != [kind]:
        raise invalid("cursor", _("This cursor is not from this list. Start again without it."))
    return found[1:]


def size(text: str | None) -> int:
    """How many rows a page has: 1 to 100."""
    if text is None:
        return USUAL
    if not text.isascii() or not text.isdigit() or len(text) > 3 or not 1 <= int(text) <= MOST:
        raise invalid("limit", _("Give a whole number from 1 to %(n)d.") % {"n": MOST})
    return int(text)
