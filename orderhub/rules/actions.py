"""What a rule may do beyond answering: one vocabulary, so that every point that acts offers the same columns.

The ground floor only names the actions; the app that owns the record does them, each once (see orders/operations/acting.py).
A point takes the outputs that fit it: `outputs("ticket", "sms")`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from orderhub.rules.points import Field

NOBODY = _("nobody")
#: Actions that tell a role something, and by which kind of account ("app" is the bell in the admin).
TELLS = {"sms": "aliyun_sms", "feishu": "feishu", "dingtalk": "dingtalk", "email": "email", "bell": "app"}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `field` is the output that asks for it; its empty value (False, 0, "") asks for nothing."""

    code: str
    field: Field


def severities() -> list[tuple[str, Any]]:
    """How urgent it is; "" is: not at all."""
    return [("", _("none")), ("amber", _("amber")), ("red", _("red"))]


def roles() -> list[tuple[str, Any]]:
    """The roles of the house, and nobody."""
    from orderhub.roles import ROLES

    return [("", NOBODY), *((role.code, role.label) for role in ROLES)]


def _role(code: str, label: Any, about: Any) -> Field:
    return Field(code, label, "choice", about, choices="orderhub.rules.actions.roles", default="")


ACTIONS: dict[str, Action] = {
    action.code: action
    for action in (
        Action("hold", Field("hold", _("Hold"), "bool", _("Stop the order until a person releases it."), default=False)),
        Action("release", Field("release", _("Release"), "bool", _("Let an order go on that a rule holds."), default=False)),
        Action("tag", Field("tag", _("Tag"), "text", _("Put on the order."), default="")),
        Action(
            "prioritise",
            Field("priority", _("Priority"), "number", _("0 usual, 9 first of all."), default=0, low=0, high=9),
        ),
        Action("prefer", Field("prefer", _("Prefer warehouse"), "text", _("Its code; for orders not routed yet."), default="")),
        Action("ticket", _role("ticket", _("Ticket for"), _("Opens a ticket for this role."))),
        Action("sms", _role("sms", _("SMS to"), _("A text to the telephones of this role."))),
        Action("feishu", _role("feishu", _("Feishu message to"), _("A message to the groups of this role."))),
        Action("dingtalk", _role("dingtalk", _("DingTalk message to"), _("A message to the groups of this role."))),
        Action("email", _role("email", _("E-mail to"), _("A mail to the addresses of this role."))),
        Action("bell", _role("bell", _("Notice in the admin to"), _("Everybody of this role sees it at the bell."))),
    )
}  # fmt: skip

SEVERITY = Field("severity", _("Severity"), "choice", _("Amber or red on the order's page and in the list."),
                 choices="orderhub.rules.actions.severities", default="")  # fmt: skip
WHY = Field("why", _("Reason"), "text", _("What the clerk reads in the ticket and the notice."), default="")


def outputs(*codes: str) -> tuple[Field, ...]:
    """The output fields of these actions (all where none is named), after the severity and the reason."""
    return (SEVERITY, WHY, *(ACTIONS[code].field for code in codes or ACTIONS))


def wanted(answer: dict[str, Any]) -> dict[str, Any]:
    """{action: its argument} of what an answer asks for, in the order of the table."""
    found = ((code, answer.get(action.field.code)) for code, action in ACTIONS.items())
    return {code: value for code, value in found if value}
