"""Where the sandbox's warehouses stand and through which cities a parcel plausibly travels; made up, with real names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Warehouse:
    """`kind` 0 is run by ourselves, else by an outside partner, as the flagship's warehouse_type says."""

    code: str
    name: str
    kind: int
    city: str
    outlet: str


WAREHOUSES = {
    "HZ01": Warehouse("HZ01", "杭州自建仓", 0, "杭州市", "杭州滨江网点"),
    "JX01": Warehouse("JX01", "嘉兴自建仓", 0, "嘉兴市", "嘉兴南湖网点"),
    "YH01": Warehouse("YH01", "余杭合作仓", 1, "杭州市", "杭州余杭仓前网点"),
}
DEFAULT_WAREHOUSE = "HZ01"

HUBS = {  # the sorting centre through which a province is reached
    "北京市": "北京", "天津市": "天津", "上海市": "上海", "重庆市": "重庆", "河北省": "石家庄", "山西省": "太原",
    "辽宁省": "沈阳", "吉林省": "长春", "黑龙江省": "哈尔滨", "江苏省": "苏州", "浙江省": "杭州", "安徽省": "合肥",
    "福建省": "泉州", "江西省": "南昌", "山东省": "潍坊", "河南省": "郑州", "湖北省": "武汉", "湖南省": "长沙",
    "广东省": "广州", "海南省": "海口", "四川省": "成都", "贵州省": "贵阳", "云南省": "昆明", "陕西省": "西安",
    "甘肃省": "兰州", "青海省": "西宁", "内蒙古自治区": "呼和浩特", "广西壮族自治区": "南宁",
    "西藏自治区": "拉萨", "宁夏回族自治区": "银川", "新疆维吾尔自治区": "乌鲁木齐",
}  # fmt: skip

CARRIERS = {  # Taobao's carrier code: (Kuaidi100's code, name)
    "ZTO": ("zhongtong", "中通快递"), "YTO": ("yuantong", "圆通速递"), "STO": ("shentong", "申通快递"),
    "YUNDA": ("yunda", "韵达快递"), "SF": ("shunfeng", "顺丰速运"), "EMS": ("ems", "EMS"),
    "POSTB": ("youzhengguonei", "邮政快递包裹"), "JTSD": ("jtexpress", "极兔速递"), "JD": ("jd", "京东物流"),
}  # fmt: skip


def hub(province: str) -> str:
    return HUBS.get(province, province.removesuffix("省").removesuffix("市"))


def outlet_code(carrier: str, adcode: str, n: int) -> str:
    """The code of the n-th (1..3) outlet of a carrier in a district."""
    return f"{carrier}-{adcode}-{n}"
