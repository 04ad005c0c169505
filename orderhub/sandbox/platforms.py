"""The table of platforms: adding one to the sandbox is a file and a line here."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from orderhub.sandbox.frame import Platform

PLATFORMS = {
    "taobao": "orderhub.sandbox.taobao.Taobao",
    "pinduoduo": "orderhub.sandbox.pinduoduo.Pinduoduo",
    "douyin": "orderhub.sandbox.douyin.Douyin",
    "own_shop": "orderhub.sandbox.own_shop.OwnShop",
    "alipay": "orderhub.sandbox.alipay.Alipay",
    "wangdiantong": "orderhub.sandbox.wangdiantong.Wangdiantong",
    "wangdiantong_qiye": "orderhub.sandbox.wangdiantong_qiye.WangdiantongQiye",
    "qimen": "orderhub.sandbox.qimen.Qimen",
    "zto": "orderhub.sandbox.zto.Zto",
    "kuaidi100": "orderhub.sandbox.kuaidi100.Kuaidi100",
    "kingdee": "orderhub.sandbox.kingdee.Kingdee",
    "aliyun_sms": "orderhub.sandbox.aliyun_sms.AliyunSms",
    "wechatpay": "orderhub.sandbox.wechatpay.WechatPay",
    "feishu": "orderhub.sandbox.feishu.Feishu",
    "dingtalk": "orderhub.sandbox.dingtalk.Dingtalk",
    "email": "orderhub.sandbox.email.Email",
    "amap": "orderhub.sandbox.amap.Amap",
}


class MissingPlatform(LookupError):
    """A platform was asked for that is not in the table or whose module is not there."""


def resolve(name: str) -> type[Platform]:
    """The class behind a name of the table."""
    dotted = PLATFORMS.get(name)
    if dotted is None:
        raise MissingPlatform(f"the sandbox knows no platform {name!r}; it knows {', '.join(PLATFORMS)}")
    module, _, attribute = dotted.rpartition(".")
    if find_spec(module) is None:
        raise MissingPlatform(
            f"the platform {name!r} is listed as {dotted}, but the module {module} does not exist"
        )
    found = getattr(import_module(module), attribute, None)
    if found is None:
        raise MissingPlatform(f"the platform {name!r} is listed as {dotted}, but {module} has no {attribute}")
    if found.prefix != name:
        raise MissingPlatform(f"{dotted} says its prefix is {found.prefix!r}, the table says {name!r}")
    return found
