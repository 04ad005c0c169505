"""Receivables in Kingdee's words: AR_receivable saved, submitted and audited under our own bill number.

Kingdee has no idempotency key, so the bill is looked for by its number before it is saved and after anything
whose outcome is unknown; a step refused because of the bill's state (code 12) is read before it is judged.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from finance.models import Receivable
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer
from orders import queries
from orders.providers.base import BEIJING

FORM = "AR_receivable"
WRONG_STATE = "12"
#: Kingdee's document states in the order of the steps: Z draft, A created, D to be audited again, B in audit, C audited.
REACHED = {"save": {"Z", "A", "B", "C", "D"}, "submit": {"B", "C"}, "audit": {"C"}}


def save(messages: list[Message]) -> dict[int, Answer]:
    """Save each bill unless it is there already."""
    answers = _there(messages, "save")
    left = [message for message in messages if message.id not in answers]
    receivables = {r.id: r for r in Receivable.objects.filter(id__in=[m.subject_id for m in left])}
    orders = [r.order_id for r in receivables.values()]
    heads, lines = queries.heads(orders), queries.lines(orders)
    for message in left:
        receivable = receivables[message.subject_id]
        model = bill(receivable, heads[receivable.order_id], lines[receivable.order_id], _account(message))
        try:
            answers[message.id] = Answer.done(id=client(_account(message)).save(FORM, model)["id"])
        except PlatformError as error:
            answers[message.id] = Answer.of(error)
    return answers


def submit(messages: list[Message]) -> dict[int, Answer]:
    """Submit the saved bills."""
    return _step("submit", messages)


def audit(messages: list[Message]) -> dict[int, Answer]:
    """Audit the submitted bills."""
    return _step("audit", messages)


def ask(messages: list[Message]) -> dict[int, Answer]:
    """Whether Kingdee has done what an unknown message asked for."""
    found = _there(messages, messages[0].kind.removeprefix("voucher."))
    return {message.id: found.get(message.id, Answer.missing()) for message in messages}


def _account(message: Message) -> Connection:
    assert message.connection is not None
    return message.connection


def _there(messages: list[Message], step: str) -> dict[int, Answer]:
    """{message: done} of those whose bill has reached the step, by one query."""
    if not messages:
        return {}
    api = client(_account(messages[0]))
    numbers = ", ".join(api.quoted(message.key) for message in messages)
    rows = api.query(FORM, ["FID", "FBillNo", "FDocumentStatus"], f"FBillNo in ({numbers})")
    states = {str(number): (str(identity), str(state)) for identity, number, state in rows}
    return {
        message.id: Answer.done(id=states[message.key][0])
        for message in messages
        if message.key in states and states[message.key][1] in REACHED[step]
    }


def _step(step: str, messages: list[Message]) -> dict[int, Answer]:
    api = client(_account(messages[0]))
    answers: dict[int, Answer] = {}
    for message in messages:
        try:
            getattr(api, step)(FORM, [message.key])
            answers[message.id] = Answer.done()
        except PlatformError as error:
            if error.code == WRONG_STATE:
                done = _there([message], step)
                answers[message.id] = done.get(message.id) or Answer.person(
                    _("Kingdee refuses this step in the bill's state: %(text)s") % {"text": error.message}
                )
            else:
                answers[message.id] = Answer.of(error)
    return answers


def bill(receivable: Receivable, head: Any, lines: list[Any], account: Connection) -> dict[str, Any]:
    """The AR_receivable model: one row a line (freight shared in), a negative row for what was refunded.

    Σ FALLAMOUNTFOR_D = FPAYAMOUNTFOR = the receivable's amount.
    """
    day = receivable.quiet_since.astimezone(BEIJING).date()
    options = account.options
    customer = (options.get("customers") or {}).get(head.shop_code) or options.get("customer") or "ONLINE"
    org = {"FNumber": str(options.get("org_num") or "100")}
    rows = [_row(line.sku_code or line.seller_code, line.quantity, line.payable, line.title) for line in lines]
    refunded = sum((line.payable for line in lines), Decimal(0)) - receivable.amount
    if refunded:
        rows.append(_row("REFUND", 1, -refunded, "退款"))
    return {
        "FID": 0,
        "FBillTypeID": {"FNUMBER": "YSD01_SYS"},
        "FBillNo": receivable.number,
        "FDATE": f"{day:%Y-%m-%d}",
        "FENDDATE_H": f"{day + dt.timedelta(days=30):%Y-%m-%d}",
        "FCUSTOMERID": {"FNumber": customer},
        "FCURRENCYID": {"FNumber": "PRE001"},
        "FISTAX": True,
        "FBUSINESSTYPE": "BZ",
        "FSetAccountType": "1",
        "FSETTLEORGID": org,
        "FPAYORGID": org,
        "FSALEORGID": org,
        "FAR_Remark": head.number,
        "FsubHeadFinc": {
            "FMAINBOOKSTDCURRID": {"FNumber": "PRE001"},
            "FEXCHANGETYPE": {"FNUMBER": "HLTX01_SYS"},
            "FExchangeRate": 1,
        },
        "FEntityDetail": rows,
        "FEntityPlan": [
            {
                "FENDDATE": f"{day + dt.timedelta(days=30):%Y-%m-%d}",
                "FPAYRATE": 100.0,
                "FPAYAMOUNTFOR": str(receivable.amount),
            }
        ],
    }


def _row(code: str, quantity: int, amount: Decimal, comment: str) -> dict[str, Any]:
    return {
        "FMATERIALID": {"FNumber": code},
        "FPRICEUNITID": {"FNumber": "Pcs"},
        "FPriceQty": quantity,
        "FTaxPrice": str((amount / quantity).quantize(Decimal("0.000001"))),
        "FEntryTaxRate": 13.0,
        "FALLAMOUNTFOR_D": str(amount),
        "FComment": comment[:80],
    }
