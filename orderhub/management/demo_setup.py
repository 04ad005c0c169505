"""The demo's shop: accounts at the sandbox, warehouses, goods, opening stock, outlets, history; on an empty database."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Callable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from orderhub import crypto, schedule
from orderhub.integrations import oauth
from orderhub.models import Connection, Recipient
from orderhub.sandbox import credentials as known
from orderhub.sandbox.catalogue import DATA
from orders.models import Shop

WAREHOUSES: tuple[dict[str, Any], ...] = (
    {"code": "HZ01", "name": "杭州自建仓", "kind": "own", "priority": 10, "province": "浙江省", "city": "杭州市",
     "district": "滨江区", "address": "长河街道滨康路352号", "contact": "陈建国", "manager_phone": "13800000001",
     "lng": 120.2052, "lat": 30.1862},
    {"code": "YH01", "name": "余杭合作仓（菜鸟裹裹）", "kind": "partner", "priority": 20, "province": "浙江省", "city": "杭州市",
     "district": "余杭区", "address": "仓前街道仓兴街397号", "contact": "周敏", "manager_phone": "13800000002",
     "lng": 120.0043, "lat": 30.2791},
    {"code": "SH01", "name": "上海小仓", "kind": "own", "priority": 30, "province": "上海市", "city": "上海市",
     "district": "青浦区", "address": "华新镇华腾路1288号", "contact": "吴磊", "manager_phone": "13800000003",
     "lng": 121.2312, "lat": 31.2423},
)  # fmt: skip

#: The shops on marketplaces: code, channel, name; the account is <channel>-main.
MARKETS = (
    ("taobao", "taobao", "淘宝 晴川家居旗舰店"),
    ("douyin", "douyin", "抖音 晴川家居旗舰店"),
    ("pinduoduo", "pinduoduo", "拼多多 晴川家居官方店"),
)


def _mail_port(sandbox_url: str) -> dict[str, int]:
    """Where the sandbox takes mail; nothing where no sandbox answers."""
    try:
        with httpx.Client(trust_env=False, timeout=5) as web:
            return {"port": int(web.get(f"{sandbox_url}/email/port").json()["port"])}
    except (httpx.HTTPError, ValueError, KeyError):
        return {}


def accounts(sandbox_url: str) -> dict[str, Connection]:
    """One connection a platform, with the sandbox's published credentials."""
    t, a, w, q = known.TAOBAO, known.ALIPAY, known.WANGDIANTONG, known.QIMEN
    z, k, d, s, o = known.ZTO, known.KUAIDI100, known.KINGDEE, known.ALIYUN_SMS, known.OWN_SHOP
    rows: tuple[tuple[str, str, str, str, dict[str, Any], dict[str, Any]], ...] = (
        ("taobao-main", "taobao", "淘宝 晴川家居旗舰店", t["app_key"], {"app_secret": t["app_secret"]},
         {"user_id": t["seller_id"], "redirect_uri": f"{settings.PUBLIC_URL}/admin/oauth/callback/"}),
        ("douyin-main", "douyin", "抖音 晴川家居旗舰店", known.DOUYIN["app_key"],
         {"app_secret": known.DOUYIN["app_secret"]},
         {"service_id": known.DOUYIN["service_id"], "redirect_uri": f"{settings.PUBLIC_URL}/admin/oauth/callback/"}),
        ("pinduoduo-main", "pinduoduo", "拼多多 晴川家居官方店", known.PINDUODUO["client_id"],
         {"app_secret": known.PINDUODUO["client_secret"]},
         {"user_id": known.PINDUODUO["mall_id"], "redirect_uri": f"{settings.PUBLIC_URL}/admin/oauth/callback/"}),
        ("own-shop", "own_shop", "晴川自营商城", o["shop_code"], {"app_secret": o["secret"]},
         {"api_token_hash": crypto.keyed_hash(o["token"])}),
        ("alipay-main", "alipay", "支付宝收款", a["app_id"], {"private_key": a["app_private_key"]},
         {"seller_id": a["seller_id"], "alipay_public_key": a["alipay_public_key"]}),
        ("wechatpay-main", "wechatpay", "微信支付收款", known.WECHATPAY["appid"],
         {"private_key": known.WECHATPAY["merchant_private_key"], "api_v3_key": known.WECHATPAY["api_v3_key"]},
         {"mchid": known.WECHATPAY["mchid"], "serial_no": known.WECHATPAY["merchant_serial"],
          "platform_keys": {known.WECHATPAY["platform_key_id"]: known.WECHATPAY["platform_public_key"]}}),
        ("wdt-main", "wangdiantong", "旺店通旗舰版", w["app_key"], {"app_secret": w["app_secret"]},
         {"sid": w["sid"], "shop_no": w["shop_no"]}),
        ("qimen", "qimen", "奇门仓储", q["app_key"], {"app_secret": q["app_secret"]},
         {"customerId": q["customer_id"], "ownerCode": q["owner_code"], "warehouseCode": q["warehouse_code"]}),
        ("zto-main", "zto", "中通电子面单", z["app_key"],
         {"app_secret": z["app_secret"], "account_password": z["account_password"]}, {"account_id": z["account_id"]}),
        ("kuaidi100-main", "kuaidi100", "快递100", k["customer"], {"app_secret": k["key"], "salt": k["salt"]}, {}),
        ("kingdee-main", "kingdee", "金蝶云星空", d["app_id"], {"app_secret": d["app_secret"]},
         {"acctid": d["acct_id"], "username": d["username"], "lcid": d["lcid"], "org_num": d["org"],
          "customer": "ONLINE", "customers": {"taobao": "TB001", "own": "OWN001"}}),
        ("sms-main", "aliyun_sms", "阿里云短信", s["access_key_id"], {"app_secret": s["access_key_secret"]},
         {"sign_name": s["sign_name"], "template_pickup_overdue": s["template_pickup_overdue"],
          "template_needs_person": s["template_needs_person"]}),
        ("amap-main", "amap", "高德地图", known.AMAP["key"], {"private_key": known.AMAP["private_key"]}, {}),
        ("mail", "email", "邮件", known.EMAIL["user"], {"app_secret": known.EMAIL["password"]},
         {"sender": known.EMAIL["sender"], "security": "none", **_mail_port(sandbox_url)}),
        ("feishu-ops", "feishu", "飞书 运营群", "", {"access_token": known.FEISHU["access_token"],
         "app_secret": known.FEISHU["secret"]}, {}),
        ("dingtalk-warehouse", "dingtalk", "钉钉 仓库群", "", {"access_token": known.DINGTALK["access_token"],
         "app_secret": known.DINGTALK["secret"]}, {}),
    )  # fmt: skip
    made: dict[str, Connection] = {}
    for code, platform, name, app_key, secrets, options in rows:
        connection = Connection(
            code=code,
            platform=platform,
            name=name,
            base_url=f"{sandbox_url}/{platform}",
            app_key=app_key,
            options=options,
        )
        connection.set_secrets(secrets)
        connection.save()
        made[code] = connection
    return made


def goods() -> list[Sku]:
    """The catalogue of the shipped sample."""
    with (Path(DATA) / "skus.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    Sku.objects.bulk_create(
        [
            Sku(code=r["code"], name=r["name_zh"], series=r["series"], weight_g=int(r["weight_g"]))
            for r in rows
        ]
    )
    return list(Sku.objects.order_by("code"))


def shelves(skus: list[Sku], wms: Connection) -> None:
    """Warehouses, bins and opening stock; the small one holds one good in eight and has no WMS."""
    stock: list[tuple[int, int, int]] = []
    for place in WAREHOUSES:
        house = Warehouse.objects.create(**place, wms=None if place["code"] == "SH01" else wms)
        bins = Bin.objects.bulk_create(
            [
                Bin(warehouse=house, code=f"{aisle}-{shelf:02d}-{level:02d}", walk_order=n)
                for n, (aisle, shelf, level) in enumerate(
                    (a, s, v) for a in "ABC" for s in range(1, 9) for v in (1, 2)
                )
            ]
        )
        for n, sku in enumerate(skus):
            if place["code"] == "SH01":
                if n % 8 == 0:
                    stock.append((sku.id, bins[n % len(bins)].id, 12))
            else:
                stock.append((sku.id, bins[n % len(bins)].id, 260))
                stock.append((sku.id, bins[(n + 7) % len(bins)].id, 120))
    opening(stock)


def history(seed: int, n: int) -> int:
    """Parcels delivered before, marked as history, so that success rates exist on the first day."""
    from logistics.operations.deliveries import load_history
    from orderhub.sandbox.history import delivered_history

    names = {
        "waybill": "waybill_no",
        "district": "adcode",
        "warehouse": "warehouse_code",
        "outlet": "outlet_code",
    }
    rows = (
        {names.get(k, k): v for k, v in asdict(row).items()}
        for row in delivered_history(seed, timezone.now(), n)
    )
    return load_history(rows)


def connect(code: str) -> None:
    """The OAuth walk that a shop's owner makes in the browser; `code` is the account's."""
    account = Connection.objects.get(code=code)
    page = oauth.authorise_url(account, "demo") + "&auto=1"
    answer = httpx.get(page, follow_redirects=False, timeout=10, trust_env=False)
    oauth.exchange(account, parse_qs(urlparse(answer.headers["location"]).query)["code"][0])


def people(password: str, name: str) -> None:
    """The administrator of the demo."""
    get_user_model().objects.create_superuser(name, "", password)


@transaction.atomic
def build(*, sandbox_url: str, seed: int, admin: str, password: str, say: Callable[[str], None]) -> None:
    """Everything that a seller would have set up before the first order."""
    made = accounts(sandbox_url)
    say(f"{len(made)} accounts at the sandbox")
    skus = goods()
    shelves(skus, made["wdt-main"])
    say(f"{len(skus)} goods in {len(WAREHOUSES)} warehouses")
    home = Warehouse.objects.get(code="HZ01")
    for code, channel, name in MARKETS:
        Shop.objects.create(
            code=code, channel=channel, name=name, connection=made[f"{channel}-main"], default_warehouse=home,
            stock_mode=Shop.StockMode.POOL if channel == "taobao" else Shop.StockMode.OFF, stock_margin=5,
        )  # fmt: skip
    own = Shop.objects.create(
        code="own", name="晴川自营商城", channel="own_shop", connection=made["own-shop"], default_warehouse=home,
        unpaid_minutes=2, stock_mode=Shop.StockMode.POOL,
    )  # fmt: skip
    own.payment_connections.add(made["alipay-main"], made["wechatpay-main"])
    Recipient.objects.bulk_create(
        [
            Recipient(role="service_lead", connection=made["feishu-ops"]),
            Recipient(role="director", connection=made["feishu-ops"]),
            Recipient(role="warehouse_manager", connection=made["sms-main"], phone="13800000007"),
            Recipient(role="operations", connection=made["mail"], email="operations@sandbox.example"),
            Recipient(role="warehouse_manager", connection=made["dingtalk-warehouse"]),
        ]
    )
    say(f"{history(seed, 6000)} parcels of history")
    outlets = importlib.import_module("routing.demo").load(timezone.now())
    say(f"outlets and fences: {outlets}")
    importlib.import_module("routing.operations.rates").refresh(timezone.now())
    if find_spec("orderhub.roles"):
        importlib.import_module("orderhub.roles").sync_roles()
    people(password, admin)
    say(f"{schedule.seed()} schedules")
