"""The decision point of routing: by which figures and preferences an order's options are compared.

Locks, places and stock stay code: no rule can over-fill an outlet, sell a piece twice or send an order where nobody
delivers. A rule says what counts, how much, and where it would rather go.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from inventory.queries import warehouses
from orderhub.admin_site.words import CARRIERS
from orderhub.rules.points import Field, Point, Policy
from routing import known
from routing.models import Located
from routing.plan import POLICY

#: What the outlets of an address can be compared by, in any order.
STEPS = (
    ("inside", _("serves the address itself, with places left")),
    ("success", _("3-day success")),
    ("left", _("places left today")),
    ("cost", _("freight")),
    ("promised", _("promised hours")),
)
POINT = "routing"


def warehouse_codes() -> list[tuple[str, Any]]:
    """ "" (none) and every warehouse."""
    return [("", _("none")), *((house.code, f"{house.code} {house.name}") for house in warehouses())]


def carriers() -> list[tuple[str, Any]]:
    """ "" (none), the carriers that we know by name, and those of our outlets."""
    named = {code.upper(): label for code, label in CARRIERS.items()}
    ours = {outlet.carrier for outlet in known.current().outlets.values()}
    return [("", _("none")), *named.items(), *((code, code) for code in sorted(ours - set(named)))]


def steps() -> list[tuple[str, Any]]:
    return list(STEPS)


def ways() -> list[tuple[str, Any]]:
    return [("chain", _("first difference wins")), ("weighted", _("weighted"))]


def rungs() -> list[tuple[str, Any]]:
    return list(Located.choices)


def _weight(code: str, label: Any, about: Any = "") -> Field:
    return Field(code, label, "number", about, _("points"), default=getattr(POLICY, code), low=0, high=1_000)


def _number(code: str, label: Any, about: Any, unit: Any, low: float, high: float) -> Field:
    return Field(code, label, "number", about, unit, default=getattr(POLICY, code), low=low, high=high)


INPUTS = (
    Field("province", _("Province"), "text", _("Full name, as of today: 浙江省.")),
    Field("city", _("City"), "text", _("Full name: 杭州市, 上海市.")),
    Field("district", _("District"), "text", _("Full name, as of today: 余杭区.")),
    Field("town", _("Town"), "text", _("As the buyer's address has it: 仓前街道.")),
    Field("adcode", _("District code"), "text", _("Six digits: 330110.")),
    Field(
        "located_by", _("Located"), "choice", _("How the area was found."), choices="routing.judgements.rungs"
    ),
    Field("channel", _("Channel"), "choice", choices="orders.judgements.channels"),
    Field("shop", _("Shop"), "text", _("The shop's code.")),
    Field("traffic_source", _("Traffic source"), "text", _("Where in the channel the order came from.")),
    Field("amount", _("Amount"), "number", _("What the buyer pays."), _("yuan"), low=0, high=10_000_000),
    Field("pieces", _("Pieces"), "number", _("All goods together."), low=0, high=1_000_000),
    Field("weight_kg", _("Weight"), "number", _("By the SKUs' weights."), "kg", low=0, high=100_000),
    Field(
        "hours_to_promise",
        _("Hours to the promise"),
        "number",
        _("Until it must have left; below 0 it is late."),
        _("hours"),
        low=-10_000,
        high=10_000,
    ),
    Field("hour", _("Hour of day"), "number", _("0 to 23, Beijing time."), low=0, high=23),
    Field("weekday", _("Weekday"), "number", _("1 Monday to 7 Sunday."), default=1, low=1, high=7),
)
OUTPUTS = (
    Field(
        "way",
        _("Way of comparing"),
        "choice",
        _("First difference wins, or the highest sum of points."),
        choices="routing.judgements.ways",
        default=POLICY.way,
    ),
    _number(
        "preferred_left",
        _("Places that count as plenty"),
        _(
            "With more left today the outlet that serves the address itself comes first; in the weighted way from so"
            " many on capacity has full points."
        ),
        _("places"),
        0,
        100_000,
    ),
    Field(
        "prefer_warehouse",
        _("Prefer warehouse"),
        "choice",
        _("Taken where it has everything."),
        choices="routing.judgements.warehouse_codes",
        default="",
    ),
    Field(
        "exclude_warehouses",
        _("Exclude warehouses"),
        "list",
        _("Never taken, except by hand; an order left with none is held."),
        choices="routing.judgements.warehouse_codes",
        default=[],
    ),
    Field(
        "prefer_outlet",
        _("Prefer outlet"),
        "text",
        _("An outlet's code, written out; taken while it has places left."),
        default="",
    ),
    Field("exclude_outlets", _("Exclude outlets"), "list", _("Codes of outlets."), default=[]),
    Field(
        "prefer_carrier",
        _("Prefer carrier"),
        "choice",
        _("Its outlets first, where any has places left."),
        choices="routing.judgements.carriers",
        default="",
    ),
    Field(
        "exclude_carriers",
        _("Exclude carriers"),
        "list",
        choices="routing.judgements.carriers",
        default=[],
    ),
    Field(
        "compare",
        _("Order of comparison"),
        "list",
        _("Of the outlets, when the first difference wins."),
        choices="routing.judgements.steps",
        default=list(POLICY.compare),
    ),
    _number(
        "outlet_tolerance",
        _("Equal success, outlets"),
        _("Differences of 3-day success up to this share count as equal; 0.01 is one point."),
        "",
        0,
        1,
    ),
    _number(
        "warehouse_tolerance",
        _("Equal success, warehouses"),
        _("Differences of the 24 h signed share up to this count as equal; 0.02 is two points."),
        "",
        0,
        1,
    ),
    Field("own_first", _("Own warehouse first"), "bool", _("Among equal ones."), default=POLICY.own_first),
    _number(
        "smoothing",
        _("Smoothing"),
        _("So many parcels' worth of the area's own share are mixed in, so that one parcel swings nothing."),
        _("parcels"),
        0,
        1_000,
    ),
    _weight("weight_inside", _("Weight: serves the address")),
    _weight("weight_left", _("Weight: places left")),
    _weight("weight_success", _("Weight: success"), _("20 points of success are worth all of it.")),
    _weight("weight_cost", _("Weight: freight"), _("Twice the cheapest loses all of it.")),
    _weight("weight_promised", _("Weight: promised time"), _("Two days later loses all of it.")),
    _weight("weight_own", _("Weight: own warehouse")),
    _number(
        "nearest_within",
        _("Nearest fence within"),
        _("A fence farther away serves nobody."),
        _("metres"),
        0,
        100_000,
    ),
    _number(
        "full_retry_minutes",
        _("Try again when full, after"),
        _("Where every outlet is full today."),
        _("minutes"),
        1,
        1_440,
    ),
    Field(
        "default_carrier",
        _("Default carrier"),
        "choice",
        _("Where no outlet is known."),
        choices="routing.judgements.carriers",
        default=POLICY.default_carrier,
    ),
)

ROUTING = Point(
    POINT,
    _("Routing"),
    _(
        "Which warehouse, outlet and carrier an order goes with: by which figures the options are compared, and what"
        " is preferred or excluded for whom. Places, stock and reach are checked anyway."
    ),
    INPUTS,
    OUTPUTS,
    (
        {
            "province": "浙江省", "city": "杭州市", "district": "余杭区", "town": "仓前街道", "adcode": "330110",
            "located_by": "fence", "channel": "own_shop", "amount": 89, "pieces": 2, "weight_kg": 0.6,
            "hours_to_promise": 47, "hour": 10, "weekday": 2,
        },
        {
            "province": "上海市", "city": "上海市", "district": "浦东新区", "adcode": "310115", "located_by": "district",
            "channel": "taobao", "amount": 560, "pieces": 1, "weight_kg": 8, "hours_to_promise": 3, "hour": 22,
        },
        {"located_by": "none", "channel": "pinduoduo"},
    ),
    (
        Policy(
            "chain",
            _("Preferred chain"),
            _("First difference wins: inside A's fence with over 200 places left today, A; else the better 3-day success."),
            "routing.policies.chain",
        ),
        Policy(
            "weighted",
            _("Weighted"),
            _("Points for serving the address, places left, success, freight and promised time; the highest sum wins."),
            "routing.policies.weighted",
        ),
    ),
    past="routing.past.past",
    effect="routing.past.effect",
    words="routing.words.preferences",
    after=("admin:routing_again", _("New orders follow it; see which waiting orders would go elsewhere")),
)  # fmt: skip
