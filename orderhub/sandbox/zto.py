"""ZTO's open platform: waybill numbers for plain receivers, one number per partnerOrderCode however often it is asked."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from orderhub.sandbox import traces
from orderhub.sandbox.credentials import ZTO
from orderhub.sandbox.frame import Answer, Platform, Request, beijing
from orderhub.sandbox.places import hub
from orderhub.sandbox.schedule import lot

BALANCE = 200_000
RECEIVER = ("receiverName", "receiverProvince", "receiverCity", "receiverDistrict", "receiverAddress")
SENDER = ("senderName", "senderProvince", "senderCity", "senderDistrict", "senderAddress")


def digest(*parts: bytes) -> str:
    return base64.b64encode(hashlib.md5(b"".join(parts)).digest()).decode()


class Refused(Exception):
    """A business refusal, in the platform's words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class Zto(Platform):
    prefix = "zto"

    def app_of(self, request: Request) -> str:
        return request.headers.get("x-appkey") or request.headers.get("x-companyid", "")

    def quota_answer(self, request: Request) -> Answer:
        return self.no("S221", "QPS流量限制")

    def deny_answer(self, request: Request) -> Answer:
        return self.no("B0001", "电子面单余额不足")

    def expire_token(self, request: Request) -> Answer | None:
        return self.no("S211", "签名验证失败")

    @staticmethod
    def no(code: str, message: str) -> Answer:
        return Answer(body={"result": None, "message": message, "status": False, "statusCode": code})

    def handle(self, request: Request) -> Answer:
        refusal = self.refusal(request)
        if refusal:
            return refusal
        call = {
            "zto.open.createOrder": self.create,
            "zto.innovate.bagAddrMark": self.mark,
            "zto.open.getOrderInfo": self.info,
            "zto.open.cancelPreOrder": self.cancel,
            "zto.merchant.waybill.track.query": self.track,
            "zto.open.queryAvailableBalanceNew": self.balance,
        }.get(self.fault_key(request))
        if call is None:
            return self.no("S207", "API不存在")
        try:
            body = json.loads(request.body)
        except ValueError:
            return self.no("E416", "请求报文不是有效的JSON")
        if not isinstance(body, dict):
            return self.no("E416", "请求报文不是有效的JSON对象")
        try:
            result = call(body)
        except Refused as refused:
            return self.no(refused.code, refused.message)
        return Answer(body={"result": result, "message": "请求成功", "status": True, "statusCode": "SYS000"})

    def refusal(self, request: Request) -> Answer | None:
        """What the gateway finds wrong before any business."""
        if request.method != "POST":
            return self.no("E404", "只支持POST请求")
        given = request.headers.get("x-datadigest", "")
        if self.app_of(request) != ZTO["app_key"]:
            return self.no("S210", "没有权限：x-appKey不存在")
        secret, stamp = ZTO["app_secret"].encode(), request.headers.get("x-timestamp", "")
        accepted = [digest(request.body, secret)]
        if stamp:
            if not stamp.isdigit() or abs(request.now.timestamp() - int(stamp) / 1000) > 600:
                return self.no("S214", "时间戳校验失败")
            accepted = [digest(stamp.encode(), request.body, secret)]
        if not any(hmac.compare_digest(one, given) for one in accepted):
            return self.no("S211", "签名校验失败")
        return None

    def create(self, body: dict[str, Any]) -> dict[str, Any]:
        code = str(body.get("partnerOrderCode") or "")
        if not code:
            raise Refused("S208", "缺少参数：partnerOrderCode")
        if body.get("partnerType") not in ("1", "2") or str(body.get("orderType") or "") not in (
            "1",
            "2",
            "3",
            "4",
        ):
            raise Refused("S208", "partnerType或orderType有误")
        self.check_people(body)
        account = body.get("accountInfo") or {}
        if body["partnerType"] == "1" and (account.get("accountId"), account.get("accountPassword")) != (
            ZTO["account_id"], ZTO["account_password"],
        ):  # fmt: skip
            raise Refused("B0002", "电子面单账号或密码错误")
        kept, new = self.world.ledger.once(
            self.prefix, "waybill.number", code, lambda: self.number_for(code, body)
        )
        if self.world.ledger.recall(self.prefix, f"cancelled:{kept['billCode']}"):
            raise Refused("B0003", f"订单{code}已取消，请使用新的partnerOrderCode")
        if new:
            order = self.world.find(code)
            self.world.take_waybill(
                kept["billCode"], "ZTO", order.number if order else code, self.prefix, partner_code=code
            )
            self.world.ledger.remember(self.prefix, f"bill:{kept['billCode']}", code)
        return self.shown(kept)

    @staticmethod
    def check_people(body: dict[str, Any]) -> None:
        for name, fields, phones in (
            ("receiveInfo", RECEIVER, ("receiverMobile", "receiverPhone")),
            ("senderInfo", SENDER, ("senderMobile", "senderPhone")),
        ):
            person = body.get(name) or {}
            missing = [field for field in fields if not str(person.get(field) or "").strip()]
            if not any(str(person.get(field) or "").strip() for field in phones):
                missing.append(phones[0])
            if missing:
                raise Refused("S208", f"缺少参数：{name}.{missing[0]}")
            if name == "receiveInfo" and any(
                "*" in str(person.get(field) or "") for field in (*fields, *phones)
            ):
                raise Refused("B0004", "收件人信息含有掩码字符“*”，无法下单，请使用平台电子面单")
            mobile = str(person.get(phones[0]) or "")
            if mobile and not (mobile.isdigit() and len(mobile) == 11):
                raise Refused("B0005", f"{phones[0]}不是11位手机号")

    def number_for(self, code: str, body: dict[str, Any]) -> dict[str, Any]:
        receiver, sender = body["receiveInfo"], body["senderInfo"]
        draw = lot(self.world.seed, "zto", code)
        mark = self.mark_of(
            receiver["receiverProvince"], receiver["receiverCity"], receiver["receiverDistrict"]
        )
        mobile = str(receiver.get("receiverMobile") or receiver.get("receiverPhone"))
        return {
            "billCode": f"73{draw.randrange(10**12):012d}",
            "orderCode": f"{draw.randrange(10**15):015d}",
            "partnerOrderCode": code,
            "siteCode": str(body.get("siteCode") or "57102"),
            "siteName": str(body.get("siteName") or f"{str(sender['senderCity']).removesuffix('市')}网点"),
            "phone_tail": mobile[-4:],
            "district": receiver["receiverDistrict"],
            "bigMarkInfo": mark,
        }

    @staticmethod
    def shown(kept: dict[str, Any]) -> dict[str, Any]:
        names = ("billCode", "orderCode", "partnerOrderCode", "siteCode", "siteName", "bigMarkInfo")
        return {**{name: kept[name] for name in names}, "verifyCode": None}

    @staticmethod
    def mark_of(province: str, city: str, district: str) -> dict[str, str]:
        """大头笔 and 集包地 of a district; the same district has the same ones."""
        draw = lot(0, "mark", province, city, district)
        short = city.removesuffix("市") or hub(province)
        return {
            "mark": f"{short}{district}-{draw.randrange(1, 60):02d}-{draw.randrange(1, 99):02d}",
            "bagAddr": f"{hub(province)}转运中心",
        }

    def mark(self, body: dict[str, Any]) -> dict[str, str]:
        for name in ("unionCode", "receive_province", "receive_city", "receive_district", "receive_address"):
            if not body.get(name):
                raise Refused("S208", f"缺少参数：{name}")
        return self.mark_of(body["receive_province"], body["receive_city"], body["receive_district"])

    def kept(self, body: dict[str, Any]) -> dict[str, Any]:
        """The order that is meant by billCode, orderCode or partnerOrderCode."""
        code = str(body.get("partnerOrderCode") or "")
        if body.get("billCode"):
            code = self.world.ledger.recall(self.prefix, f"bill:{body['billCode']}") or ""
        if code:
            found = self.world.ledger.find("waybill.number", code, self.prefix)
            if found:
                return dict(found[0]["body"])
        elif body.get("orderCode"):
            for row in self.world.ledger.all("waybill.number", self.prefix):
                if row["body"].get("orderCode") == str(body["orderCode"]):
                    return dict(row["body"])
        raise Refused("B0006", "订单不存在")

    def info(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        kept = self.kept(body)
        cancelled = self.world.ledger.recall(self.prefix, f"cancelled:{kept['billCode']}")
        picked = bool(traces.events(self.world, kept["billCode"]))
        status = "99" if cancelled else ("3" if picked else "0")  # 0 taken, 3 picked up, 99 cancelled
        return [{**self.shown(kept), "orderStatus": status}]

    def cancel(self, body: dict[str, Any]) -> dict[str, Any]:
        if str(body.get("cancelType") or "") not in {str(n) for n in range(1, 8)}:
            raise Refused("S208", "缺少参数：cancelType")
        kept = self.kept(body)
        bill = kept["billCode"]
        with self.world.ledger.together():
            already = self.world.ledger.recall(self.prefix, f"cancelled:{bill}")
            if not already and traces.events(self.world, bill):
                raise Refused("B0007", f"运单{bill}已揽收，无法取消")
            self.world.ledger.record(self.prefix, "waybill.cancel", bill, {"partnerOrderCode": kept["partnerOrderCode"]},
                                     effect=not already)  # fmt: skip
            self.world.ledger.remember(self.prefix, f"cancelled:{bill}", beijing(self.world.now()))
            self.world.cancel_waybill(bill)
        return {"billCode": bill, "orderCode": kept["orderCode"]}

    def track(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        bill = str(body.get("billCode") or "")
        if not bill:
            raise Refused("S208", "缺少参数：billCode")
        tail = str(body.get("mobilePhone") or "")
        if self.world.ledger.recall(self.prefix, f"bill:{bill}"):
            kept = self.kept({"billCode": bill})
            if tail and tail != kept["phone_tail"]:
                raise Refused("B0008", "手机号后四位校验失败")
        return [
            {
                "billCode": bill,
                "scanType": event.action,
                "scanDate": int(event.at.timestamp() * 1000),
                "desc": event.text,
                "scanSite": {"name": event.site, "city": event.city},
            }
            for event in traces.events(self.world, bill)
        ]

    def balance(self, body: dict[str, Any]) -> dict[str, Any]:
        used = len(self.world.ledger.all("waybill.number", self.prefix))
        return {"recharge": BALANCE, "available": BALANCE - used, "back": 0, "recovery": 0}
