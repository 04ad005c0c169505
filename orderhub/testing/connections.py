"""Connections to a running sandbox, made from the sandbox's own credentials; for tests only."""

from __future__ import annotations

from typing import Any

import httpx

from orderhub.integrations.models import Connection
from orderhub.sandbox.credentials import CREDENTIALS


def connection(platform: str, url: str, save: bool = True, **changes: Any) -> Connection:
    """A connection to `url`/platform with the sandbox's credentials; `changes` overwrite fields and options."""
    key, secrets, options, token = _known(platform)
    made = Connection(
        platform=platform, name=platform, code=changes.pop("code", platform), base_url=f"{url}/{platform}",
        app_key=changes.pop("app_key", key), options=options | changes.pop("options", {}),
    )  # fmt: skip
    if platform == "email":
        with httpx.Client(trust_env=False, verify=False) as web:
            made.options["port"] = web.get(f"{url}/email/port").json()["port"]
    if platform == "cainiao":
        made.base_url = f"{url}/taobao"
    made.set_secrets(secrets | changes.pop("secrets", {}))
    if token:
        made.set_token(token | changes.pop("token", {}))
    for name, value in changes.items():
        setattr(made, name, value)
    if save:
        made.save()
    return made


def _known(platform: str) -> tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]:
    """(app key, secrets, options, token) as the sandbox expects them."""
    known: dict[str, dict[str, Any]] = CREDENTIALS  # type: ignore[assignment]
    taobao, alipay, wdt, qimen = known["taobao"], known["alipay"], known["wangdiantong"], known["qimen"]
    zto, kd100, kingdee, sms, shop = (
        known["zto"],
        known["kuaidi100"],
        known["kingdee"],
        known["aliyun_sms"],
        known["own_shop"],
    )
    pdd = known["pinduoduo"]
    douyin = known["douyin"]
    gateway = (
        str(taobao["app_key"]),
        {"app_secret": taobao["app_secret"]},
        {"user_id": taobao["seller_id"], "redirect_uri": "http://127.0.0.1/back"},
        {"access_token": taobao["session"], "refresh_token": taobao["refresh_token"]},
    )
    table: dict[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]] = {
        "taobao": gateway,
        "pinduoduo": (
            str(pdd["client_id"]),
            {"app_secret": pdd["client_secret"]},
            {"user_id": pdd["mall_id"], "redirect_uri": "http://127.0.0.1/back"},
            {"access_token": pdd["access_token"], "refresh_token": pdd["refresh_token"]},
        ),
        "cainiao": gateway,
        "alipay": (
            str(alipay["app_id"]),
            {"private_key": alipay["app_private_key"]},
            {"seller_id": alipay["seller_id"], "alipay_public_key": alipay["alipay_public_key"]},
            {},
        ),
        "wechatpay": (
            str(known["wechatpay"]["appid"]),
            {
                "private_key": known["wechatpay"]["merchant_private_key"],
                "api_v3_key": known["wechatpay"]["api_v3_key"],
            },
            {
                "mchid": known["wechatpay"]["mchid"],
                "serial_no": known["wechatpay"]["merchant_serial"],
                "platform_keys": {
                    known["wechatpay"]["platform_key_id"]: known["wechatpay"]["platform_public_key"]
                },
            },
            {},
        ),
        **{
            robot: (
                "",
                {"access_token": known[robot]["access_token"], "app_secret": known[robot]["secret"]},
                {},
                {},
            )
            for robot in ("feishu", "dingtalk")
        },
        "wangdiantong_qiye": (
            str(known["wangdiantong_qiye"]["app_key"]),
            {"app_secret": known["wangdiantong_qiye"]["app_secret"]},
            {"sid": known["wangdiantong_qiye"]["sid"], "shop_no": known["wangdiantong_qiye"]["shop_no"]},
            {},
        ),
        "wangdiantong": (str(wdt["app_key"]), {"app_secret": wdt["app_secret"]}, {"sid": wdt["sid"]}, {}),
        "qimen": (
            str(qimen["app_key"]),
            {"app_secret": qimen["app_secret"]},
            {
                "customerId": qimen["customer_id"],
                "warehouseCode": qimen["warehouse_code"],
                "ownerCode": qimen["owner_code"],
            },
            {},
        ),
        "zto": (
            str(zto["app_key"]),
            {"app_secret": zto["app_secret"], "account_password": zto["account_password"]},
            {"account_id": zto["account_id"]},
            {},
        ),
        "kuaidi100": (str(kd100["customer"]), {"app_secret": kd100["key"], "salt": kd100["salt"]}, {}, {}),
        "kingdee": (
            str(kingdee["app_id"]),
            {"app_secret": kingdee["app_secret"]},
            {
                "acctid": kingdee["acct_id"],
                "username": kingdee["username"],
                "lcid": kingdee["lcid"],
                "org_num": kingdee["org"],
            },
            {},
        ),
        "aliyun_sms": (
            str(sms["access_key_id"]),
            {"app_secret": sms["access_key_secret"]},
            {"sign_name": sms["sign_name"]},
            {},
        ),
        "douyin": (
            str(douyin["app_key"]),
            {"app_secret": douyin["app_secret"]},
            {"service_id": douyin["service_id"], "redirect_uri": "http://127.0.0.1/back"},
            {"access_token": douyin["access_token"], "refresh_token": douyin["refresh_token"]},
        ),
        "email": (
            str(known["email"]["user"]),
            {"app_secret": known["email"]["password"]},
            {"sender": known["email"]["sender"], "security": "none"},
            {},
        ),
        "amap": (str(known["amap"]["key"]), {"private_key": known["amap"]["private_key"]}, {}, {}),
        "own_shop": (str(shop.get("app_key") or shop["shop_code"]), {"app_secret": shop["secret"]}, {}, {}),
    }
    return table[platform]
