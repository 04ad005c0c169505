"""Every word that the review screen's scripts say, handed to them in the language of the reader."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

WORDS: dict[str, Any] = {
    "item": _("Address %(n)s: %(text)s"),
    "candidates": _("%(n)s candidates"),
    "score": _("match"),
    "changed": _("differs"),
    "missing": _("missing here"),
    "added": _("added"),
    "away": _("%(away)s from 1"),
    "left": _("left today"),
    "full": _("full today"),
    "straddles": _("Also at the gate: %(names)s"),
    "no_outlet": _("no outlet known"),
    "no_point": _("no coordinates"),
    "done": _("Taken: %(text)s"),
    "kept": _("Kept as written"),
    "pinned": _("Pin taken"),
    "twins": _("and %(n)s with the same address"),
    "skipped": _("Skipped: it comes back at the end"),
    "undone": _("Undone: here it is again"),
    "undo": _("Undo"),
    "lost": _("This one was lost to somebody else"),
    "offline": _("The server does not answer. Nothing is lost: it is tried again."),
    "signed_out": _("You are signed out. Reload the page and sign in."),
    "searching": _("Searching …"),
    "nothing": _("Nothing found. Try fewer words: road and number, or only the name."),
    "pin": _("Your pin"),
    "pin_moved": _("Pin of %(n)s, moved"),
    "take_pin": _("Take this point"),
    "drop_pin": _("Remove the pin"),
    "keys_on": _("Keys on"),
    "keys_off": _("Keys off"),
    "seconds": _("%(n)s s"),
    "metres": _("%(n)s m"),
    "km": _("%(n)s km"),
    "bulk_none": _("Nothing waits above this confidence."),
    "bulk_take": _("Take all %(n)s"),
    "bulk_done": _("%(n)s addresses taken. Ten minutes to undo."),
    "bulk_undone": _("%(n)s addresses wait again."),
    "bulk_left": _("%(n)s could not be taken back: printed already."),
}
