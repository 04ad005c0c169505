"""The trades as Taobao has them now: the world's orders plus what happened since (read, shipped, refunded, moved)."""

from __future__ import annotations

import base64
import hashlib
import random
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from orderhub.sandbox.frame import beijing
from orderhub.sandbox.population import Deal
from orderhub.sandbox.schedule import lot
from orderhub.sandbox.world import Receiver, SourceLine, SourceOrder, World

DAY = timedelta(days=1)
AFTER_SHIPPING = timedelta(seconds=5)
STRANGE_STATUS = "WAIT_SELLER_STOCK_CHECK"
SHIPPABLE = ("WAIT_SELLER_SEND_GOODS", "SELLER_CONSIGNED_PART")


@dataclass
class State:
    """What happened to one trade since the start; times are ISO text, because it is remembered as JSON."""

    modified: str = ""
    version: int = 1
    memo: str = ""
    reads: int = 0
    shipped: dict[str, list[str]] = field(default_factory=dict)  # oid -> [company, number, time]
    refund: str = ""
    refund_at: str = ""
    refund_lines: list[str] = field(default_factory=list)


class Trades:
    """State and faces of all Taobao trades."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.orders: dict[str, SourceOrder] = {order.number: order for order in world.of("taobao")}
        self.load()

    def load(self) -> None:
        """Take the remembered states; note every trade in the ledger once."""
        kept = self.world.ledger.recall_all("taobao", "trade:")
        self._states = {key.removeprefix("trade:"): State(**body) for key, body in kept.items()}
        self._later = {tid for tid, state in self._states.items() if state.refund_at and not state.refund}
        if not self.world.ledger.recall("taobao", "noted"):
            with self.world.ledger.together():
                for order in self.orders.values():
                    self.world.ledger.record(
                        "taobao",
                        "source.order",
                        order.number,
                        {
                            "channel": "taobao",
                            "scenario": order.scenario,
                            "payable": str(order.payable),
                            "paid": order.paid_at is not None,
                        },
                    )
                self.world.ledger.remember("taobao", "noted", True)

    def state(self, tid: str) -> State:
        return self._states.get(tid) or State()

    def _write(self, tid: str, state: State) -> None:
        self._states[tid] = state
        self.world.ledger.remember("taobao", "trade:" + tid, asdict(state))

    def _now(self) -> datetime:
        return self.world.now().replace(microsecond=0)

    def modified(self, order: SourceOrder) -> datetime:
        kept = self.state(order.number).modified
        if kept:
            return datetime.fromisoformat(kept)
        if order.paid_at is not None:
            return order.paid_at + timedelta(seconds=1)
        return order.created_at + DAY if self.status(order) == "TRADE_CLOSED_BY_TAOBAO" else order.created_at

    def status(self, order: SourceOrder) -> str:
        if order.paid_at is None:
            closed = order.scenario == "closed_unpaid" or order.created_at + DAY < self.world.now()
            return "TRADE_CLOSED_BY_TAOBAO" if closed else "WAIT_BUYER_PAY"
        if self.strangeness(order) == "status":
            return STRANGE_STATUS
        state = self.state(order.number)
        if len(state.shipped) == len(order.lines):
            return "WAIT_BUYER_CONFIRM_GOODS"
        return "SELLER_CONSIGNED_PART" if state.shipped else "WAIT_SELLER_SEND_GOODS"

    def strangeness(self, order: SourceOrder) -> str:
        """The scenario unreadable: the first has a word nobody knows, the second money that is none."""
        if order.scenario != "unreadable":
            return ""
        mine = [number for number in self.world.scenarios["unreadable"] if number in self.orders]
        return "money" if mine.index(order.number) % 2 else "status"

    def within(self, start: datetime, end: datetime, by: str) -> list[SourceOrder]:
        """Trades whose ``modified`` or ``created_at`` lies in [start, end], newest first."""
        with self.world.lock:
            self._due()
            moment = self.modified if by == "modified" else (lambda order: order.created_at)
            found = [
                (at, order.number) for order in self.orders.values() if start <= (at := moment(order)) <= end
            ]
        found.sort(reverse=True)
        return [self.orders[number] for _, number in found]

    def _due(self) -> None:
        """Refunds asked for some seconds after shipping."""
        for tid in list(self._later):
            state = self.state(tid)
            if datetime.fromisoformat(state.refund_at) <= self.world.now():
                self._later.discard(tid)
                lines = [line.line_id for line in self.orders[tid].lines]
                self._write(
                    tid,
                    replace(
                        state, refund="WAIT_BUYER_RETURN_GOODS", refund_lines=lines, modified=state.refund_at
                    ),
                )

    def read(self, tid: str) -> dict[str, Any] | None:
        """The full trade; after the first reading the scenario's change comes true."""
        order = self.orders.get(tid)
        if order is None:
            return None
        with self.world.lock:
            self._due()
            face = self.full(order)
            if order.scenario in ("refund_before_ship", "address_changed"):
                self._first_read(order)
            return face

    def _first_read(self, order: SourceOrder) -> None:
        state = self.state(order.number)
        if state.reads:
            return
        state = replace(state, reads=1, modified=self._now().isoformat())
        if order.scenario == "address_changed":
            state = replace(state, version=2)
        else:
            lines = order.lines if order.seq % 2 else order.lines[:1]
            state = replace(state, refund="WAIT_SELLER_AGREE", refund_lines=[line.line_id for line in lines])
        self._write(order.number, state)

    def ship(self, tid: str, oids: list[str], company: str, number: str) -> bool:
        """Mark lines (all when none are named) as shipped; False when they may not or were before."""
        with self.world.lock:
            order, state = self.orders[tid], self.state(tid)
            mine = [line.line_id for line in order.lines]
            wanted = oids or mine
            if self.status(order) not in SHIPPABLE or any(
                oid in state.shipped or oid not in mine for oid in wanted
            ):
                return False
            now = self._now()
            shipped = {**state.shipped, **{oid: [company, number, now.isoformat()] for oid in wanted}}
            later = (
                (now + AFTER_SHIPPING).isoformat()
                if order.scenario == "refund_after_ship"
                else state.refund_at
            )
            if later:
                self._later.add(tid)
            self._write(tid, replace(state, shipped=shipped, modified=now.isoformat(), refund_at=later))
            return True

    def touch(self, n: int, rng: random.Random) -> list[str]:
        """n random readable trades get a new seller memo and so a new version."""
        with self.world.lock:
            plain = [tid for tid, order in self.orders.items() if not order.scenario]
            chosen = rng.sample(plain, min(n, len(plain)))
            with self.world.ledger.together():
                for tid in chosen:
                    state = self.state(tid)
                    last = int(state.memo.removeprefix("v") or 1)
                    at = max(self._now(), self.modified(self.orders[tid]) + timedelta(seconds=1))
                    self._write(tid, replace(state, memo=f"v{last + 1}", modified=at.isoformat()))
            return chosen

    def receiver(self, order: SourceOrder) -> Receiver:
        """Where it goes now: the changed address counts from version 2 on."""
        if self.state(order.number).version == 1:
            return order.receiver
        moved = Deal(self.world).receiver(lot(self.world.seed, "moved", order.number))
        return replace(moved, name=order.receiver.name, phone=order.receiver.phone)

    def oaid(self, order: SourceOrder) -> str:
        """The receiver's opaque key; it changes with the address."""
        text = f"{self.world.seed}:oaid:{order.number}:{self.state(order.number).version}"
        return "1" + base64.b64encode(hashlib.sha512(text.encode()).digest()).decode().rstrip("=")

    def door(self, order: SourceOrder) -> str:
        """Buyer and true address as they are now: orders with one door may go in one parcel."""
        return repr((order.buyer_id, asdict(self.receiver(order))))

    def full(self, order: SourceOrder) -> dict[str, Any]:
        """Every field of the trade; receivers are masked."""
        state, to = self.state(order.number), self.receiver(order)
        status = self.status(order)
        promotion = sum((line.shared_discount for line in order.lines), Decimal(0))
        face: dict[str, Any] = {
            "tid": int(order.number),
            "tid_str": order.number,
            "status": status,
            "type": self.type(order),
            "payment": "12.8O" if self.strangeness(order) == "money" else _yuan(order.payable),
            "total_fee": _yuan(order.total),
            "post_fee": _yuan(order.freight),
            "discount_fee": _yuan(promotion),
            "adjust_fee": "0.00",
            "received_payment": "0.00",
            "created": beijing(order.created_at),
            "modified": beijing(self.modified(order)),
            "seller_nick": "晴川家居旗舰店",
            "seller_flag": 0,
            "buyer_open_uid": order.buyer_id,
            "num": sum(line.quantity for line in order.lines),
            "receiver_name": to.name[0] + "**",
            "receiver_mobile": "1**********",
            "receiver_state": to.province,
            "receiver_city": to.city,
            "receiver_district": to.district,
            "receiver_town": to.town,
            "receiver_address": "****",
            "receiver_zip": "000000",
            "oaid": self.oaid(order),
            "orders": {"order": [self._line(order, line, state, status) for line in order.lines]},
        }
        if order.paid_at is not None:
            face["pay_time"] = beijing(order.paid_at)
        if order.remark:
            face["buyer_message"] = order.remark
        if state.memo:
            face["seller_memo"] = state.memo
        if state.shipped:
            face["consign_time"] = beijing(
                datetime.fromisoformat(max(at for _, _, at in state.shipped.values()))
            )
        if status == "TRADE_CLOSED_BY_TAOBAO":
            face["end_time"] = face["modified"]
        return face

    def type(self, order: SourceOrder) -> str:
        """One in sixteen is of a type that the default list leaves out."""
        return "fixed" if order.seq % 16 == 5 else "guarantee_trade"

    def _line(self, order: SourceOrder, line: SourceLine, state: State, status: str) -> dict[str, Any]:
        alone = len(order.lines) == 1
        refunded = line.line_id in state.refund_lines
        face: dict[str, Any] = {
            "oid": int(line.line_id),
            "oid_str": line.line_id,
            "title": line.title,
            "num": line.quantity,
            "num_iid": 600_000_000_000 + sum(map(ord, line.sku)) * 977,
            "sku_id": str(5_000_000_000_000 + line.quantity),
            "outer_iid": line.sku,
            "outer_sku_id": line.sku,
            "price": _yuan(line.unit_price),
            "total_fee": _yuan(line.total - line.line_discount),
            "discount_fee": _yuan(line.line_discount),
            "adjust_fee": "0.00",
            "payment": _yuan(order.payable if alone else line.total - line.line_discount),
            "divide_order_fee": _yuan(line.payable),
            "part_mjz_discount": _yuan(line.shared_discount),
            "refund_status": state.refund if refunded else "NO_REFUND",
            "status": status,
        }
        if refunded:
            face["refund_id"] = line.line_id[::-1].lstrip("0")
        if line.line_id in state.shipped:
            company, number, at = state.shipped[line.line_id]
            face.update(
                logistics_company=company,
                invoice_no=number,
                status="WAIT_BUYER_CONFIRM_GOODS",
                consign_time=beijing(datetime.fromisoformat(at)),
            )
        return face


def _yuan(value: Decimal) -> str:
    return f"{value:.2f}"
