"""Payment gateways in our words: how a notice is read and how the gateway itself is asked; one row a gateway."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orderhub.inbound.keeping import storable
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection, Message
from orderhub.money import BadMoney, from_fen, yuan
from orderhub.outbox.sending import Answer
from orders.providers.base import Unreadable, beijing_time, iso_time, words


@dataclass(frozen=True, slots=True)
class Notice:
    """What a gateway's notice claims; only the answer to a question proves it."""

    number: str
    trade_no: str
    state: str
    paid: bool
    amount: Decimal | None = None
    paid_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """One payment platform. `ask` returns what we keep of the answer: nothing about the buyer."""

    read: Callable[[Connection, bytes], Notice]
    ask: Callable[[Any, str], dict[str, Any]]
    #: The gateway's word for "the buyer never opened the payment": an answer (not paid), not a failure.
    not_there: str
    #: The option of the connection that names who is paid.
    payee: str


ALIPAY_PAID = {"TRADE_SUCCESS", "TRADE_FINISHED"}
ALIPAY_WORDS = ALIPAY_PAID | {"WAIT_BUYER_PAY", "TRADE_CLOSED"}
WECHAT_WORDS = {"SUCCESS", "REFUND", "NOTPAY", "CLOSED", "REVOKED", "USERPAYING", "PAYERROR"}
WECHAT_EVENTS = {"TRANSACTION.SUCCESS", "REFUND.SUCCESS", "REFUND.ABNORMAL", "REFUND.CLOSED"}


def _known(word: object, known: set[str], what: str) -> str:
    if word not in known:
        raise Unreadable("unknown_word", _("Unknown %(what)s: %(word)s") % {"what": what, "word": word})
    return str(word)


def _alipay_notice(connection: Connection, raw: bytes) -> Notice:
    found = storable(json.loads(raw))
    state = _known(found.get("trade_status"), ALIPAY_WORDS, "trade_status")
    at = found.get("gmt_payment")
    return Notice(
        words(found.get("out_trade_no"), "out_trade_no", 64),
        words(found.get("trade_no"), "trade_no", 64),
        state,
        state in ALIPAY_PAID,
        yuan(found["total_amount"]) if found.get("total_amount") else None,
        beijing_time(at, "gmt_payment") if at else None,
    )


def _alipay_ask(gateway: Any, number: str) -> dict[str, Any]:
    found = gateway.trade_query(number)
    state = str(found.get("trade_status", ""))
    at = found.get("send_pay_date")
    return {
        "trade_no": str(found.get("trade_no", "")),
        "state": state,
        "paid": state in ALIPAY_PAID,
        "amount": str(found["total_amount"]) if found.get("total_amount") else "",
        "payee": str(found.get("seller_id") or ""),
        "paid_at": beijing_time(str(at), "send_pay_date").isoformat() if at else "",
    }


def _wechat_notice(connection: Connection, raw: bytes) -> Notice:
    found = storable(client(connection).opened(raw))
    event = _known(found["event_type"], WECHAT_EVENTS, "event_type")
    state = event
    if event == "TRANSACTION.SUCCESS":
        state = _known(found.get("trade_state"), WECHAT_WORDS, "trade_state")
    return Notice(
        words(found.get("out_trade_no"), "out_trade_no", 64),
        words(found.get("transaction_id"), "transaction_id", 64),
        state,
        state == "SUCCESS",
        _fen(found),
        _moment(found.get("success_time")),
    )


def _wechat_ask(gateway: Any, number: str) -> dict[str, Any]:
    found = gateway.transaction(number)
    state, amount, at = str(found.get("trade_state", "")), _fen(found), _moment(found.get("success_time"))
    return {
        "trade_no": str(found.get("transaction_id") or ""),
        "state": state,
        "paid": state == "SUCCESS",
        "amount": str(amount) if amount is not None else "",
        "payee": str(found.get("mchid") or ""),
        "paid_at": at.isoformat() if at else "",
    }


def _fen(found: Mapping[str, Any]) -> Decimal | None:
    """amount.total, a whole number of fen, in yuan; a currency other than CNY is no amount of ours."""
    amount = found.get("amount")
    if not isinstance(amount, dict) or amount.get("total") is None:
        return None
    if amount.get("currency", "CNY") != "CNY":
        raise BadMoney(_("Not in yuan: %(currency)s") % {"currency": str(amount["currency"])[:10]})
    return from_fen(amount["total"])


def _moment(text: object) -> dt.datetime | None:
    return iso_time(text, "success_time") if text else None


GATEWAYS: dict[str, Gateway] = {
    "alipay": Gateway(_alipay_notice, _alipay_ask, "ACQ.TRADE_NOT_EXIST", "seller_id"),
    "wechatpay": Gateway(_wechat_notice, _wechat_ask, "ORDER_NOT_EXIST", "mchid"),
}


def read(connection: Connection, raw: bytes) -> Notice:
    """A kept notice in our words; `Unreadable` where it can't be opened or uses a word that nobody has seen."""
    try:
        return GATEWAYS[connection.platform].read(connection, raw)
    except PlatformError as error:
        raise Unreadable(error.code, error.message) from error
    except BadMoney as error:
        raise Unreadable("bad_money", str(error)) from error
    except Unreadable:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable("not_json", _("The callback cannot be read.")) from error


def send(messages: list[Message]) -> dict[int, Answer]:
    """Ask the gateway about each message's `out_trade_no`; asking twice does no harm."""
    answers: dict[int, Answer] = {}
    for message in messages:
        assert message.connection is not None
        platform = message.connection.platform
        gateway = GATEWAYS[platform]
        try:
            kept = gateway.ask(client(message.connection), message.data["out_trade_no"])
        except (Unreadable, BadMoney) as error:
            answers[message.id] = Answer.person(str(error))
        except PlatformError as error:
            if error.code != gateway.not_there:
                answers[message.id] = Answer.of(error)
                continue
            answers[message.id] = Answer.done(source=platform, state="NOT_EXIST", paid=False)
        else:
            answers[message.id] = Answer.done(source=platform, **kept)
    return answers
