"""Alipay: answers trade.query signed over its exact text, and makes the signed callbacks that the own shop sends."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from orderhub.sandbox import paying
from orderhub.sandbox.credentials import ALIPAY
from orderhub.sandbox.frame import Answer, Platform, Request, beijing, dumps, from_beijing
from orderhub.sandbox.world import SourceOrder, World

SIGNED_BY_NOBODY = base64.b64encode(hashlib.sha512(b"forged").digest() * 4).decode()


@cache
def _own_key() -> RSAPrivateKey:
    key = load_pem_private_key(ALIPAY["alipay_private_key"].encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("alipay_private_key is no RSA key")
    return key


@cache
def _app_key() -> RSAPublicKey:
    key = load_pem_public_key(ALIPAY["app_public_key"].encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("app_public_key is no RSA key")
    return key


def sign(text: str) -> str:
    """RSA2 with Alipay's (the sandbox's) private key."""
    return base64.b64encode(
        _own_key().sign(text.encode("utf-8"), padding.PKCS1v15(), hashes.SHA256())
    ).decode()


def is_right(text: str, signature: str) -> bool:
    """Whether the app signed this text."""
    try:
        _app_key().verify(
            base64.b64decode(signature), text.encode("utf-8"), padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def joined(params: Mapping[str, str], without: tuple[str, ...], blanks: bool = True) -> str:
    """``k=v`` in order of the names, joined by ``&``."""
    return "&".join(
        f"{name}={params[name]}"
        for name in sorted(params)
        if name not in without and (blanks or params[name] != "")
    )


def status(world: World, order: SourceOrder) -> str:
    """TRADE_SUCCESS, WAIT_BUYER_PAY, or empty when Alipay knows no such trade."""
    if paying.gateway(world, order) != "alipay" or not paying.is_opened(order):
        return ""
    return "TRADE_SUCCESS" if paying.is_paid(order) else "WAIT_BUYER_PAY"


def notify(
    world: World,
    order: SourceOrder,
    *,
    forged: bool = False,
    amount: Decimal | None = None,
    trade_status: str = "TRADE_SUCCESS",
) -> dict[str, str]:
    """The form of one callback; the same order and status have the same notify_id each time."""
    total = f"{amount if amount is not None else paying.paid_amount(order):.2f}"
    paid = order.paid_at or order.created_at + timedelta(minutes=1)
    seed = f"{world.seed}:{order.number}:{trade_status}:{total}:{forged}"
    form = {
        "notify_time": beijing(world.now()),
        "notify_type": "trade_status_sync",
        "notify_id": hashlib.sha256(seed.encode()).hexdigest()[:34],
        "app_id": ALIPAY["app_id"],
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": order.trade_no,
        "out_trade_no": order.number,
        "buyer_id": "2088" + f"{order.seq:012d}",
        "buyer_logon_id": "199******" + order.receiver.phone[-2:],
        "seller_id": ALIPAY["seller_id"],
        "seller_email": ALIPAY["seller_email"],
        "trade_status": trade_status,
        "total_amount": total,
        "receipt_amount": total,
        "invoice_amount": total,
        "buyer_pay_amount": total,
        "point_amount": "0.00",
        "subject": f"晴川家居 {order.lines[0].title}",
        "body": "",
        "gmt_create": beijing(paid),
        "gmt_payment": beijing(paid),
        "passback_params": "",
        "fund_bill_list": dumps([{"amount": total, "fundChannel": "ALIPAYACCOUNT"}]),
    }
    right = sign(joined(form, ("sign", "sign_type")))
    form["sign"] = SIGNED_BY_NOBODY if forged else right
    return form


class Alipay(Platform):
    prefix = "alipay"

    def fault_key(self, request: Request) -> str:
        return request.params.get("method") or request.path.strip("/")

    def app_of(self, request: Request) -> str:
        return request.params.get("app_id", "")

    def quota_answer(self, request: Request) -> Answer:
        return self._signed(
            request, _failed("20000", "Service Currently Unavailable", "isp.call-limited", "调用过于频繁")
        )

    def deny_answer(self, request: Request) -> Answer:
        return self._signed(
            request, _failed("40004", "Business Failed", "ACQ.ACCESS_FORBIDDEN", "无权限使用接口")
        )

    def expire_token(self, request: Request) -> Answer | None:
        return None

    def handle(self, request: Request) -> Answer:
        if request.path.rstrip("/") != "/gateway.do":
            return Answer(404, "<html><body>404 Not Found</body></html>", "text/html; charset=utf-8")
        return self._signed(request, self._answer(request.params))

    def _answer(self, params: dict[str, str]) -> dict[str, Any]:
        if params.get("app_id") != ALIPAY["app_id"]:
            return _failed("40002", "Invalid Arguments", "isv.invalid-app-id", "无效的AppID参数")
        if params.get("sign_type") != "RSA2":
            return _failed("40002", "Invalid Arguments", "isv.invalid-signature-type", "无效签名类型")
        try:
            from_beijing(params.get("timestamp", ""))
        except ValueError:
            return _failed("40002", "Invalid Arguments", "isv.invalid-timestamp", "非法的时间戳参数")
        if not is_right(joined(params, ("sign",), blanks=False), params.get("sign", "")):
            return _failed("40002", "Invalid Arguments", "isv.invalid-signature", "无效签名")
        if params.get("method") != "alipay.trade.query":
            return _failed("40002", "Invalid Arguments", "isv.invalid-method", "不存在的方法名")
        return self._query(params.get("biz_content", ""))

    def _query(self, content: str) -> dict[str, Any]:
        try:
            asked = json.loads(content)
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or not (asked.get("out_trade_no") or asked.get("trade_no")):
            return _failed("40004", "Business Failed", "ACQ.INVALID_PARAMETER", "参数无效")
        order = self.world.orders.get(str(asked.get("out_trade_no") or "")) or next(
            (order for order in self.world.of("own_shop") if order.trade_no == asked.get("trade_no")), None
        )
        state = status(self.world, order) if order is not None and order.channel == "own_shop" else ""
        if order is None or not state:
            return _failed("40004", "Business Failed", "ACQ.TRADE_NOT_EXIST", "交易不存在")
        total = f"{order.payable if state == 'WAIT_BUYER_PAY' else paying.paid_amount(order):.2f}"
        got = total if state == "TRADE_SUCCESS" else "0.00"
        answer = {
            "code": "10000",
            "msg": "Success",
            "trade_no": order.trade_no,
            "out_trade_no": order.number,
            "buyer_logon_id": "199******" + order.receiver.phone[-2:],
            "buyer_user_id": "2088" + f"{order.seq:012d}",
            "trade_status": state,
            "total_amount": total,
            "receipt_amount": got,
            "buyer_pay_amount": got,
            "invoice_amount": got,
            "point_amount": "0.00",
        }
        if state == "TRADE_SUCCESS" and order.paid_at is not None:
            answer["send_pay_date"] = beijing(order.paid_at)
        return answer

    def _signed(self, request: Request, answer: dict[str, Any]) -> Answer:
        name = request.params.get("method", "").replace(".", "_") or "error"
        text = dumps(answer)
        return Answer(200, f'{{"{name}_response":{text},"sign":"{sign(text)}"}}')


def _failed(code: str, msg: str, sub_code: str, sub_msg: str) -> dict[str, Any]:
    return {"code": code, "msg": msg, "sub_code": sub_code, "sub_msg": sub_msg}
