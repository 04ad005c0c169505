"""The decision points of orders: what may be asked, what may be answered, and the policies that they ship with.

Truth stays code: whether a payment is real, stock suffices or two orders may ship together is not for a rule to say.
A rule says how cautious, how soon and how long. Each shipped policy answers what the shop's own figures answered
before there were rules, except where a threshold of the product is named in it.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from orderhub.integrations.platforms import name_of
from orderhub.rules.points import Field, Point, Policy
from orders.models import Shop
from orders.providers import PROVIDERS

A_YEAR = 365 * 24


def channels() -> list[tuple[str, Any]]:
    """Every channel that a shop can have."""
    return [(code, name_of(code)) for code in PROVIDERS]


def duplicate_modes() -> list[tuple[str, Any]]:
    return list(Shop.DuplicateMode.choices)


def merge_modes() -> list[tuple[str, Any]]:
    return list(Shop.MergeMode.choices)


CHANNEL = Field("channel", _("Channel"), "choice", choices="orders.judgements.channels")
SHOP = Field("shop", _("Shop"), "text", _("The shop's code."))
AMOUNT = Field("amount", _("Amount"), "number", _("What the buyer pays."), _("yuan"), low=0, high=10_000_000)
PIECES = Field("pieces", _("Pieces"), "number", _("All goods together."), low=0, high=1_000_000)


PAYMENT = Point(
    "payment",
    _("Payment: risk"),
    _(
        "Whether an order whose payment is proved is still held as suspicious. "
        "That amount, payee and state agree is checked before, and no rule can switch it off."
    ),
    (
        AMOUNT,
        PIECES,
        CHANNEL,
        SHOP,
        Field("hour", _("Hour of ordering"), "number", _("0 to 23, Beijing time."), low=0, high=23),
        Field("night", _("At night"), "bool", _("Ordered between 23:00 and 6:00, Beijing time.")),
        Field(
            "pay_minutes",
            _("Minutes from order to payment"),
            "number",
            unit=_("minutes"),
            low=0,
            high=1_000_000,
        ),
        Field(
            "odd_amount",
            _("Odd amount"),
            "bool",
            _("Less than one yuan, or less than a fifth of the goods' price."),
        ),
        Field("new_buyer", _("New buyer"), "bool", _("The shop has no earlier order of this buyer.")),
        Field(
            "buyer_orders",
            _("Orders of this buyer"),
            "number",
            _("In the last 24 hours, this one too, 60 at most."),
            low=0,
            high=60,
        ),
        Field(
            "phone_orders",
            _("Orders to this phone"),
            "number",
            _("In the last 24 hours, this one too, 60 at most; 0 where the channel hides it."),
            low=0,
            high=60,
        ),
        Field(
            "address_orders",
            _("Orders to this address"),
            "number",
            _("In the last 24 hours, this one too, 60 at most, by the channel's own key."),
            low=0,
            high=60,
        ),
        Field(
            "blacklisted", _("On the blacklist"), "bool", _("Phone, buyer or address is on the blacklist.")
        ),
    ),
    (
        Field("hold", _("Hold"), "bool", _("Stop the order until a person releases it."), default=False),
        Field("risk", _("Risk"), "number", _("0 none, 100 certain."), default=0, low=0, high=100),
        Field("tags", _("Tags"), "list", _("Put on the order."), default=[]),
        Field("reason", _("Reason"), "text", _("What the clerk reads."), default=""),
    ),
    (
        {"amount": 89, "pieces": 2, "channel": "taobao", "hour": 14, "phone_orders": 1, "address_orders": 1},
        {"amount": 26_000, "pieces": 1, "channel": "own_shop", "hour": 2, "night": True, "new_buyer": True},
        {"amount": 59, "pieces": 1, "channel": "own_shop", "hour": 10, "phone_orders": 45},
        {"amount": 59, "pieces": 1, "channel": "own_shop", "hour": 10, "blacklisted": True},
    ),
    (
        Policy(
            "trusting",
            _("Blacklist and strangers"),
            _("Who is on the blacklist is held, and very large orders of strangers at night."),
            "orders.policies.trusting",
        ),
        Policy(
            "careful",
            _("Blacklist and patterns"),
            _("Blacklist, many orders to one place, large orders of strangers at night."),
            "orders.policies.careful",
        ),
    ),
    past="orders.past.payments",
    words="orders.operations.risk.words",
)


STOCK = Point(
    "stock",
    _("Stock: threshold"),
    _(
        "Whether new orders for a SKU are locked because nearly all of its stock is promised. "
        "That nothing is sold twice is checked anyway."
    ),
    (
        Field(
            "share",
            _("Free share"),
            "number",
            _("Free pieces per hundred on the sellable shelves."),
            "%",
            default=100,
            low=0,
            high=100,
        ),
        Field("free", _("Free"), "number", _("Pieces that nobody is promised."), low=0, high=10_000_000),
        Field(
            "on_shelf", _("On the shelves"), "number", _("Pieces in sellable bins."), low=0, high=10_000_000
        ),
        Field("sku", _("SKU"), "text", _("The SKU's code.")),
    ),
    (
        Field(
            "lock", _("Lock"), "bool", _("Hold new orders for this SKU until there is more."), default=False
        ),
        Field(
            "notify", _("Notify"), "bool", _("Tell DingTalk, once each time it falls so low."), default=False
        ),
        Field(
            "offer_substitutes",
            _("Offer substitutes"),
            "bool",
            _("Say on the held order that another article may be offered."),
            default=False,
        ),
    ),
    (
        {"share": 60, "free": 60, "on_shelf": 100},
        {"share": 5, "free": 5, "on_shelf": 100},
        {"share": 0, "free": 0, "on_shelf": 20},
    ),
    (
        Policy("unlocked", _("Never lock"), _("Sell to the last piece."), "orders.policies.unlocked"),
        Policy(
            "threshold",
            _("Lock when 95 percent is promised"),
            _("From five free pieces in a hundred down, new orders wait."),
            "orders.policies.threshold",
        ),
    ),
    past="inventory.past.shares",
    words="orders.operations.stock_lock.words",
)


PROMISE = Point(
    "promise",
    _("Promised shipping time"),
    _(
        "How soon a paid order must leave where its channel names no time of its own, and how long before "
        "that it turns amber. It is red afterwards."
    ),
    (
        CHANNEL,
        SHOP,
        Field(
            "shop_hours",
            _("The shop's own hours"),
            "number",
            _("“Ship within” on the shop's page."),
            _("hours"),
            default=48,
            low=1,
            high=A_YEAR,
        ),
        AMOUNT,
        PIECES,
        Field("hour", _("Hour of payment"), "number", _("0 to 23, Beijing time."), low=0, high=23),
        Field(
            "weekday", _("Weekday of payment"), "number", _("1 Monday to 7 Sunday."), default=1, low=1, high=7
        ),
    ),
    (
        Field("hours", _("Ship within hours"), "number", unit=_("hours"), default=48, low=1, high=A_YEAR),
        Field(
            "amber_minutes",
            _("Amber, minutes before"),
            "number",
            unit=_("minutes"),
            default=360,
            low=0,
            high=A_YEAR * 60,
        ),
    ),
    (
        {"channel": "taobao", "shop": "taobao", "shop_hours": 48},
        {"channel": "own_shop", "shop": "own", "shop_hours": 24, "hour": 22, "weekday": 6},
    ),
    (
        Policy(
            "own",
            _("The shop's own figure"),
            _("“Ship within” of each shop; amber six hours before."),
            "orders.policies.own_promise",
        ),
    ),
    past="orders.past.promises",
    effect="orders.past.promise_effects",
)


DUPLICATES = Point(
    "duplicates",
    _("Suspected duplicates"),
    _(
        "How near in time two orders with the same receiver and the same goods must be to count as "
        "duplicates, and what is done then. A paid order is never cancelled by this."
    ),
    (
        CHANNEL,
        SHOP,
        Field(
            "shop_minutes",
            _("The shop's own window"),
            "number",
            unit=_("minutes"),
            default=30,
            low=0,
            high=100_000,
        ),
        Field(
            "shop_mode",
            _("The shop's own mode"),
            "choice",
            choices="orders.judgements.duplicate_modes",
            default="hold",
        ),
        Field(
            "plain",
            _("Readable phone"),
            "bool",
            _("Receivers are compared by phone; otherwise by the channel's own key."),
        ),
    ),
    (
        Field(
            "minutes", _("Window in minutes"), "number", unit=_("minutes"), default=30, low=0, high=100_000
        ),
        Field(
            "mode",
            _("Way of handling"),
            "choice",
            choices="orders.judgements.duplicate_modes",
            default="hold",
        ),
    ),
    (
        {"channel": "taobao", "shop": "taobao", "shop_minutes": 30, "shop_mode": "hold"},
        {"channel": "own_shop", "shop": "own", "shop_minutes": 60, "shop_mode": "cancel", "plain": True},
    ),
    (
        Policy(
            "own",
            _("The shop's own figures"),
            _("Window and mode of each shop."),
            "orders.policies.own_duplicates",
        ),
    ),
    past="orders.past_pairs.twins",
    effect="orders.past_pairs.twin_effects",
)


MERGE = Point(
    "merge",
    _("Ship together"),
    _(
        "Whether orders of one buyer are merged by themselves, and how long a paid order waits for further "
        "ones. Whether they may be merged is said by the channel."
    ),
    (
        CHANNEL,
        SHOP,
        Field(
            "shop_minutes",
            _("The shop's own waiting time"),
            "number",
            unit=_("minutes"),
            default=30,
            low=0,
            high=100_000,
        ),
        Field(
            "shop_mode",
            _("The shop's own mode"),
            "choice",
            choices="orders.judgements.merge_modes",
            default="suggest",
        ),
    ),
    (
        Field("minutes", _("Wait in minutes"), "number", unit=_("minutes"), default=30, low=0, high=100_000),
        Field(
            "mode", _("Way of handling"), "choice", choices="orders.judgements.merge_modes", default="suggest"
        ),
    ),
    (
        {"channel": "taobao", "shop": "taobao", "shop_minutes": 30, "shop_mode": "suggest"},
        {"channel": "own_shop", "shop": "own", "shop_minutes": 10, "shop_mode": "auto"},
    ),
    (
        Policy(
            "own",
            _("The shop's own figures"),
            _("Waiting time and mode of each shop."),
            "orders.policies.own_merge",
        ),
    ),
    past="orders.past_pairs.neighbours",
    effect="orders.past_pairs.neighbour_effects",
)
