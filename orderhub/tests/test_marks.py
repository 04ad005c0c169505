"""Marks that are remembered keep what is safe and what is not apart, and languages."""

from __future__ import annotations

from django.utils import translation
from django.utils.safestring import mark_safe

from orderhub.admin_site import marks
from orderhub.models import Ticket


def test_that_what_is_marked_safe_is_not_taken_for_the_same_letters() -> None:
    text = "<i>x</i>"
    assert text in marks.pill(mark_safe(text)) and text in marks.channel_chip("own_shop", mark_safe(text))
    assert text not in marks.pill(text) and text not in marks.channel_chip("own_shop", text)


def test_that_a_state_is_said_in_the_language_of_whoever_looks() -> None:
    said = []
    for language in ("zh-hans", "en", "zh-hans"):
        with translation.override(language):
            ticket = Ticket(state="open")
            said.append(marks.state_pill(ticket))
            assert str(ticket.get_state_display()) in said[-1]
    assert said[0] == said[2] != said[1]
    assert "spoilt" in marks.state_pill(Ticket(state="spoilt")), "a word that is no choice is shown as it is"
