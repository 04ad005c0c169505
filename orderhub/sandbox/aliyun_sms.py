"""The SMS gateway's side of Dysmsapi 2017-05-25: RPC v1 signatures, per-number limits, delivery details."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from orderhub.sandbox import aliyun_acs3
from orderhub.sandbox.credentials import ALIYUN_SMS
from orderhub.sandbox.frame import BEIJING, Answer, Platform, Request, beijing

NUMBER = re.compile(r"^(?:\+86|0086|86)?(1\d{10})$")
TIMESTAMP_TOLERANCE = timedelta(minutes=15)
DELIVERED_AFTER = timedelta(seconds=3)
PER_MINUTE, PER_DAY = 3, 50  # one number with one signature and template


def signature(method: str, params: dict[str, str], secret: str) -> str:
    """RPC v1: Base64(HMAC-SHA1(secret + "&", METHOD&%2F&enc(sorted query)))."""
    pairs = "&".join(
        f"{quote(name, safe='~')}={quote(params[name], safe='~')}"
        for name in sorted(params)
        if name != "Signature"
    )
    text = f"{method}&%2F&{quote(pairs, safe='~')}"
    digest = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def masked(phone: str) -> str:
    return f"{phone[:3]}****{phone[-4:]}"


class AliyunSms(Platform):
    """SendSms and QuerySendDetails; what was sent stays in the ledger with masked numbers only."""

    prefix = "aliyun_sms"
    roots = ("/",)  # Aliyun's own SDK takes only a host

    def __init__(self, world: Any) -> None:
        super().__init__(world)
        self.lock = threading.Lock()
        self.recent: dict[tuple[str, str, str], deque[float]] = defaultdict(deque)
        self.details: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.nonces: deque[str] = deque(maxlen=5000)
        self.limits = {"per_minute": PER_MINUTE, "per_day": PER_DAY}

    def fault_key(self, request: Request) -> str:
        return self.params(request).get("Action", "")

    def app_of(self, request: Request) -> str:
        return self.params(request).get("AccessKeyId", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.error(400, "Throttling.User", "Request was denied due to user flow control.")

    def deny_answer(self, request: Request) -> Answer:
        return self.business("isv.AMOUNT_NOT_ENOUGH", "账户余额不足")

    def expire_token(self, request: Request) -> Answer | None:
        return self.error(400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")

    def reset(self) -> None:
        with self.lock:
            self.recent.clear()
            self.details.clear()
            self.nonces.clear()

    @staticmethod
    def params(request: Request) -> dict[str, str]:
        more = aliyun_acs3.params(request) if aliyun_acs3.is_used(request) else {}
        return {**request.query, **request.form, **more}

    def handle(self, request: Request) -> Answer:
        params = self.params(request)
        refusal = self.refusal(request, params)
        if refusal:
            return refusal
        action = params.get("Action", "")
        if action == "SendSms":
            return self.send(params)
        if action == "QuerySendDetails":
            return self.query(params)
        return self.error(
            404, "InvalidAction.NotFound", "Specified api is not found, please check your url and method."
        )

    def refusal(self, request: Request, params: dict[str, str]) -> Answer | None:
        """What the gateway says before the business sees the call; None when the call is in order."""
        missing = [
            name
            for name in ("AccessKeyId", "Action", "Signature", "SignatureNonce", "Timestamp", "Version")
            if not params.get(name)
        ]
        if missing:
            return self.error(400, f"Missing{missing[0]}", f"{missing[0]} is mandatory for this action.")
        if params["AccessKeyId"] != ALIYUN_SMS["access_key_id"]:
            return self.error(404, "InvalidAccessKeyId.NotFound", "Specified access key is not found.")
        if params["Version"] != "2017-05-25":
            return self.error(400, "InvalidVersion", "Specified parameter Version is not valid.")
        try:
            sent = datetime.strptime(params["Timestamp"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        except ValueError:
            return self.error(
                400, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."
            )
        if abs(request.now - sent) > TIMESTAMP_TOLERANCE:
            return self.error(
                400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."
            )
        secret = ALIYUN_SMS["access_key_secret"]
        if aliyun_acs3.is_used(request):
            right = aliyun_acs3.is_right(request, secret)
        else:
            right = hmac.compare_digest(signature(request.method, params, secret), params["Signature"])
        if not right:
            return self.error(
                400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."
            )
        with self.lock:
            if params["SignatureNonce"] in self.nonces:
                return self.error(400, "SignatureNonceUsed", "Specified signature nonce was used already.")
            self.nonces.append(params["SignatureNonce"])
        return None

    def send(self, params: dict[str, str]) -> Answer:
        found = [NUMBER.match(number.strip()) for number in params.get("PhoneNumbers", "").split(",")]
        if len(found) > 1000:
            return self.business("isv.MOBILE_COUNT_OVER_LIMIT", "手机号码数量超过限制")
        if not all(found):
            return self.business(
                "isv.MOBILE_NUMBER_ILLEGAL", f"{params.get('PhoneNumbers', '')}invalid mobile number"
            )
        phones = [match.group(1) for match in found if match]
        sign, template = params.get("SignName", ""), params.get("TemplateCode", "")
        if sign != ALIYUN_SMS["sign_name"]:
            return self.business("isv.SMS_SIGNATURE_ILLEGAL", "短信签名不合法")
        body = ALIYUN_SMS["templates"].get(template)
        if body is None:
            return self.business("isv.SMS_TEMPLATE_ILLEGAL", "短信模版不合法")
        try:
            values = json.loads(params.get("TemplateParam") or "{}")
        except ValueError:
            return self.business("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值")
        if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
            return self.business("isv.INVALID_JSON_PARAM", "JSON参数不合法，只接受字符串值")
        absent = [name for name in re.findall(r"\$\{(\w+)\}", body) if name not in values]
        if absent:
            return self.business("isv.TEMPLATE_MISSING_PARAMETERS", f"模版缺少变量：{absent[0]}")
        if len(params.get("OutId", "")) > 256:
            return self.business("isv.PARAM_LENGTH_LIMIT", "参数超出长度限制")
        content = f"【{sign}】" + re.sub(r"\$\{(\w+)\}", lambda found: values[found.group(1)], body)
        with self.lock:
            over = next(
                (limit for phone in phones if (limit := self.over_limit(phone, sign, template))), None
            )
            if over:
                return self.business("isv.BUSINESS_LIMIT_CONTROL", over)
            biz_id = f"{secrets.randbelow(10**12):012d}{int(time.time() * 1000)}^0"
            for phone in phones:
                self.recent[phone, sign, template].append(time.time())
                self.keep(phone, biz_id, template, content, params.get("OutId", ""))
        return Answer(body={"Code": "OK", "Message": "OK", "BizId": biz_id, "RequestId": self.request_id()})

    def over_limit(self, phone: str, sign: str, template: str) -> str | None:
        """The refusal's words when this number had its share of this text; None when one more may go."""
        sent, moment = self.recent[phone, sign, template], time.time()
        while sent and sent[0] < moment - 86400:
            sent.popleft()
        if len(sent) >= self.limits["per_day"]:
            return f"触发天级流控Permits:{self.limits['per_day']}"
        if sum(at > moment - 60 for at in sent) >= self.limits["per_minute"]:
            return f"触发分钟级流控Permits:{self.limits['per_minute']}"
        return None

    def keep(self, phone: str, biz_id: str, template: str, content: str, out_id: str) -> None:
        self.details[phone].append(
            {
                "at": datetime.now(UTC),
                "biz_id": biz_id,
                "template": template,
                "content": content,
                "out_id": out_id,
            }
        )
        self.world.ledger.record(
            self.prefix,
            "sms.sent",
            out_id or biz_id,
            {
                "phone": masked(phone),
                "template": template,
                "content": content,
                "biz_id": biz_id,
                "out_id": out_id,
            },
        )

    def query(self, params: dict[str, str]) -> Answer:
        found = NUMBER.match(params.get("PhoneNumber", ""))
        if not found:
            return self.business("isv.MOBILE_NUMBER_ILLEGAL", "手机号码格式不正确")
        try:
            day = datetime.strptime(params.get("SendDate", ""), "%Y%m%d").date()
            size, page = int(params.get("PageSize", "")), int(params.get("CurrentPage", ""))
        except ValueError:
            return self.business("isv.INVALID_PARAMETERS", "参数异常")
        if not (1 <= size <= 50 and page >= 1):
            return self.business("isv.INVALID_PARAMETERS", "参数异常")
        rows = [
            row
            for row in self.details[found.group(1)]
            if row["at"].astimezone(BEIJING).date() == day
            and params.get("BizId") in (None, "", row["biz_id"])
        ]
        listed = [self.detail(found.group(1), row) for row in rows[(page - 1) * size : page * size]]
        answer = {"Code": "OK", "Message": "OK", "TotalCount": str(len(rows)), "RequestId": self.request_id()}
        return Answer(body={**answer, "SmsSendDetailDTOs": {"SmsSendDetailDTO": listed}})

    @staticmethod
    def detail(phone: str, row: dict[str, Any]) -> dict[str, Any]:
        arrived = row["at"] + DELIVERED_AFTER <= datetime.now(UTC)
        return {
            "PhoneNum": phone,
            "SendStatus": 3 if arrived else 1,
            "ErrCode": "DELIVERED" if arrived else "",
            "SendDate": beijing(row["at"]),
            "ReceiveDate": beijing(row["at"] + DELIVERED_AFTER) if arrived else "",
            "TemplateCode": row["template"],
            "Content": row["content"],
            "OutId": row["out_id"],
        }

    @staticmethod
    def request_id() -> str:
        value = secrets.token_hex(16).upper()
        return "-".join((value[:8], value[8:12], value[12:16], value[16:20], value[20:]))

    def business(self, code: str, message: str) -> Answer:
        """A refusal by the business: HTTP 200 with a code that is not OK."""
        return Answer(body={"Code": code, "Message": message, "RequestId": self.request_id()})

    def error(self, status: int, code: str, message: str) -> Answer:
        """A refusal by the gateway: an HTTP error."""
        return Answer(status=status, body={"Code": code, "Message": message, "RequestId": self.request_id()})
