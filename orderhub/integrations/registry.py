"""Which client speaks for which platform: one line each; adding a platform is a file and a line."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from orderhub.integrations.clients.base import Client
from orderhub.integrations.models import Connection

CLIENTS: dict[str, str] = {
    "taobao": "orderhub.integrations.clients.taobao.Taobao",
    "cainiao": "orderhub.integrations.clients.taobao.Taobao",
    "own_shop": "orderhub.integrations.clients.own_shop.OwnShop",
    "alipay": "orderhub.integrations.clients.alipay.Alipay",
    "wangdiantong": "orderhub.integrations.clients.wangdiantong.Wangdiantong",
    "qimen": "orderhub.integrations.clients.qimen.Qimen",
    "zto": "orderhub.integrations.clients.zto.Zto",
    "kuaidi100": "orderhub.integrations.clients.kuaidi100.Kuaidi100",
    "kingdee": "orderhub.integrations.clients.kingdee.Kingdee",
    "aliyun_sms": "orderhub.integrations.clients.aliyun_sms.AliyunSms",
}


def client(connection: Connection) -> Any:
    """The client of a connection; LookupError for a platform that is not built."""
    dotted = CLIENTS.get(connection.platform)
    if dotted is None:
        raise LookupError(f"no client is built for the platform {connection.platform!r}")
    module, _dot, name = dotted.rpartition(".")
    made: type[Client] = getattr(import_module(module), name)
    return made(connection)
