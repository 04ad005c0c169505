"""The outside systems that we can speak with, one line each: its word, its name for people, its client.

The table imports nothing of ours, so that models, admin and registry can all read it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _


class Platform(NamedTuple):
    """`name` for people; `client` is the dotted name of the class that speaks its wire."""

    name: Any
    client: str


_AT = "orderhub.integrations.clients."

PLATFORMS: dict[str, Platform] = {
    "taobao": Platform(_("Taobao"), _AT + "taobao.Taobao"),
    "pinduoduo": Platform(_("Pinduoduo"), _AT + "pinduoduo.Pinduoduo"),
    "douyin": Platform(_("Douyin"), _AT + "douyin.Douyin"),
    "own_shop": Platform(_("Own shop"), _AT + "own_shop.OwnShop"),
    "spreadsheet": Platform(_("Spreadsheet"), _AT + "spreadsheet.Spreadsheet"),
    "alipay": Platform(_("Alipay"), _AT + "alipay.Alipay"),
    "wechatpay": Platform(_("WeChat Pay"), _AT + "wechatpay.WechatPay"),
    "wangdiantong": Platform(_("Wangdiantong flagship"), _AT + "wangdiantong.Wangdiantong"),
    "wangdiantong_qiye": Platform(_("Wangdiantong enterprise"), _AT + "wangdiantong_qiye.WangdiantongQiye"),
    "qimen": Platform(_("Qimen warehouse"), _AT + "qimen.Qimen"),
    "cainiao": Platform(_("Cainiao e-waybill"), _AT + "taobao.Taobao"),
    "zto": Platform(_("ZTO Express"), _AT + "zto.Zto"),
    "kuaidi100": Platform(_("Kuaidi100"), _AT + "kuaidi100.Kuaidi100"),
    "kingdee": Platform(_("Kingdee Cloud"), _AT + "kingdee.Kingdee"),
    "feishu": Platform(_("Feishu group bot"), _AT + "feishu.Feishu"),
    "dingtalk": Platform(_("DingTalk group robot"), _AT + "dingtalk.Dingtalk"),
    "aliyun_sms": Platform(_("Aliyun SMS"), _AT + "aliyun_sms.AliyunSms"),
    "email": Platform(_("Mail server"), _AT + "email.Email"),
    "amap": Platform(_("Amap"), _AT + "amap.Amap"),
}


def choices() -> list[tuple[str, Any]]:
    """The platforms as a field's choices; a new one needs no migration."""
    return [(word, platform.name) for word, platform in PLATFORMS.items()]


def name_of(word: str) -> str:
    """A platform's name for people; the word itself where we do not know it."""
    known = PLATFORMS.get(word)
    return str(known.name) if known else word
