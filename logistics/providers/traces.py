"""Kuaidi100 in our words: its codes become meanings, its rows become traces, its silence is not an error."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from logistics.queries import Shipment, shipments
from orderhub.integrations import http
from orderhub.integrations.clients.base import from_beijing
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Pool
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer

#: Our carrier codes (Taobao's) in Kuaidi100's words.
COMPANIES = {
    "ZTO": "zhongtong", "YTO": "yuantong", "STO": "shentong", "YUNDA": "yunda", "SF": "shunfeng", "EMS": "ems",
    "POSTB": "youzhengguonei", "JTSD": "jtexpress", "JD": "jd",
}  # fmt: skip
#: Advanced state → meaning; `ordered` is no scan of the parcel. A basic state is the first digit of its advanced ones.
MEANINGS: dict[str, str] = {
    "1": "picked_up", "101": "ordered", "102": "ordered", "103": "picked_up",
    "0": "transit", "1001": "transit", "1002": "transit", "1003": "transit", "7": "transit",
    "8": "transit", "10": "transit", "11": "transit", "12": "transit", "13": "problem",
    "5": "delivering", "501": "delivering",
    "3": "signed", "301": "signed", "302": "signed", "303": "signed", "304": "signed",
    "2": "problem", "201": "problem", "202": "problem", "203": "refused", "204": "problem", "205": "problem",
    "206": "problem", "207": "problem", "208": "problem", "209": "damaged", "210": "problem", "14": "refused",
    "6": "returning", "4": "returned", "401": "ordered",
}  # fmt: skip
THREADS = 6


class UnknownWord(ValueError):
    """A state that we do not know: the trace is kept, its meaning waits for a person."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One event of a carrier; equal events have equal digests."""

    waybill_no: str
    at: dt.datetime
    code: str
    meaning: str
    text: str

    @property
    def digest(self) -> str:
        raw = f"{self.at.isoformat()}\n{self.code}\n{self.text}"
        return hashlib.blake2b(raw.encode(), digest_size=16).hexdigest()


def company(carrier: str) -> str:
    """Kuaidi100's word for a carrier; business error for one that is not in the table."""
    if carrier not in COMPANIES:
        raise PlatformError(
            "business", "carrier", _("Kuaidi100 has no code for %(carrier)s.") % {"carrier": carrier}
        )
    return COMPANIES[carrier]


def scans(waybill_no: str, rows: Sequence[dict[str, Any]]) -> tuple[list[Scan], list[str]]:
    """(scans of an answer's or callback's rows, codes that nobody knows); rows without a readable time are unknown."""
    found: list[Scan] = []
    unknown: list[str] = []
    for row in rows:
        if not isinstance(row, dict):
            unknown.append(f"row {str(row)[:40]!r}")
            continue
        code = str(row.get("statusCode") or "")
        text = str(row.get("context") or "")[:300]
        meaning = MEANINGS.get(code, "")
        try:
            at = from_beijing(str(row.get("ftime") or row.get("time") or ""))
        except ValueError:
            unknown.append(f"time {row.get('time')!r}")
            continue
        if not meaning:
            unknown.append(code)
            meaning = "unknown"
        found.append(Scan(waybill_no, at, code[:12], meaning, text))
    return found, unknown


def phone_tail(shipment: Shipment) -> str:
    """The last four digits where we may know them; some carriers ask for them."""
    plain = shipment.receiver.plain or {}
    return str(plain.get("phone", ""))[-4:]


def query_many(
    connection: Connection, asked: Sequence[tuple[str, str, str]]
) -> dict[str, list[dict[str, Any]] | PlatformError]:
    """Rows by waybill number for (carrier, number, phone tail); a number that fails carries its error.

    One request a number (the protocol has no other), by a small pool of threads that never touch the database.
    """

    def one(
        carrier: str, number: str, phone: str
    ) -> tuple[str, list[dict[str, Any]] | PlatformError, list[Any]]:
        with http.collecting() as calls:
            try:
                answer = client(connection).query(company(carrier), number, phone)
                return number, list(answer["data"]), calls
            except PlatformError as error:
                return number, error, calls

    found: dict[str, list[dict[str, Any]] | PlatformError] = {}
    rows: list[Any] = []
    with Pool(max_workers=THREADS) as pool:
        for number, got, calls in pool.map(lambda each: one(*each), asked):
            found[number] = got
            rows += calls
    http.write_calls(rows)
    return found


def send_subscription(messages: Sequence[Message]) -> dict[int, Answer]:
    """Subscribe to the traces of parcels; a subscription that exists already is as good. Repeating is harmless."""
    found = shipments(m.subject_id for m in messages)
    answers: dict[int, Answer] = {}
    for message in messages:
        shipment, connection = found.get(message.subject_id), message.connection
        if connection is None:
            answers[message.id] = Answer.withdrawn(
                _("No Kuaidi100 account is connected; traces are not subscribed.")
            )
            continue
        if shipment is None or not shipment.parcel.waybill_no:
            answers[message.id] = Answer.withdrawn(_("The parcel has no number."))
            continue
        url = f"{settings.PUBLIC_URL}/callbacks/kuaidi100/{connection.code}"
        try:
            new = client(connection).subscribe(
                company(shipment.parcel.carrier), shipment.parcel.waybill_no, url,
                str(connection.options.get("salt") or connection.secrets.get("salt") or ""), phone_tail(shipment),
            )  # fmt: skip
            answers[message.id] = Answer.done(new=new)
        except PlatformError as error:
            again = error.kind == "unknown"  # a second subscription changes nothing
            answers[message.id] = (
                Answer("retry", kind="retry", text=error.message) if again else Answer.of(error)
            )
    return answers
