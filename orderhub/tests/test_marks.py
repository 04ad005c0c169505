"""Marks that are remembered keep what is safe and what is not apart."""

from __future__ import annotations

from django.utils.safestring import mark_safe

from orderhub.admin_site import marks


def test_that_what_is_marked_safe_is_not_taken_for_the_same_letters() -> None:
    text = "<i>x</i>"
    assert text in marks.pill(mark_safe(text)) and text in marks.channel_chip("own_shop", mark_safe(text))
    assert text not in marks.pill(text) and text not in marks.channel_chip("own_shop", text)
