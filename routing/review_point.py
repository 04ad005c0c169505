"""The decision point of address review: from which confidence on an address is taken without a person, and the like.

Never below the precision that is set, and never an address that nothing was found for: that stays code.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from orderhub.rules.documents import table
from orderhub.rules.points import Field, Point, Policy


def own_figures() -> dict[str, Any]:
    """What is set on the page of address review."""
    heads = [
        ("threshold", str(_("Take from confidence"))),
        ("sample", str(_("Share for a blind check"))),
        ("bulk", str(_("Bulk accept from confidence"))),
        ("let_go_hours", str(_("Let go, hours before the promise"))),
    ]
    answers = ("own_threshold", "own_sample", "own_bulk", "own_let_go_hours")
    return table(str(_("Address review")), [("hour", str(_("Hour")))], heads, [("rest", ("",), answers)])


REVIEW = Point(
    "review",
    _("Address review"),
    _("From which confidence on an address is taken without a person, and when an undecided one is let go."),
    (
        Field("own_threshold", _("Confidence that is set"), "number", default=0.9, low=0.5, high=1),
        Field("own_sample", _("Share that is set for a blind check"), "number", default=0.03, low=0, high=1),
        Field("own_bulk", _("Bulk confidence that is set"), "number", default=0.8, low=0.5, high=1),
        Field(
            "own_let_go_hours",
            _("Hours that are set"),
            "number",
            unit=_("hours"),
            default=12,
            low=0,
            high=720,
        ),
        Field("hour", _("Hour"), "number", _("0 to 23, Beijing time."), low=0, high=23),
        Field("weekday", _("Weekday"), "number", _("1 Monday to 7 Sunday."), default=1, low=1, high=7),
    ),
    (
        Field("threshold", _("Take from confidence"), "number", default=0.9, low=0.5, high=1),
        Field("sample", _("Share for a blind check"), "number", default=0.03, low=0, high=1),
        Field("bulk", _("Bulk accept from confidence"), "number", default=0.8, low=0.5, high=1),
        Field(
            "let_go_hours",
            _("Let go, hours before the promise"),
            "number",
            unit=_("hours"),
            default=12,
            low=0,
            high=720,
        ),
    ),
    (
        {"own_threshold": 0.9, "hour": 10},
        {"own_threshold": 0.95, "own_let_go_hours": 6, "hour": 23, "weekday": 7},
    ),
    (
        Policy(
            "own",
            _("The figures that are set"),
            _("What stands on the page “rules of address review”."),
            "routing.review_point.own_figures",
        ),
    ),
    past="routing.past_review.items",
    effect="routing.past_review.effects",
)
