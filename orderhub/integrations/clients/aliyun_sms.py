"""Aliyun SMS by the RPC interface: "OK" means accepted, not delivered; times here are UTC, not Beijing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, date
from typing import Any
from urllib.parse import urlencode

import httpx
from django.utils import timezone
from django.utils.translation import gettext as _

from orderhub.integrations import http, signing
from orderhub.integrations.clients.base import Client
from orderhub.integrations.errors import Kind, PlatformError
from orderhub.integrations.jsontext import dumps

#: Codes → kind; what is not listed is a refusal of this message. `isp.SYSTEM_ERROR` of a send is "unknown".
CODES: dict[str, Kind] = {
    "isv.BUSINESS_LIMIT_CONTROL": "business",
    "isv.DAY_LIMIT_CONTROL": "configuration",
    "isv.MONTH_LIMIT_CONTROL": "configuration",
    "isv.AMOUNT_NOT_ENOUGH": "configuration",
    "isv.OUT_OF_SERVICE": "configuration",
    "isv.ACCOUNT_ABNORMAL": "configuration",
    "isv.ACCOUNT_NOT_EXISTS": "configuration",
    "isv.SMS_SIGNATURE_ILLEGAL": "configuration",
    "isv.SMS_SIGNATURE_SCENE_ILLEGAL": "configuration",
    "isv.SMS_SIGN_ILLEGAL": "configuration",
    "isv.SMS_TEMPLATE_ILLEGAL": "configuration",
    "isv.DENY_IP_RANGE": "configuration",
    "isp.RAM_PERMISSION_DENY": "configuration",
    "isp.SYSTEM_ERROR": "retry",
    "ServiceUnavailable": "retry",
    "SignatureDoesNotMatch": "configuration",
    "InvalidAccessKeyId.NotFound": "configuration",
    "InvalidTimeStamp.Expired": "configuration",
    "InvalidTimeStamp.Format": "configuration",
    "SignatureNonceUsed": "retry",
    "Forbidden.RAM": "configuration",
    "InvalidVersion": "configuration",
    "UnsupportedHTTPMethod": "configuration",
    "InternalError": "retry",
}


#: How long a number's limit lasts, by the word in the refusal ("触发分钟级流控Permits:3"); the first that fits.
LIMITS = (("分钟", 60.0), ("小时", 3600.0), ("天", 86400.0))


class AliyunSms(Client):
    """One text to one number, and what became of it."""

    platform = "aliyun_sms"
    #: The number had its share of texts: nothing was sent, and the wait until the window ends is no failed try.
    too_fast = frozenset({"isv.BUSINESS_LIMIT_CONTROL"})

    def send(
        self, phone: str, sign_name: str, template_code: str, params: Mapping[str, Any], out_id: str
    ) -> str:
        """Sends one text; the BizId. There is no idempotency: "unknown" means `query` by out_id before sending again."""
        answer = self.call(
            "SendSms",
            {
                "PhoneNumbers": phone,
                "SignName": sign_name,
                "TemplateCode": template_code,
                "OutId": out_id,
                "TemplateParam": dumps({name: str(value) for name, value in params.items()}),
            },
            effect=True,
        )
        return str(answer.get("BizId") or "")

    def query(
        self, phone: str, biz_id: str = "", date: date | None = None, page: int = 1
    ) -> list[dict[str, Any]]:
        """What was sent to a number on a Beijing day (last 30 days): SendStatus 1 waiting, 2 failed, 3 delivered; OutId."""
        day = date or timezone.localdate()
        answer = self.call(
            "QuerySendDetails",
            {
                "PhoneNumber": phone,
                "SendDate": f"{day:%Y%m%d}",
                "PageSize": "50",
                "CurrentPage": str(page),
            }
            | ({"BizId": biz_id} if biz_id else {}),
            effect=False,
        )
        rows = (answer.get("SmsSendDetailDTOs") or {}).get("SmsSendDetailDTO") or []
        return [row for row in rows if isinstance(row, dict)]

    def call(self, action: str, params: Mapping[str, str], *, effect: bool) -> dict[str, Any]:
        """One signed action; the whole answer when its Code is OK."""
        whole = {
            "AccessKeyId": self.connection.app_key,
            "Action": action,
            "Format": "JSON",
            "RegionId": str(self.option("region", "cn-hangzhou")),
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": str(uuid.uuid4()),
            "SignatureVersion": "1.0",
            "Version": "2017-05-25",
            "Timestamp": timezone.now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        } | {name: value.encode("utf-8", "replace").decode() for name, value in params.items()}
        whole["Signature"] = signing.aliyun_rpc(self.secret("app_secret", "access_key_secret"), whole, "POST")
        request = http.Outgoing(
            "POST",
            f"{self.base_url}/",
            urlencode(whole).encode(),
            (("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"),),
            read_seconds=10.0,
        )
        return self._call(action, request, effect=effect, read=lambda response: _read(response, effect))


def _read(response: httpx.Response, effect: bool) -> dict[str, Any]:
    answer = http.json_object(response, effect)
    code = str(answer.get("Code") or "")
    if code == "OK":
        return answer
    if not code:
        raise http.unreadable(effect)
    kind: Kind = "retry" if code.startswith("Throttling") else CODES.get(code, "business")
    if code in ("isp.SYSTEM_ERROR", "InternalError") and effect:
        kind = "unknown"
    message = str(answer.get("Message") or _("Aliyun refused the message."))
    wait = 30.0 if kind == "retry" else None
    if code == "isv.BUSINESS_LIMIT_CONTROL":
        wait = next((seconds for word, seconds in LIMITS if word in message), 3600.0)
    raise PlatformError(kind, code, message, wait)
