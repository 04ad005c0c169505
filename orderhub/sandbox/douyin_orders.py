"""The orders as Douyin has them now: the world's plus what happened since (read, shipped, refunded, moved, let go)."""

from __future__ import annotations

import base64
import hashlib
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orderhub.sandbox.credentials import DOUYIN
from orderhub.sandbox.population import Deal
from orderhub.sandbox.schedule import lot
from orderhub.sandbox.world import Receiver, SourceLine, SourceOrder, World

DAY = timedelta(days=1)
AFTER_SHIPPING = timedelta(seconds=5)
RISK_SECONDS = timedelta(seconds=20)
UNPAID, TO_SHIP, SHIPPED, CLOSED, PARTLY, LOCKED, STRANGE = 1, 2, 3, 4, 101, 105, 77
WORDS = {
    UNPAID: "待支付", TO_SHIP: "备货中", SHIPPED: "已发货", CLOSED: "已关闭", PARTLY: "部分发货",
    LOCKED: "已支付", STRANGE: "待质检",
}  # fmt: skip
APPLIED, RETURNING = 6, 7
COMPANIES = {
    "zhongtong": "中通快递", "yuantong": "圆通快递", "shentong": "申通快递", "yunda": "韵达快递",
    "shunfeng": "顺丰速运", "ems": "EMS", "youzhengguonei": "邮政快递包裹", "jtexpress": "极兔速递", "jd": "京东物流",
}  # fmt: skip


@dataclass
class State:
    """What happened to one order since the start; times are ISO text, because it is remembered as JSON."""

    modified: str = ""
    version: int = 1
    words: str = ""
    reads: int = 0
    parcels: dict[str, dict[str, Any]] = field(default_factory=dict)  # number -> company, at, pieces by line
    requests: list[str] = field(default_factory=list)
    after_sale: dict[str, int] = field(default_factory=dict)  # line -> after_sale_status
    after_sale_at: str = ""
    after_sale_due: str = ""
    risk_until: str = ""
    applied: str = ""  # a new address waits for the seller's answer: waiting, agreed, refused


class Orders:
    """State and faces of all Douyin orders; ``told`` is called with (tag, number) when something happens to one."""

    def __init__(self, world: World, told: Callable[[str, str], None]) -> None:
        self.world = world
        self.told = told
        self.orders: dict[str, SourceOrder] = {order.number: order for order in world.of("douyin")}
        self.load()

    def load(self) -> None:
        """Take the remembered states; note every order in the ledger once."""
        kept = self.world.ledger.recall_all("douyin", "order:")
        self._states = {key.removeprefix("order:"): State(**body) for key, body in kept.items()}
        if not self.world.ledger.recall("douyin", "noted"):
            with self.world.ledger.together():
                for order in self.orders.values():
                    self.world.ledger.record(
                        "douyin",
                        "source.order",
                        order.number,
                        {
                            "channel": "douyin",
                            "scenario": order.scenario,
                            "payable": str(order.payable),
                            "paid": order.paid_at is not None,
                        },
                    )
                self.world.ledger.remember("douyin", "noted", True)

    def state(self, number: str) -> State:
        return self._states.get(number) or State()

    def write(self, number: str, state: State) -> None:
        self._states[number] = state
        self.world.ledger.remember("douyin", "order:" + number, asdict(state))

    def now(self) -> datetime:
        return self.world.now().replace(microsecond=0)

    def modified(self, order: SourceOrder) -> datetime:
        kept = self.state(order.number).modified
        if kept:
            return datetime.fromisoformat(kept)
        if order.paid_at is not None:
            return order.paid_at + timedelta(seconds=1)
        return order.created_at + DAY if self.status(order) == CLOSED else order.created_at

    def status(self, order: SourceOrder) -> int:
        if order.paid_at is None:
            closed = order.scenario == "closed_unpaid" or order.created_at + DAY < self.world.now()
            return CLOSED if closed else UNPAID
        state = self.state(order.number)
        if self.strangeness(order) == "status":
            return STRANGE
        if order.scenario == "risk_control" and state.risk_until != "over":
            return LOCKED
        left = self.left(order)
        if not any(left.values()):
            return SHIPPED
        return PARTLY if state.parcels else TO_SHIP

    def strangeness(self, order: SourceOrder) -> str:
        """The scenario unreadable: the first has a state nobody knows, the second money that is none."""
        if order.scenario != "unreadable":
            return ""
        mine = [number for number in self.world.scenarios["unreadable"] if number in self.orders]
        return "money" if mine.index(order.number) % 2 else "status"

    def left(self, order: SourceOrder) -> dict[str, int]:
        """Pieces not shipped yet, by line."""
        gone = [parcel["pieces"] for parcel in self.state(order.number).parcels.values()]
        return {
            line.line_id: line.quantity - sum(pieces.get(line.line_id, 0) for pieces in gone)
            for line in order.lines
        }

    def within(self, start: datetime, end: datetime, by: str, newest_first: bool) -> list[SourceOrder]:
        """Orders whose change or creation lies in [start, end]."""
        with self.world.lock:
            self.due()
            moment = self.modified if by == "update_time" else (lambda order: order.created_at)
            found = [
                (at, order.number) for order in self.orders.values() if start <= (at := moment(order)) <= end
            ]
        found.sort(reverse=newest_first)
        return [self.orders[number] for _, number in found]

    def due(self) -> None:
        """What the clock does: a risk check ends, a refund is asked for some seconds after shipping."""
        now = self.world.now()
        for number, state in list(self._states.items()):
            if state.risk_until not in ("", "over") and datetime.fromisoformat(state.risk_until) <= now:
                self.write(number, replace(state, risk_until="over", modified=state.risk_until))
                self.told("paid", number)
            if state.after_sale_due and datetime.fromisoformat(state.after_sale_due) <= now:
                lines = {line.line_id: RETURNING for line in self.orders[number].lines}
                self.write(
                    number,
                    replace(
                        state,
                        after_sale=lines,
                        after_sale_at=state.after_sale_due,
                        after_sale_due="",
                        modified=state.after_sale_due,
                    ),
                )
                self.told("refund", number)

    def read(self, number: str) -> dict[str, Any] | None:
        """The whole order; after the first reading the scenario's change comes true."""
        order = self.orders.get(number)
        if order is None:
            return None
        with self.world.lock:
            self.due()
            face = self.face(order)
            state = self.state(number)
            if (
                order.scenario in ("refund_before_ship", "address_changed", "risk_control")
                and not state.reads
            ):
                self._first_read(order, replace(state, reads=1))
            return face

    def _first_read(self, order: SourceOrder, state: State) -> None:
        number, now = order.number, self.now()
        match order.scenario:
            case "risk_control":
                self.write(number, replace(state, risk_until=(now + RISK_SECONDS).isoformat()))
            case "address_changed" if self.reviewed():
                self.write(number, replace(state, applied="waiting"))
                self.told("address_asked", number)
            case "address_changed":
                self.write(number, replace(state, version=2, modified=now.isoformat()))
                self.told("address_changed", number)
            case _:
                lines = order.lines if order.seq % 2 else order.lines[:1]
                asked = {line.line_id: APPLIED for line in lines}
                at = now.isoformat()
                self.write(number, replace(state, after_sale=asked, after_sale_at=at, modified=at))
                self.told("refund", number)

    def reviewed(self) -> bool:
        """Whether the seller wants to be asked before a buyer's new address counts."""
        return bool(self.world.ledger.recall("douyin", "address_review", False))

    def answer_address(self, number: str, agreed: bool) -> None:
        """The seller's answer to the new address."""
        state, at = self.state(number), self.now().isoformat()
        if agreed:
            self.write(number, replace(state, applied="agreed", version=2, modified=at))
            self.told("address_changed", number)
        else:
            self.write(number, replace(state, applied="refused"))

    def ship(self, number: str, company: str, code: str, pieces: dict[str, int], request: str = "") -> None:
        """Note a parcel that has been checked before."""
        order, state, now = self.orders[number], self.state(number), self.now()
        parcel = {"company": company, "at": now.isoformat(), "pieces": pieces}
        due = (
            (now + AFTER_SHIPPING).isoformat()
            if order.scenario == "refund_after_ship"
            else state.after_sale_due
        )
        self.write(
            number,
            replace(
                state,
                parcels={**state.parcels, code: parcel},
                requests=[*state.requests, *([request] if request else [])],
                modified=now.isoformat(),
                after_sale_due=due,
            ),
        )
        self.told("shipped", number)

    def touch(self, n: int, rng: random.Random) -> list[str]:
        """n random plain orders get a new seller's note and so a new version."""
        with self.world.lock:
            plain = [number for number, order in self.orders.items() if not order.scenario]
            chosen = rng.sample(plain, min(n, len(plain)))
            with self.world.ledger.together():
                for number in chosen:
                    state = self.state(number)
                    last = int(state.words.removeprefix("v") or 1)
                    at = max(self.now(), self.modified(self.orders[number]) + timedelta(seconds=1))
                    self.write(number, replace(state, words=f"v{last + 1}", modified=at.isoformat()))
            return chosen

    def receiver(self, order: SourceOrder, version: int | None = None) -> Receiver:
        """Where it goes now (or went in a version): the changed address counts from version 2 on."""
        if (version or self.state(order.number).version) == 1:
            return order.receiver
        moved = Deal(self.world).receiver(lot(self.world.seed, "moved", order.number))
        return replace(moved, name=order.receiver.name, phone=order.receiver.phone)

    def sealed(self, order: SourceOrder, version: int | None = None) -> dict[str, str]:
        """Name, phone and detail as ciphertext of this order; another address gives another text."""
        to, of = self.receiver(order, version), version or self.state(order.number).version
        return {
            name: f"{mark}{self._cipher(f'{order.number}:{of}:{name}:{text}')}{mark}{tail}"
            for name, mark, text, tail in (
                ("receiver", "##", to.name, "1##"),
                ("tel", "$$", to.phone, "1$$"),
                ("detail", "##", to.address, "1##"),
            )
        }

    def application(self, order: SourceOrder, version: int) -> dict[str, Any]:
        """A receiver as an application for a new address shows it."""
        sealed = self.sealed(order, version)
        return {
            "encrypt_post_receiver": sealed["receiver"],
            "encrypt_post_tel": sealed["tel"],
            "addr": self.address(self.receiver(order, version), sealed["detail"], "encrypt_detail"),
        }

    def address_id(self, order: SourceOrder) -> str:
        """The same for orders that go to the same person at the same place."""
        to = self.receiver(order)
        return self._cipher("|".join((to.name, to.phone, to.province, to.city, to.district, to.address)))[:43]

    def _cipher(self, text: str) -> str:
        return base64.b64encode(hashlib.sha512(f"{self.world.seed}:{text}".encode()).digest()).decode()

    def address(self, to: Receiver, detail: str, name: str) -> dict[str, Any]:
        """An address with its readable divisions; ``name`` says what the detail is called."""
        return {
            "province": {"name": to.province, "id": f"{to.adcode[:2]}0000"},
            "city": {"name": to.city, "id": f"{to.adcode[:4]}00"},
            "town": {"name": to.district, "id": to.adcode},
            "street": {"name": to.town, "id": f"{to.adcode}001"},
            name: detail,
        }

    def face(self, order: SourceOrder) -> dict[str, Any]:
        """Every field of the order; receivers are sealed and masked, money is fen."""
        state, to, status = self.state(order.number), self.receiver(order), self.status(order)
        sealed = self.sealed(order)
        wrong_money = self.strangeness(order) == "money"
        refunded = bool(state.after_sale) and set(state.after_sale.values()) == {12}
        return {
            "order_id": order.number,
            "shop_id": int(DOUYIN["shop_id"]),
            "shop_name": DOUYIN["shop_name"],
            "order_status": status,
            "order_status_desc": WORDS[status],
            "main_status": 21 if refunded else status,
            "main_status_desc": WORDS[status],
            "order_type": 0,
            "trade_type": 0,
            "pay_type": 2 if order.seq % 3 else 1,
            "create_time": int(order.created_at.timestamp()),
            "pay_time": int(order.paid_at.timestamp()) if order.paid_at else 0,
            "update_time": int(self.modified(order).timestamp()),
            "exp_ship_time": int(order.promised_ship_at.timestamp()) if order.promised_ship_at else 0,
            "finish_time": 0,
            "order_amount": fen(order.total),
            "pay_amount": "12.8O" if wrong_money else fen(order.payable),
            "post_amount": fen(order.freight),
            "promotion_amount": fen(order.discount),
            "promotion_shop_amount": fen(order.discount),
            "promotion_platform_amount": 0,
            "promotion_talent_amount": 0,
            "buyer_words": order.remark,
            "seller_words": state.words,
            "cancel_reason": "超时未支付" if status == CLOSED else "",
            "open_id": "",
            "doudian_open_id": order.buyer_id,
            "open_address_id": self.address_id(order),
            "post_addr": self.address(to, sealed["detail"], "encrypt_detail"),
            "encrypt_post_receiver": sealed["receiver"],
            "encrypt_post_tel": sealed["tel"],
            "mask_post_receiver": to.name[0] + "**",
            "mask_post_tel": f"{to.phone[:3]}****{to.phone[-4:]}",
            "mask_post_addr": self.address(to, "***", "detail"),
            "logistics_info": [
                self._parcel(order, number, parcel) for number, parcel in state.parcels.items()
            ],
            "sku_order_list": [self._line(order, line, state, status) for line in order.lines],
        }

    def _parcel(self, order: SourceOrder, number: str, parcel: dict[str, Any]) -> dict[str, Any]:
        return {
            "tracking_no": number,
            "company": parcel["company"],
            "company_name": COMPANIES[parcel["company"]],
            "delivery_id": hashlib.md5(
                f"{order.number}:{number}".encode(), usedforsecurity=False
            ).hexdigest(),
            "ship_time": int(datetime.fromisoformat(parcel["at"]).timestamp()),
            "product_info": [
                {"sku_order_id": line.line_id, "product_name": line.title, "product_count": count}
                for line in order.lines
                if (count := parcel["pieces"].get(line.line_id))
            ],
        }

    def _line(self, order: SourceOrder, line: SourceLine, state: State, status: int) -> dict[str, Any]:
        asked = state.after_sale.get(line.line_id, 0)
        shipped = [parcel["at"] for parcel in state.parcels.values() if line.line_id in parcel["pieces"]]
        whole = not self.left(order)[line.line_id]
        return {
            "order_id": line.line_id,
            "parent_order_id": order.number,
            "product_id": 3_400_000_000_000_000_000 + sum(map(ord, line.sku)) * 977,
            "product_name": line.title,
            "sku_id": 1_700_000_000_000_000 + sum(map(ord, line.sku)) * 31,
            "out_sku_id": "0",
            "code": line.sku,
            "item_num": line.quantity,
            "origin_amount": fen(line.unit_price),
            "order_amount": fen(line.total),
            "pay_amount": fen(line.payable),
            "spec": [{"name": "款式", "value": "默认"}],
            "order_status": SHIPPED if whole and status in (PARTLY, SHIPPED) else status,
            "after_sale_info": {
                "after_sale_status": asked,
                "after_sale_type": (0 if asked == RETURNING else 2) if asked else 0,
                "refund_status": 1 if asked else 0,
            },
            "logistics_receipt_time": 0,
            "ship_time": int(datetime.fromisoformat(max(shipped)).timestamp()) if shipped else 0,
        }


def fen(value: Decimal) -> int:
    return int(value * 100)
