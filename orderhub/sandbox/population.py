"""Who orders what, when and where to: baskets and addresses of the sample dealt out by the seed, scenarios marked."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from typing import TYPE_CHECKING

from orderhub.sandbox import catalogue
from orderhub.sandbox.amap import places
from orderhub.sandbox.catalogue import Address, Basket
from orderhub.sandbox.frame import BEIJING
from orderhub.sandbox.schedule import lot

if TYPE_CHECKING:
    from orderhub.sandbox.world import Receiver, SourceLine, SourceOrder, World

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任姚卢傅钟姜崔谭"
GIVEN = "子轩雨桐欣怡浩然思远佳宁志强秀英建国丽娜晓明静文俊杰梦洁海燕国庆小芳立新春梅一诺可馨博文若曦启航"
NICKS = ("小熊", "晴天", "橘子", "北北", "阿宁", "糯米", "云朵", "木木", "海盐", "青柠", "鹿鹿", "团子")
CENT = Decimal("0.01")
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)

#: Parts of the orders that a shop gets when nothing else is asked for.
MIX: dict[str, float] = {"taobao": 60, "own_shop": 40}


@dataclass(frozen=True)
class Source:
    """How a channel names what it sells: the order's number by (seed, seq, creation), and its buyers."""

    number: Callable[[int, int, datetime], str]
    buyer: str


#: Adding a channel to the world is a line here and its share of a mix.
SOURCES: dict[str, Source] = {
    "taobao": Source(
        lambda seed, seq, at: str(3_500_000_000_000_000_000 + (seed % 1000) * 10**15 + seq * 10_007_000 + 8_214),
        "AAE",
    ),
    "own_shop": Source(
        lambda seed, seq, at: f"OS{at.astimezone(BEIJING):%Y%m%d}{seed % 100:02d}{seq:06d}", "U"
    ),
    "pinduoduo": Source(
        lambda seed, seq, at: f"{at.astimezone(BEIJING):%y%m%d}-{(seed % 1000) * 10**12 + seq * 10_013_000 + 4_417:015d}",
        "P",
    ),
    "douyin": Source(
        lambda seed, seq, at: str(6_900_000_000_000_000_000 + (seed % 1000) * 10**15 + seq * 10_009_000 + 3_640),
        "1@#",
    ),
}  # fmt: skip

# name, channel, how many at 1,200 orders, paid at least and at most so many days ago
SCENARIOS: tuple[tuple[str, str, int, float, float], ...] = (
    ("pickup_overdue", "", 5, 4.0, 8.0),
    ("weight_off", "", 5, 2.0, 12.0),
    ("return", "", 5, 8.5, 12.0),
    ("refund_after_ship", "taobao", 2, 6.0, 12.0),
    ("refund_after_ship", "own_shop", 2, 6.0, 12.0),
    ("refund_before_ship", "taobao", 4, 0.2, 13.0),
    ("address_changed", "taobao", 4, 0.2, 13.0),
    ("unreadable", "taobao", 2, 0.2, 10.0),
    ("unreadable", "own_shop", 1, 0.2, 10.0),
    ("unknown_sku", "taobao", 2, 0.2, 10.0),
    ("unknown_sku", "own_shop", 1, 0.2, 10.0),
    ("duplicate_pair", "own_shop", 3, 0.2, 6.0),
    ("payment_denied", "own_shop", 2, 0.2, 10.0),
    ("payment_wrong_amount", "own_shop", 1, 0.2, 10.0),
    ("cancelled_before_ship", "own_shop", 2, 0.2, 10.0),
    ("refund_requested", "own_shop", 2, 0.2, 10.0),
    ("unpaid", "own_shop", 4, 0.3, 9.0),
    ("unpaid", "taobao", 3, 0.02, 0.9),
    ("closed_unpaid", "taobao", 2, 1.5, 9.0),
    ("vague_address", "own_shop", 56, 0.02, 5.3),
    ("refund_after_ship", "douyin", 2, 6.0, 12.0),
    ("refund_before_ship", "douyin", 4, 0.2, 13.0),
    ("address_changed", "douyin", 4, 0.2, 13.0),
    ("risk_control", "douyin", 3, 0.2, 6.0),
    ("duplicate_pair", "douyin", 1, 0.2, 6.0),
    ("unreadable", "douyin", 2, 0.2, 10.0),
    ("unknown_sku", "douyin", 2, 0.2, 10.0),
    ("unpaid", "douyin", 2, 0.02, 0.9),
    ("closed_unpaid", "douyin", 2, 1.5, 9.0),
    ("refund_after_ship", "pinduoduo", 2, 6.0, 12.0),
    ("refund_before_ship", "pinduoduo", 4, 0.2, 13.0),
    ("address_changed", "pinduoduo", 4, 0.2, 13.0),
    ("risk_control", "pinduoduo", 4, 0.2, 6.0),
    ("unreadable", "pinduoduo", 2, 0.2, 10.0),
    ("unknown_sku", "pinduoduo", 2, 0.2, 10.0),
    ("same_door", "taobao", 3, 0.03, 2.0),
    ("same_door", "own_shop", 3, 0.03, 2.0),
    ("same_door", "pinduoduo", 2, 0.03, 2.0),
    ("same_door", "douyin", 2, 0.03, 2.0),
)


def mixed(text: str) -> dict[str, float]:
    """The mix of `taobao=40,douyin=20`; {} for no text. ValueError for a channel that nobody knows."""
    parts = dict(part.split("=", 1) for part in text.split(",") if part.strip())
    if strange := sorted(set(parts) - set(SOURCES)):
        raise ValueError(f"the world has no channel {', '.join(strange)}; it has {', '.join(SOURCES)}")
    return {channel: float(share) for channel, share in parts.items()}


def populate(world: World, count: int, scenarios: bool) -> list[SourceOrder]:
    """``count`` orders, oldest first; the last ones were paid a few minutes before the start."""
    deal = Deal(world)
    orders = [deal.order(seq, paid_at) for seq, paid_at in enumerate(_times(world, count), 1)]
    if scenarios and count >= 60:
        orders = _mark(world, orders, deal)
    return sorted(orders, key=lambda order: (order.created_at, order.seq))


def _times(world: World, count: int) -> list[datetime]:
    """Real minutes of the day, spread evenly over the days; the last ones in steps of about two minutes."""
    draw = lot(world.seed, "times")
    baskets = catalogue.baskets()
    fresh = max(1, min(12, count // 20))
    midnight = world.beijing_day(world.start)
    moments = []
    for index in range(count - fresh):
        day = -int(index * world.days / max(1, count - fresh)) - 1
        minute = baskets[(index * 37 + 11) % len(baskets)].minute
        moment = midnight + day * DAY + minute * MINUTE + timedelta(seconds=draw.randrange(60))
        if moment + DAY <= world.start and day == -1 and draw.random() < 0.7:
            moment += DAY
        moments.append(moment)
    moments += [world.start - timedelta(seconds=draw.uniform(60, 130) * (n + 1)) for n in range(fresh)]
    return sorted(moment.replace(microsecond=0) for moment in moments)


def _channel(mix: Mapping[str, float], chance: float) -> str:
    """The channel at this point (0 to 1) of the mix."""
    reached = 0.0
    for channel, share in mix.items():
        reached += share
        if chance * sum(mix.values()) < reached:
            return channel
    return channel


class Deal:
    """Deals baskets, receivers and buyers; one random source per order, so that orders do not depend on each other."""

    def __init__(self, world: World) -> None:
        from orderhub.sandbox.world import Receiver, SourceLine, SourceOrder

        self.receiver_type, self.line_type, self.order_type = Receiver, SourceLine, SourceOrder
        self.world = world
        self.baskets = catalogue.baskets()
        self.addresses = catalogue.addresses()
        self.yuhang = [address for address in self.addresses if address.adcode == "330110"]
        self.zhejiang = [address for address in self.addresses if address.province == "浙江省"]

    def order(self, seq: int, paid_at: datetime) -> SourceOrder:
        draw = lot(self.world.seed, "order", seq)
        channel = _channel(self.world.mix, draw.random())
        created = paid_at - timedelta(seconds=draw.randrange(20, 600))
        number = self.number(channel, seq, created)
        payable_free = Decimal("88.00")
        lines = self.lines(number, self.baskets[(seq * 7 + self.world.seed * 13) % len(self.baskets)], draw)
        goods = sum((line.payable for line in lines), Decimal(0))
        return self.order_type(
            number=number,
            channel=channel,
            seq=seq,
            created_at=created,
            paid_at=paid_at,
            lines=lines,
            receiver=self.receiver(draw),
            buyer_id=f"{SOURCES[channel].buyer}{draw.randrange(10**9):09d}",
            buyer_nick=f"{draw.choice(NICKS)}{draw.randrange(100, 9999)}",
            buyer_ip=f"198.51.{draw.choice((100, 100, 100, 101))}.{draw.randrange(1, 255)}",
            freight=Decimal("0.00")
            if goods >= payable_free
            else Decimal(draw.choice(("6.00", "8.00", "10.00"))),
            traffic_source=draw.choice(("search", "search", "short_video", "live", None)),
            promised_ship_at=paid_at + 48 * HOUR if draw.random() < 0.8 else None,
            remark=draw.choice(
                ("", "", "", "", "请发韵达以外的快递", "送货前请电话联系", "礼物，请不要放价签", "工作日送货")
            ),
            trade_no=f"{created.astimezone(BEIJING):%Y%m%d}2200{draw.randrange(10**16):016d}",
        )

    def number(self, channel: str, seq: int, created: datetime) -> str:
        return SOURCES[channel].number(self.world.seed, seq, created)

    def lines(self, number: str, basket: Basket, draw: random.Random) -> tuple[SourceLine, ...]:
        """Every fifth line is 10 % off; every fourth order has a 5 % promotion, shared out to the cent."""
        goods = self.world.catalogue
        raw = []
        for code, quantity, price in basket.lines:
            off = (
                (price * quantity * Decimal("0.1")).quantize(CENT, ROUND_HALF_UP)
                if draw.random() < 0.2
                else Decimal(0)
            )
            raw.append((code, quantity, price, off))
        base = [price * quantity - off for _, quantity, price, off in raw]
        promotion = (sum(base) * Decimal("0.05")).quantize(CENT) if draw.random() < 0.25 else Decimal(0)
        shares, left, weight = [], promotion, sum(base)
        for value in base:
            share = (left * value / weight).quantize(CENT, ROUND_HALF_UP) if weight else Decimal(0)
            shares.append(share)
            left, weight = left - share, weight - value
        many = len(raw) > 1
        return tuple(
            self.line_type(
                line_id=(str(int(number) + n) if many else number) if number.isdigit() else f"{number}-{n}",
                sku=code,
                title=goods[code].name,
                quantity=quantity,
                unit_price=price,
                line_discount=off.quantize(CENT),
                shared_discount=share.quantize(CENT),
            )
            for n, ((code, quantity, price, off), share) in enumerate(zip(raw, shares, strict=True), 1)
        )

    def receiver(self, draw: random.Random) -> Receiver:
        """A tenth lives in 余杭, a third elsewhere in Zhejiang; three quarters carry coordinates where known."""
        chance = draw.random()
        pool = self.yuhang if chance < 0.10 else self.zhejiang if chance < 0.45 else self.addresses
        return self.person(draw.choice(pool), draw)

    def person(self, address: Address, draw: random.Random) -> Receiver:
        name = draw.choice(SURNAMES) + "".join(draw.sample(GIVEN, draw.choice((1, 2, 2))))
        lng = lat = None
        if address.lng is not None and address.lat is not None and draw.random() < 0.85:
            lng = round(address.lng + draw.uniform(-0.006, 0.006), 6)
            lat = round(address.lat + draw.uniform(-0.005, 0.005), 6)
        return self.receiver_type(
            name=name,
            phone=f"199{draw.randrange(10**8):08d}",
            province=address.province,
            city=address.city,
            district=address.district,
            town=address.town,
            address=address.detail,
            adcode=address.adcode,
            lng=lng,
            lat=lat,
        )


#: Where the sandbox's map knows most places (`data/pois.jsonl.gz`): 杭州, 上海, 宁波, 北京, 广州, 深圳, 南京, 嘉兴.
ROAD = re.compile(r"[一-龥]{1,8}?(?:大道|大街|公路|路|街|巷)")
WELL_KNOWN = ("3301", "3101", "3302", "1101", "4401", "4403", "3201", "3304")


def _mark(world: World, orders: list[SourceOrder], deal: Deal) -> list[SourceOrder]:
    """Give the scenarios to orders of the right channel and age; each order has at most one."""
    draw = lot(world.seed, "scenarios")
    free = list(orders)
    draw.shuffle(free)
    changed: dict[int, SourceOrder] = {}
    extra: list[SourceOrder] = []
    for name, channel, wanted, least, most in SCENARIOS:
        fits = _fits(world, channel, least, most, name)
        chosen = [order for order in free if fits(order)][
            : max(1, round(wanted * min(1.0, len(orders) / 1200)))
        ]
        for place, order in enumerate(chosen):
            free.remove(order)
            changed[order.seq] = _scenario(name, order)
            if name == "vague_address" and not place:
                changed[order.seq] = _star(changed[order.seq])
            if name == "duplicate_pair":
                extra.append(_twin(changed[order.seq], deal, len(orders) + len(extra) + 1))
            if name == "same_door":
                extra.append(_second(changed[order.seq], deal, len(orders) + len(extra) + 1))
    return [changed.get(order.seq, order) for order in orders] + extra


def _on_the_map(receiver: Receiver) -> bool:
    """Whether the road of an address is one that our small map knows: the real one knows every road."""
    if not receiver.adcode.startswith(WELL_KNOWN):
        return False
    return any(road in receiver.address for road in _roads().get(receiver.adcode, ()))


@cache
def _roads() -> dict[str, frozenset[str]]:
    """{district: its roads in the file of places}."""
    found: dict[str, set[str]] = {}
    for place in places():
        road = ROAD.match(place.address)
        if road:
            found.setdefault(place.adcode, set()).add(road.group())
    return {adcode: frozenset(roads) for adcode, roads in found.items()}


def _fits(world: World, channel: str, least: float, most: float, name: str) -> Callable[[SourceOrder], bool]:
    def fits(order: SourceOrder) -> bool:
        if order.paid_at is None or (channel and order.channel != channel):
            return False
        if name in ("return", "pickup_overdue", "weight_off") and not 0 < len(order.lines) <= 4:
            return False
        if name == "vague_address" and not _on_the_map(order.receiver):
            return False
        return least * DAY <= world.start - order.paid_at <= most * DAY

    return fits


def _scenario(name: str, order: SourceOrder) -> SourceOrder:
    if name in ("unpaid", "closed_unpaid"):
        return replace(order, scenario=name, paid_at=None)
    if name == "unknown_sku":
        lines = (replace(order.lines[0], sku="M", title="补差价专拍（联系客服）"), *order.lines[1:])
        return replace(order, scenario=name, lines=lines)
    if name == "vague_address":
        detail = vague(order.receiver.address, order.seq)
        receiver = replace(order.receiver, address=detail, lng=None, lat=None)
        promised = order.created_at + 144 * HOUR  # made to order: time enough to ask where it goes
        return replace(order, scenario=name, receiver=receiver, promised_ship_at=promised)
    return replace(order, scenario=name)


def _star(order: SourceOrder) -> SourceOrder:
    """The order that every demonstration begins with: 288号 that may be one of several places."""
    receiver = replace(
        order.receiver, province="上海市", city="上海市", district="浦东新区", town="", address="张江路288号X栋", adcode="310115"
    )  # fmt: skip
    return replace(order, receiver=receiver)


def vague(detail: str, seq: int) -> str:
    """A real address as somebody types it in a hurry: without its building, its number, or the 号 behind it."""
    number = re.search(r"\d+(?:-\d+)?号", detail)
    if number is None:
        return detail
    if seq % 3 == 0:
        return detail[: number.end()]
    return detail.replace(number.group(), number.group()[:-1] + " " if seq % 3 == 1 else "", 1)


def _twin(order: SourceOrder, deal: Deal, seq: int) -> SourceOrder:
    """The same person orders the same goods again eleven minutes later."""
    number = deal.number(order.channel, seq, order.created_at + 11 * MINUTE)
    lines = tuple(replace(line, line_id=f"{number}-{n}") for n, line in enumerate(order.lines, 1))
    return _again(order, number, lines, seq)


def _second(order: SourceOrder, deal: Deal, seq: int) -> SourceOrder:
    """The same person orders other goods to the same door eleven minutes later: one parcel would do for both."""
    number = deal.number(order.channel, seq, order.created_at + 11 * MINUTE)
    had = {line.sku for line in order.lines}
    baskets = deal.baskets[seq % len(deal.baskets) :] + deal.baskets
    basket = next(b for b in baskets if len(b.lines) <= 3 and not had & {line[0] for line in b.lines})
    return _again(order, number, deal.lines(number, basket, lot(deal.world.seed, "second", seq)), seq)


def _again(order: SourceOrder, number: str, lines: tuple[SourceLine, ...], seq: int) -> SourceOrder:
    created = order.created_at + 11 * MINUTE
    return replace(
        order,
        number=number,
        seq=seq,
        created_at=created,
        lines=lines,
        paid_at=order.paid_at + 11 * MINUTE if order.paid_at else None,
        trade_no=order.trade_no[:-6] + f"{seq:06d}",
    )
