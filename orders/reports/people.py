"""The reports of what went back and of who did what."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orderhub.exports.columns import MONEY, TEXT, labelled
from orders.admin.sentences import NAMES
from orders.lifecycle import LIFECYCLE
from orders.models.case import Case
from orders.reports.frame import HOURS, Dim, Key, Measure, Report, day
from orders.reports.sold import BY_SHOP, HOUSE, hours

_OPENED = "c.opened_at"
_OVER = "c.state IN ('refused', 'withdrawn')"
AFTERSALE = Report(
    "aftersale", _("After-sale"), _("Cases by the day they were opened: what is asked, how it ends, how long it takes."),
    "orders_case c JOIN orders_order o ON o.id = c.order_id JOIN orders_shop s ON s.id = o.shop_id", _OPENED,
    (
        Measure("cases", _("cases"), "count(*)", good=-1),
        Measure("orders", _("orders"), "count(DISTINCT c.order_id)", good=-1),
        Measure("amount", _("amount"), f"coalesce(sum(c.amount) FILTER (WHERE NOT {_OVER}), 0)", MONEY, -1),
        Measure("open", _("open"), "count(*) FILTER (WHERE c.state IN ('open', 'received'))", good=-1),
        Measure("done", _("done"), "count(*) FILTER (WHERE c.state = 'done')"),
        Measure("refused", _("refused or withdrawn"), f"count(*) FILTER (WHERE {_OVER})"),
        Measure("to_done", _("opened to done, half within"), hours("c.opened_at", "c.done_at"), HOURS, -1),
    ),
    (
        Dim("kind", _("by kind"), (Key("kind", _("kind"), lambda: labelled("c.kind", Case.Kind.choices)),)),
        Dim("reason", _("by reason"), (Key("reason", _("reason"), "c.reason", TEXT),)),
        BY_SHOP,
        Dim("house", _("by warehouse"), (Key("house", _("Warehouse"), "w.name", TEXT),), HOUSE),
        Dim("day", _("by day"), (day(_OPENED),)),
    ),
    permission="orders.view_case",
)  # fmt: skip

_AT = "e.recorded_at"
_PERSON = Key(
    "person", _("colleague"), "coalesce(nullif(trim(u.last_name || u.first_name), ''), e.actor_name)", TEXT
)


def deeds() -> str:
    """What was done, in words."""
    return labelled("e.code", [*((touch.code, touch.label) for touch in LIFECYCLE.touches), *NAMES.items()])


STAFF = Report(
    "staff", _("Colleagues"), _("What people did to orders, by their timelines; what runs by itself is not counted."),
    """orders_event e JOIN orders_order o ON o.id = e.order_id JOIN orders_shop s ON s.id = o.shop_id
       LEFT JOIN auth_user u ON u.id = e.actor_user_id""", _AT,
    (
        Measure("acts", _("actions"), "count(*)", good=1),
        Measure("orders", _("orders"), "count(DISTINCT e.order_id)", good=1),
        Measure("released", _("holds released"), "count(*) FILTER (WHERE e.code = 'hold_released')", good=1),
        Measure("held", _("holds opened"), "count(*) FILTER (WHERE e.code = 'hold_opened')"),
        Measure("cancelled", _("cancelled"), "count(*) FILTER (WHERE e.code = 'cancel')"),
        Measure("revealed", _("receivers revealed"), "count(*) FILTER (WHERE e.code = 'revealed')", good=-1),
        Measure("present", _("days with actions"), f"count(DISTINCT ({_AT} AT TIME ZONE 'Asia/Shanghai')::date)"),
    ),
    (
        Dim("person", _("by colleague"), (_PERSON,)),
        Dim("deed", _("by colleague and action"), (_PERSON, Key("deed", _("action"), deeds))),
        Dim("day", _("by day"), (day(_AT),)),
    ),
    "e.actor_user_id IS NOT NULL", permission="orders.view_staff_report",
)  # fmt: skip
