"""WeChat Pay v3: answers queries signed over the exact bytes, and makes the sealed notices that the own shop sends."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from datetime import timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlencode

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from orderhub.sandbox import paying
from orderhub.sandbox.credentials import WECHATPAY
from orderhub.sandbox.frame import BEIJING, Answer, Platform, Request, dumps
from orderhub.sandbox.world import SourceOrder, World

SCHEME = "WECHATPAY2-SHA256-RSA2048"
SKEW = 300
FIELD = re.compile(r'(\w+)="([^"]*)"')
QUERY = "/v3/pay/transactions/out-trade-no/"
WORDS = {"SUCCESS": "支付成功", "NOTPAY": "订单未支付"}


@cache
def _own_key() -> RSAPrivateKey:
    key = load_pem_private_key(WECHATPAY["platform_private_key"].encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise TypeError("platform_private_key is no RSA key")
    return key


@cache
def _merchant_key() -> RSAPublicKey:
    key = load_pem_public_key(WECHATPAY["merchant_public_key"].encode())
    if not isinstance(key, RSAPublicKey):
        raise TypeError("merchant_public_key is no RSA key")
    return key


def signed_headers(body: bytes, *, moment: float | None = None, forged: bool = False) -> dict[str, str]:
    """The five headers under which WeChat Pay sends these bytes."""
    stamp, nonce = str(int(time.time() if moment is None else moment)), secrets.token_hex(16)
    text = f"{stamp}\n{nonce}\n".encode() + (b"forged" if forged else body) + b"\n"
    signature = _own_key().sign(text, padding.PKCS1v15(), hashes.SHA256())
    return {
        "Wechatpay-Serial": WECHATPAY["platform_key_id"],
        "Wechatpay-Signature": base64.b64encode(signature).decode(),
        "Wechatpay-Timestamp": stamp,
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature-Type": SCHEME,
    }


def transaction(order: SourceOrder, *, amount: Decimal | None = None, mchid: str = "") -> dict[str, Any]:
    """The payment as WeChat Pay shows it; amounts are whole fen, and an unpaid one has no payer."""
    paid = paying.is_paid(order)
    state = "SUCCESS" if paid else "NOTPAY"
    total = int((amount if amount is not None else paying.paid_amount(order)) * 100)
    made: dict[str, Any] = {
        "mchid": mchid or WECHATPAY["mchid"],
        "appid": WECHATPAY["appid"],
        "out_trade_no": order.number,
        "trade_state": state,
        "trade_state_desc": WORDS[state],
        "attach": "",
        "amount": {"total": total, "currency": "CNY"},
    }
    if paid and order.paid_at is not None:
        made |= {
            "transaction_id": "42" + order.trade_no[-26:].rjust(26, "0"),
            "trade_type": "JSAPI",
            "bank_type": "OTHERS",
            "success_time": order.paid_at.astimezone(BEIJING).isoformat(timespec="seconds"),
            "payer": {"openid": f"oSandbox{order.seq:020d}"},
        }
        made["amount"] |= {"payer_total": total, "payer_currency": "CNY"}
    return made


def notify(
    world: World,
    order: SourceOrder,
    *,
    forged: bool = False,
    amount: Decimal | None = None,
    mchid: str = "",
    moment: float | None = None,
    event: str = "TRANSACTION.SUCCESS",
) -> tuple[dict[str, str], bytes]:
    """Headers and bytes of one notice; sealed anew each time, the same order and amount have the same id."""
    plain = transaction(order, amount=amount, mchid=mchid)
    if order.paid_at is None or order.scenario == "payment_denied":
        # A claim that the gateway itself does not stand behind.
        plain |= {
            "trade_state": "SUCCESS",
            "trade_state_desc": WORDS["SUCCESS"],
            "transaction_id": f"42{order.seq:026d}",
        }
    seed = f"{world.seed}:{order.number}:{event}:{plain['amount']['total']}:{mchid}:{forged}"
    nonce = secrets.token_hex(6)
    sealed = AESGCM(WECHATPAY["api_v3_key"].encode()).encrypt(
        nonce.encode(), dumps(plain).encode(), b"transaction"
    )
    body = dumps(
        {
            "id": "EV-" + hashlib.sha256(seed.encode()).hexdigest()[:32],
            "create_time": ((order.paid_at or order.created_at) + timedelta(seconds=1))
            .astimezone(BEIJING)
            .isoformat(timespec="seconds"),
            "resource_type": "encrypt-resource",
            "event_type": event,
            "summary": "支付成功",
            "resource": {
                "original_type": "transaction",
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(sealed).decode(),
                "associated_data": "transaction",
                "nonce": nonce,
            },
        }
    ).encode()
    headers = signed_headers(body, moment=moment, forged=forged)
    return {"Content-Type": "application/json; charset=utf-8", **headers}, body


class WechatPay(Platform):
    """GET /v3/pay/transactions/out-trade-no/{no}?mchid=…, signed by the merchant."""

    prefix = "wechatpay"
    roots = ()

    def fault_key(self, request: Request) -> str:
        return "transactions/out-trade-no" if request.path.startswith(QUERY) else request.path.strip("/")

    def app_of(self, request: Request) -> str:
        return request.query.get("mchid", "")

    def quota_answer(self, request: Request) -> Answer:
        return self._failed(429, "FREQUENCY_LIMITED", "频率超限")

    def deny_answer(self, request: Request) -> Answer:
        return self._failed(403, "NO_AUTH", "商户无权限")

    def expire_token(self, request: Request) -> Answer | None:
        return None

    def handle(self, request: Request) -> Answer:
        if not self._authorised(request):
            return self._failed(401, "SIGN_ERROR", "签名错误，请检查后再试")
        if request.method != "GET" or not request.path.startswith(QUERY):
            return self._failed(404, "NOT_FOUND", "接口不存在")
        if request.query.get("mchid") != WECHATPAY["mchid"]:
            return self._failed(400, "PARAM_ERROR", "商户号与签名的商户号不一致")
        order = self.world.orders.get(unquote(request.path.removeprefix(QUERY)))
        if (
            order is None
            or order.channel != "own_shop"
            or paying.gateway(self.world, order) != self.prefix
            or not paying.is_opened(order)
        ):
            return self._failed(404, "ORDER_NOT_EXIST", "订单不存在")
        body = dumps(transaction(order)).encode()
        return Answer(200, body, headers=signed_headers(body))

    def _failed(self, status: int, code: str, message: str) -> Answer:
        body = dumps({"code": code, "message": message}).encode()
        return Answer(status, body, headers=signed_headers(body))

    def _authorised(self, request: Request) -> bool:
        """The merchant signed method, path with query, time, nonce and body; the path with or without the mount."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        given = dict(FIELD.findall(rest))
        if scheme != SCHEME or given.get("mchid") != WECHATPAY["mchid"]:
            return False
        stamp = given.get("timestamp", "")
        if given.get("serial_no") != WECHATPAY["merchant_serial"] or not stamp.isdigit():
            return False
        if abs(request.now.timestamp() - int(stamp)) > SKEW:
            return False
        path = quote(request.path) + (f"?{urlencode(request.query)}" if request.query else "")
        body = request.body.decode("utf-8", "replace")
        return any(
            _is_right(
                f"{request.method}\n{mount}{path}\n{stamp}\n{given.get('nonce_str', '')}\n{body}\n",
                given.get("signature", ""),
            )
            for mount in ("", f"/{self.prefix}")
        )


def _is_right(text: str, signature: str) -> bool:
    try:
        _merchant_key().verify(
            base64.b64decode(signature), text.encode(), padding.PKCS1v15(), hashes.SHA256()
        )
    except (InvalidSignature, ValueError):
        return False
    return True
