"""Receivables in Kingdee's words: AR_receivable saved, submitted and audited under our own bill number.

Kingdee has no idempotency key, so the bill is looked for by its number before it is saved, after anything
whose outcome is unknown, and after a refusal: what stands in Kingdee's books decides, not what we remember.
A bill of our number with another amount is somebody else's and goes to a person, never on.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from finance import voucher
from finance.models import Receivable
from inventory.queries import outside_codes
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.outbox.sending import Answer
from orders import queries

FORM = "AR_receivable"
#: Whose spelling of a SKU is written into the books, where the account has none of its own.
FINANCE = "finance"
#: FDocumentStatus: Z draft, A created, B in audit, C audited, D to be audited again.
REACHED = {"save": "ZABCD", "submit": "BC", "audit": "C"}
#: From which status a step can still be made.
POSSIBLE = {"save": "", "submit": "ZAD", "audit": "B"}


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill as it stands in Kingdee; `amount` is None where the platform gave none."""

    id: str
    status: str
    amount: Decimal | None


def save(messages: list[Message]) -> dict[int, Answer]:
    """Save each bill that is not there yet."""
    account = _account(messages)
    answers = _judged(messages, "save", _bills(account, messages))
    left = [message for message in messages if message.id not in answers]
    models = _models(account, left, answers)
    refused: list[tuple[Message, PlatformError]] = []
    for message in left:
        if message.id in answers:
            continue
        try:
            answers[message.id] = Answer.done(id=client(account).save(FORM, models[message.id])["id"])
        except PlatformError as error:
            if error.kind == "business":
                refused.append((message, error))
            else:
                answers[message.id] = Answer.of(error)
    return answers | _after_refusal(account, refused, "save")


def submit(messages: list[Message]) -> dict[int, Answer]:
    """Submit saved bills, all in one call."""
    return _step(messages, "submit")


def audit(messages: list[Message]) -> dict[int, Answer]:
    """Audit submitted bills, all in one call."""
    return _step(messages, "audit")


def ask(messages: list[Message]) -> dict[int, Answer]:
    """Whether Kingdee has done what these messages asked for."""
    answers: dict[int, Answer] = {}
    for step in sorted({_verb(message) for message in messages}):
        mine = [message for message in messages if _verb(message) == step]
        judged = _judged(mine, step, _bills(_account(mine), mine))
        answers.update({message.id: judged.get(message.id, Answer.missing()) for message in mine})
    return answers


def _verb(message: Message) -> str:
    return message.kind.removeprefix("voucher.")


def _account(messages: list[Message]) -> Connection:
    account = messages[0].connection
    if account is None:
        raise PlatformError("configuration", "no_account", _("No Kingdee account is connected."))
    return account


def _bills(account: Connection, messages: list[Message]) -> dict[str, Bill]:
    """{bill number: Bill} of those that Kingdee has, one call."""
    if not messages:
        return {}
    api = client(account)
    numbers = ", ".join(api.quoted(message.key) for message in messages)
    found = {}
    for identity, number, status, amount in api.query(
        FORM, ["FID", "FBillNo", "FDocumentStatus", "FALLAMOUNTFOR"], f"FBillNo in ({numbers})"
    ):
        found[str(number)] = Bill(str(identity), str(status), _decimal(amount))
    return found


def _decimal(value: Any) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _judged(messages: list[Message], step: str, bills: dict[str, Bill]) -> dict[int, Answer]:
    """What the books say of each message; those not in the answer may (still) be made."""
    amounts = dict(
        Receivable.objects.filter(id__in=[m.subject_id for m in messages]).values_list("id", "amount")
    )
    answers: dict[int, Answer] = {}
    for message in messages:
        bill = bills.get(message.key)
        if bill is None:
            if step != "save":
                text = _("The voucher %(number)s is no longer in Kingdee.") % {"number": message.key}
                answers[message.id] = Answer.person(text)
        elif bill.amount is not None and bill.amount != amounts.get(message.subject_id):
            text = _("Kingdee has %(number)s with another amount: %(theirs)s, ours is %(ours)s.") % {
                "number": message.key, "theirs": bill.amount, "ours": amounts.get(message.subject_id),
            }  # fmt: skip
            answers[message.id] = Answer.person(text)
        elif bill.status in REACHED[step]:
            answers[message.id] = Answer.done(id=bill.id)
        elif bill.status not in POSSIBLE[step]:
            text = _("The voucher %(number)s was taken back in Kingdee (state %(state)s): submit it there, then retry.") % {
                "number": message.key, "state": bill.status,
            }  # fmt: skip
            answers[message.id] = Answer.person(text)
    return answers


def _models(
    account: Connection, messages: list[Message], answers: dict[int, Answer]
) -> dict[int, dict[str, Any]]:
    """{message: its bill}; what can't be written as a bill gets its answer at once. Constant SQL."""
    receivables = {one.id: one for one in Receivable.objects.filter(id__in=[m.subject_id for m in messages])}
    orders = [one.order_id for one in receivables.values()]
    heads, lines = queries.heads(orders), queries.lines(orders)
    options = account.options
    skus = {line.sku_id for rows in lines.values() for line in rows if line.sku_id is not None}
    spelt = outside_codes([account.code, account.platform, FINANCE], skus)
    made: dict[int, dict[str, Any]] = {}
    for message in messages:
        receivable = receivables[message.subject_id]
        head = heads[receivable.order_id]
        sold = [
            voucher.Sold(
                spelt.get(line.sku_id or 0) or line.seller_code,
                line.title,
                line.quantity,
                line.payable,
                line.freight_share,
            )
            for line in lines[receivable.order_id]
        ]
        try:
            entries = voucher.rows(
                sold, receivable.amount,
                freight_code=str(options.get("freight_code") or "FREIGHT"),
                refund_code=str(options.get("refund_code") or "REFUND"),
            )  # fmt: skip
            made[message.id] = voucher.model(
                receivable.number, receivable.quiet_since, receivable.amount, entries,
                customer=voucher.customer_of(options, head.shop_code), remark=head.number, options=options,
            )  # fmt: skip
        except ValueError as error:
            answers[message.id] = Answer.person(str(error))
        except PlatformError as error:
            answers[message.id] = Answer.of(error)
    return made


def _step(messages: list[Message], step: str) -> dict[int, Answer]:
    """One call for all; where it is refused the books say which bills are done, and the rest are tried alone."""
    account = _account(messages)
    try:
        done = set(getattr(client(account), step)(FORM, [message.key for message in messages]))
        return {
            m.id: Answer.done() if m.key in done else Answer("unknown", text=_("No word of this bill."))
            for m in messages
        }
    except PlatformError as error:
        if error.kind != "business":
            return {message.id: Answer.of(error) for message in messages}
        refused = error
    answers = _judged(messages, step, _bills(account, messages))
    left = [message for message in messages if message.id not in answers]
    if len(messages) == 1:
        return answers | {message.id: Answer.of(refused) for message in left}
    for message in left:
        answers.update(_step([message], step))
    return answers


def _after_refusal(
    account: Connection, refused: list[tuple[Message, PlatformError]], step: str
) -> dict[int, Answer]:
    """A refused save may be a bill that is there by now (a number used, a packet sent before)."""
    messages = [message for message, _error in refused]
    answers = _judged(messages, step, _bills(account, messages))
    return {message.id: answers.get(message.id, Answer.of(error)) for message, error in refused}
