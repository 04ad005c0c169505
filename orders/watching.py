"""The decision point of ageing orders: what a rule may look at while an order waits, and the policy that ships."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from inventory.models import Warehouse
from orderhub.rules.actions import outputs
from orderhub.rules.documents import table
from orderhub.rules.points import Field, Point, Policy
from orders.judgements import CHANNEL, SHOP
from orders.models import WATCHED, OrderState

#: Hours that stand for "never": an order without a promise, or one that is not paid yet.
NEVER = 99_999.0


def states() -> list[tuple[str, Any]]:
    """The states in which an order is watched."""
    return [(state.value, OrderState(state).label) for state in WATCHED]


def refunds() -> list[tuple[str, Any]]:
    return [("none", _("none")), ("asked", _("asked for")), ("done", _("done"))]


def promises() -> list[tuple[str, Any]]:
    """How the promised time stands, by the rule for promises."""
    return [("", _("in time")), ("amber", _("amber")), ("red", _("red"))]


def warehouses() -> list[tuple[str, Any]]:
    return [("", _("none")), *Warehouse.objects.order_by("code").values_list("code", "name")]


def _hours(code: str, label: Any, about: Any = "", low: float = 0, default: float = 0) -> Field:
    return Field(code, label, "number", about, _("hours"), default=default, low=low, high=100_000)


WATCH = Point(
    "watch",
    _("Orders that wait"),
    _(
        "What is done about an order while it waits. Every few minutes all orders between payment and signature are "
        "looked at; the first row that fits counts, so what is urgent stands above. What a row does for an order it "
        "does once, however long the order goes on waiting."
    ),
    (
        Field("state", _("State"), "choice", choices="orders.watching.states"),
        _hours("hours_in_state", _("Hours in this state")),
        _hours("hours_since_payment", _("Hours since payment"), _("0 where it is not paid yet.")),
        _hours(
            "hours_to_promise", _("Hours to the promised time"), _("Below 0 when it has passed."), -100_000, NEVER
        ),
        Field("promise", _("Promised time"), "choice", _("Amber before, red after."), choices="orders.watching.promises"),
        Field("shipped", _("Shipped"), "bool"),
        Field("has_number", _("Has a waybill number"), "bool"),
        Field("has_trace", _("Has a first trace"), "bool"),
        Field("carrier", _("Carrier"), "text", _("The carrier's code.")),
        CHANNEL,
        SHOP,
        Field("holds", _("Open holds"), "number", low=0, high=100),
        Field("refund", _("Refund"), "choice", choices="orders.watching.refunds", default="none"),
        Field("warehouse", _("Warehouse"), "choice", choices="orders.watching.warehouses"),
        Field("amount", _("Amount"), "number", _("What the buyer pays."), _("yuan"), low=0, high=10_000_000),
        Field("tags", _("Tags"), "list"),
        Field("tickets", _("Open tickets"), "number", low=0, high=1_000),
    ),
    outputs(),
    (
        {"state": "reserved", "hours_in_state": 25, "hours_since_payment": 25.5, "hours_to_promise": 22.5, "channel": "taobao"},
        {"state": "printed", "hours_in_state": 2, "hours_since_payment": 49, "hours_to_promise": -1, "promise": "red",
         "has_number": True, "channel": "douyin"},
        {"state": "shipped", "hours_in_state": 30, "hours_since_payment": 40, "shipped": True, "has_number": True},
    ),
    (
        Policy(
            "urge",
            _("Urge what waits"),
            _("Over 24 hours without a waybill number: ticket, SMS, Feishu. Amber and red by the promised time."),
            "orders.watching.urge",
        ),
    ),
    past="orders.operations.watching.past",
    words="orders.watching.words",
)  # fmt: skip


def urge() -> dict[str, Any]:
    """The seller's own case first, then the promised time: amber before, red after."""
    return table(
        _now("Orders that wait"),
        [
            ("shipped", _now("Shipped")),
            ("has_number", _now("Has a waybill number")),
            ("hours_since_payment", _now("Hours since payment")),
            ("promise", _now("Promised time")),
        ],
        [
            ("severity", _now("Severity")),
            ("why", _now("Reason")),
            ("ticket", _now("Ticket for")),
            ("sms", _now("SMS to")),
            ("feishu", _now("Feishu message to")),
            ("bell", _now("Notice in the admin to")),
            ("tag", _now("Tag")),
            ("priority", _now("Priority")),
        ],
        [
            ("no_number", ("false", "false", "> 24", ""),
             ("'red'", "'付款超过 24 小时仍无运单号'", "'warehouse_manager'", "'warehouse_manager'", "'director'", "''",
              "'紧急催单'", "9")),
            ("late", ("false", "", "", "'red'"),
             ("'red'", "'已过承诺发货时间'", "'operations'", "''", "''", "'warehouse_manager'", "''", "7")),
            ("soon", ("false", "", "", "'amber'"),
             ("'amber'", "'即将超过承诺发货时间'", "''", "''", "''", "''", "''", "3")),
            ("rest", ("", "", "", ""), ("''", "''", "''", "''", "''", "''", "''", "0")),
        ],
    )  # fmt: skip


def words(answer: dict[str, Any], row: Any) -> str:
    """What the rule did, for the order's page."""
    parts = [str(answer.get("why") or "")]
    if answer.get("hold"):
        parts.append(_now("stopped"))
    if answer.get("tag"):
        parts.append(_now("tagged “%(tag)s”") % {"tag": answer["tag"]})
    if answer.get("priority"):
        parts.append(_now("priority %(n)s") % {"n": f"{answer['priority']:g}"})
    if answer.get("ticket"):
        parts.append(_now("a ticket was opened"))
    if any(answer.get(code) for code in ("sms", "feishu", "dingtalk", "email", "bell")):
        parts.append(_now("our people were told"))
    return " · ".join(part for part in parts if part)
