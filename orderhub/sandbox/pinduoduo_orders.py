"""The orders as Pinduoduo has them now: the world's orders plus what happened since (read, sent, refunded, moved)."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orderhub.sandbox.frame import BEIJING, beijing
from orderhub.sandbox.population import Deal
from orderhub.sandbox.schedule import lot
from orderhub.sandbox.world import Receiver, SourceLine, SourceOrder, World

AFTER_SHIPPING = timedelta(seconds=5)
#: How long the platform looks at an order under review, counted from its first reading; some it never lets go.
REVIEW = timedelta(seconds=20)
TO_SHIP, SENT = 1, 2
NO_REFUND, REFUND_ASKED = 1, 2
ASKED_BACK, ASKED_WITH_RETURN = 2, 3
STRANGE_STATUS = 7
CONFIRMED = "pdd_trade_TradeConfirmed"
SELLER_SHIP = "pdd_trade_TradeSellerShip"
ADDRESS_CHANGED = "pdd_trade_TradeLogisticsAddressChanged"
RISK_CHANGED = "pdd_trade_TradeRiskChanged"
REFUND_CREATED = "pdd_refund_RefundCreated"


@dataclass
class State:
    """What happened to one order since the start; times are ISO text, because it is remembered as JSON."""

    updated: str = ""
    version: int = 1
    own_address: list[str] = field(default_factory=list)  # province, city, town, address set by the seller
    memo: str = ""
    read: str = ""
    released: bool = False
    sent: list[str] = field(default_factory=list)  # logistics_id, number, time
    extra: list[list[str]] = field(default_factory=list)
    after_sales: int = 0
    refund_at: str = ""


class Orders:
    """State and faces of all Pinduoduo orders; `tell` hears (message type, order number) of every change."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.tell: Callable[[str, str], None] = lambda kind, number: None
        self.orders: dict[str, SourceOrder] = {order.number: order for order in world.of("pinduoduo")}
        self.load()

    def load(self) -> None:
        """Take the remembered states; note every order in the ledger once."""
        kept = self.world.ledger.recall_all("pinduoduo", "order:")
        self._states = {key.removeprefix("order:"): State(**body) for key, body in kept.items()}
        if self.world.ledger.recall("pinduoduo", "noted"):
            return
        with self.world.ledger.together():
            for order in self.orders.values():
                body = {
                    "channel": "pinduoduo",
                    "scenario": order.scenario,
                    "payable": str(order.payable),
                    "paid": True,
                }
                self.world.ledger.record("pinduoduo", "source.order", order.number, body)
            self.world.ledger.remember("pinduoduo", "noted", True)

    def state(self, number: str) -> State:
        return self._states.get(number) or State()

    def _write(self, number: str, state: State) -> None:
        self._states[number] = state
        self.world.ledger.remember("pinduoduo", "order:" + number, asdict(state))

    def _now(self) -> datetime:
        return self.world.now().replace(microsecond=0)

    def updated(self, order: SourceOrder) -> datetime:
        kept = self.state(order.number).updated
        return datetime.fromisoformat(kept) if kept else self.confirmed(order) + timedelta(seconds=1)

    def confirmed(self, order: SourceOrder) -> datetime:
        """When it was concluded (成交): at once with the payment."""
        return order.paid_at or order.created_at

    def status(self, order: SourceOrder) -> int:
        return SENT if self.state(order.number).sent else TO_SHIP

    def risk(self, order: SourceOrder) -> int:
        """1 while the platform reviews the order and forbids shipping it."""
        return int(order.scenario == "risk_control" and not self.state(order.number).released)

    def strangeness(self, order: SourceOrder) -> str:
        """The scenario unreadable: the first has a status nobody knows, the second money that is none."""
        if order.scenario != "unreadable":
            return ""
        mine = [number for number in self.world.scenarios["unreadable"] if number in self.orders]
        return "money" if mine.index(order.number) % 2 else "status"

    def within(self, start: datetime, end: datetime, by: str) -> list[SourceOrder]:
        """Orders whose time `updated` or `confirmed` lies in [start, end], newest first."""
        with self.world.lock:
            self.due()
            moment = self.updated if by == "updated" else self.confirmed
            found = [
                (at, order.number) for order in self.orders.values() if start <= (at := moment(order)) <= end
            ]
        found.sort(reverse=True)
        return [self.orders[number] for _, number in found]

    def refunds(self) -> Iterator[SourceOrder]:
        """Orders with an after-sale."""
        self.due()
        return (order for order in self.orders.values() if self.state(order.number).after_sales)

    def due(self) -> None:
        """What happens by itself: refunds asked for after shipping, reviews that end."""
        with self.world.lock:
            for number, state in list(self._states.items()):
                order, now = self.orders[number], self.world.now()
                if (
                    state.refund_at
                    and not state.after_sales
                    and datetime.fromisoformat(state.refund_at) <= now
                ):
                    self._change(number, REFUND_CREATED, state, after_sales=ASKED_WITH_RETURN)
                elif self._review_is_over(order, state, now):
                    self._change(number, RISK_CHANGED, state, released=True)

    def _review_is_over(self, order: SourceOrder, state: State, now: datetime) -> bool:
        if order.scenario != "risk_control" or state.released or not state.read or order.seq % 2:
            return False
        return datetime.fromisoformat(state.read) + REVIEW <= now

    def _change(self, number: str, kind: str, state: State, **changes: Any) -> None:
        self._write(number, replace(state, updated=self._now().isoformat(), **changes))
        self.tell(kind, number)

    def read(self, number: str) -> dict[str, Any] | None:
        """The full order; after the first reading the scenario's change comes true."""
        order = self.orders.get(number)
        if order is None:
            return None
        with self.world.lock:
            self.due()
            face, state = self.full(order), self.state(number)
            if not state.read and order.scenario in ("refund_before_ship", "address_changed", "risk_control"):
                state = replace(state, read=self._now().isoformat())
                if order.scenario == "address_changed":
                    self._change(number, ADDRESS_CHANGED, state, version=2)
                elif order.scenario == "refund_before_ship":
                    self._change(number, REFUND_CREATED, state, after_sales=ASKED_BACK)
                else:
                    self._write(number, state)
            return face

    def send(self, number: str, company: str, waybill: str, again: bool) -> bool:
        """The first parcel (again: another number for a sent order); False where it may not be."""
        with self.world.lock:
            order, state = self.orders[number], self.state(number)
            if bool(state.sent) is not again or self.risk(order) or self.strangeness(order):
                return False
            now = self._now()
            later = (
                (now + AFTER_SHIPPING).isoformat()
                if order.scenario == "refund_after_ship"
                else state.refund_at
            )
            self._change(
                number, SELLER_SHIP, state, sent=[company, waybill, now.isoformat()], refund_at=later
            )
            return True

    def send_extra(self, number: str, rows: list[list[str]]) -> bool:
        """More parcels of a sent order."""
        with self.world.lock:
            state = self.state(number)
            if not state.sent:
                return False
            new = [row for row in rows if row not in state.extra]
            self._write(number, replace(state, extra=[*state.extra, *new]))
            return True

    def move(self, number: str, address: list[str]) -> bool:
        """The seller sets another address; not under review and not after sending."""
        with self.world.lock:
            state = self.state(number)
            if state.sent or self.risk(self.orders[number]):
                return False
            self._change(number, ADDRESS_CHANGED, state, version=state.version + 1, own_address=address)
            return True

    def touch(self, n: int, rng: random.Random) -> list[str]:
        """n random readable orders get a new seller's note and so a new version."""
        with self.world.lock:
            plain = [number for number, order in self.orders.items() if not order.scenario]
            chosen = rng.sample(plain, min(n, len(plain)))
            with self.world.ledger.together():
                for number in chosen:
                    state = self.state(number)
                    last = int(state.memo.removeprefix("v") or 1)
                    at = max(self._now(), self.updated(self.orders[number]) + timedelta(seconds=1))
                    self._write(number, replace(state, memo=f"v{last + 1}", updated=at.isoformat()))
            return chosen

    def receiver(self, order: SourceOrder) -> Receiver:
        """Where it goes now: the buyer's other address from version 2 on, or the one that the seller set."""
        state = self.state(order.number)
        if state.own_address:
            province, city, district, address = state.own_address
            return replace(
                order.receiver, province=province, city=city, district=district, town="", address=address
            )
        if state.version == 1:
            return order.receiver
        moved = Deal(self.world).receiver(lot(self.world.seed, "moved", order.number))
        return replace(moved, name=order.receiver.name, phone=order.receiver.phone)

    def address_id(self, order: SourceOrder) -> str:
        """open_address_id: the same for the same person and address on the same day."""
        to, day = self.receiver(order), order.created_at.astimezone(BEIJING).date()
        text = f"{self.world.seed}:{to.name}:{to.phone}:{to.city}:{to.address}:{day}"
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def ciphers(self, order: SourceOrder) -> dict[str, str]:
        """name, phone and address as cipher text; empty once sent and while under review."""
        if self.risk(order) or self.status(order) != TO_SHIP:
            return {"name": "", "phone": "", "address": ""}
        version = self.state(order.number).version
        return {name: self._cipher(order, name, version) for name in ("name", "phone", "address")}

    def _cipher(self, order: SourceOrder, name: str, version: int) -> str:
        secret = hashlib.sha512(f"{self.world.seed}:pdd:{order.number}:{name}:{version}".encode()).digest()
        body, index = base64.b64encode(secret[:48]).decode(), base64.b64encode(secret[48:]).decode()
        return f"~AgAAAAJ{body}~{index}~0~~"

    def full(self, order: SourceOrder) -> dict[str, Any]:
        """Every field of the order; receivers are masked, and cipher text where it is shown at all."""
        state, to, secret = self.state(order.number), self.receiver(order), self.ciphers(order)
        strange = self.strangeness(order)
        goods = sum((line.total for line in order.lines), Decimal(0))
        face: dict[str, Any] = {
            "order_sn": order.number,
            "order_status": STRANGE_STATUS if strange == "status" else self.status(order),
            "refund_status": REFUND_ASKED if state.after_sales else NO_REFUND,
            "after_sales_status": state.after_sales,
            "confirm_status": 1,
            "group_status": 1,
            "risk_control_status": self.risk(order),
            "trade_type": 0,
            "pay_type": "WEIXIN",
            "pay_no": order.trade_no,
            "created_time": beijing(order.created_at),
            "pay_time": beijing(self.confirmed(order)),
            "confirm_time": beijing(self.confirmed(order)),
            "updated_at": beijing(self.updated(order)),
            "last_ship_time": beijing(self.confirmed(order) + timedelta(hours=48)),
            "goods_amount": _yuan(goods),
            "discount_amount": _yuan(order.discount),
            "seller_discount": _yuan(order.discount),
            "platform_discount": 0,
            "capital_free_discount": 0,
            "postage": _yuan(order.freight),
            "pay_amount": "12.8O" if strange == "money" else _yuan(order.payable),
            "buyer_memo": order.remark,
            "remark": state.memo,
            "province": to.province,
            "city": to.city,
            "town": to.district,
            "receiver_name": secret["name"],
            "receiver_name_mask": to.name[0] + "**",
            "receiver_phone": secret["phone"],
            "receiver_phone_mask": "1**********",
            "receiver_address": secret["address"],
            "receiver_address_mask": "****",
            "address": secret["address"],
            "address_mask": "****",
            "open_address_id": self.address_id(order),
            "logistics_id": int(state.sent[0]) if state.sent else 0,
            "tracking_number": state.sent[1] if state.sent else "",
            "shipping_time": beijing(datetime.fromisoformat(state.sent[2])) if state.sent else "",
            "receive_time": "",
            "extra_delivery_list": [
                {"logistics_id": int(row[0]), "tracking_number": row[1]} for row in state.extra
            ],
            "order_tag_list": [],
            "item_list": [self._item(line, n) for n, line in enumerate(order.lines, 1)],
        }
        return face

    def _item(self, line: SourceLine, n: int) -> dict[str, Any]:
        return {
            "goods_id": 400_000_000_000 + sum(map(ord, line.sku)) * 983,
            "sku_id": 1_500_000_000_000 + sum(map(ord, line.sku)) * 1009 + n,
            "goods_name": line.title,
            "goods_spec": "默认",
            "goods_count": line.quantity,
            "goods_price": _yuan(line.unit_price),
            "goods_img": "",
            "outer_id": line.sku,
            "outer_goods_id": line.sku,
        }

    def refund(self, order: SourceOrder) -> dict[str, Any]:
        """One row of the after-sales list; money is yuan as text here."""
        state = self.state(order.number)
        return {
            "id": int(order.number.rpartition("-")[2]) % 10**12,
            "order_sn": order.number,
            "after_sales_status": state.after_sales,
            "after_sales_type": 3 if state.after_sales == ASKED_WITH_RETURN else 2,
            "after_sale_reason": "不想要了",
            "order_amount": f"{order.payable:.2f}",
            "refund_amount": f"{order.payable:.2f}",
            "confirm_time": beijing(self.confirmed(order)),
            "created_time": beijing(self.updated(order)),
            "updated_time": beijing(self.updated(order)),
            "tracking_number": state.sent[1] if state.sent else "",
        }


def _yuan(value: Decimal) -> float | int:
    """Yuan as the JSON number that the platform sends."""
    return int(value) if value == int(value) else float(value)
