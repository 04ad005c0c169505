"""The rule sets that ship with the decision points of orders, as decision tables that staff go on from."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from orderhub.rules.documents import table
from orders.models import Shop


def careful() -> dict[str, Any]:
    """Who is on the blacklist is held; so is what comes by the dozen to one place, or at night, large, from a stranger."""
    return table(
        _("Risk of a paid order"),
        [
            ("blacklisted", _("On the blacklist")),
            ("phone_orders", _("Orders to this phone")),
            ("address_orders", _("Orders to this address")),
            ("new_buyer", _("New buyer")),
            ("night", _("At night")),
            ("odd_amount", _("Odd amount")),
            ("amount", _("Amount")),
        ],
        [
            ("hold", _("Hold")),
            ("risk", _("Risk")),
            ("tags", _("Tags")),
            ("reason", _("Reason")),
        ],
        [
            (
                "blacklist",
                ("true", "", "", "", "", "", ""),
                ("true", "100", "['黑名单']", "'收件人或买家在黑名单上'"),
            ),
            (
                "phone",
                ("", "> 30", "", "", "", "", ""),
                ("true", "80", "['疑似刷单']", "`24 小时内同一手机号 ${phone_orders} 单`"),
            ),
            (
                "address",
                ("", "", "> 50", "", "", "", ""),
                ("true", "70", "['疑似刷单']", "`24 小时内同一地址 ${address_orders} 单`"),
            ),
            (
                "stranger",
                ("", "", "", "true", "true", "", "> 20000"),
                ("true", "60", "[]", "'新买家夜间大额订单，请核实'"),
            ),
            ("odd", ("", "", "", "", "", "true", ""), ("false", "20", "[]", "'金额异常'")),
            ("rest", ("", "", "", "", "", "", ""), ("false", "0", "[]", "''")),
        ],
    )


def trusting() -> dict[str, Any]:
    """The blacklist holds, and what is large, at night and from a stranger; odd amounts are only scored."""
    return table(
        _("Risk of a paid order"),
        [
            ("blacklisted", _("On the blacklist")),
            ("new_buyer", _("New buyer")),
            ("night", _("At night")),
            ("odd_amount", _("Odd amount")),
            ("amount", _("Amount")),
        ],
        [("hold", _("Hold")), ("risk", _("Risk")), ("tags", _("Tags")), ("reason", _("Reason"))],
        [
            (
                "blacklist",
                ("true", "", "", "", ""),
                ("true", "100", "['黑名单']", "'收件人或买家在黑名单上'"),
            ),
            (
                "stranger",
                ("", "true", "true", "", "> 20000"),
                ("true", "60", "[]", "'新买家夜间大额订单，请核实'"),
            ),
            ("odd", ("", "", "", "true", ""), ("false", "20", "[]", "'金额异常'")),
            ("rest", ("", "", "", "", ""), ("false", "0", "[]", "''")),
        ],
    )


def threshold() -> dict[str, Any]:
    """95 % promised: new orders for the SKU wait, DingTalk is told once."""
    return table(
        _("Stock threshold"),
        [("share", _("Free share"))],
        [
            ("lock", _("Lock")),
            ("notify", _("Notify")),
            ("offer_substitutes", _("Offer substitutes")),
        ],
        [("low", ("<= 5",), ("true", "true", "true")), ("rest", ("",), ("false", "false", "false"))],
    )


def unlocked() -> dict[str, Any]:
    """Every piece is sold."""
    heads = [("lock", _("Lock")), ("notify", _("Notify"))]
    return table(_("Stock threshold"), [], heads, [("rest", (), ("false", "false"))])


def own_promise() -> dict[str, Any]:
    """What the shop says of itself."""
    return table(
        _("Promised shipping time"),
        [("channel", _("Channel")), ("shop", _("Shop"))],
        [("hours", _("Ship within hours")), ("amber_minutes", _("Amber, minutes before"))],
        [("rest", ("", ""), ("shop_hours", "360"))],
    )


def own_duplicates() -> dict[str, Any]:
    """What the shop says of itself."""
    return table(
        _("Suspected duplicates"),
        [("channel", _("Channel")), ("shop", _("Shop"))],
        [("minutes", _("Window in minutes")), ("mode", _("Way of handling"))],
        [("rest", ("", ""), ("shop_minutes", _mode(Shop.DuplicateMode)))],
    )


def _mode(modes: Any) -> str:
    """The shop's own mode, said so that the proof sees that it is one of the choices."""
    first, *rest = modes.values
    return "".join(f"shop_mode == '{mode}' ? '{mode}' : " for mode in rest) + f"'{first}'"


def own_merge() -> dict[str, Any]:
    """What the shop says of itself."""
    return table(
        _("Ship together"),
        [("channel", _("Channel")), ("shop", _("Shop"))],
        [("minutes", _("Wait in minutes")), ("mode", _("Way of handling"))],
        [("rest", ("", ""), ("shop_minutes", _mode(Shop.MergeMode)))],
    )
