"""Makes ``data/`` and the divisions table from the source files; run by hand, never at run time.

``python -m orderhub.sandbox.make_sample SOURCE_DIRECTORY``; what it changes is written in ``data/LICENCES.md``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

from orderhub.sandbox.catalogue import DATA
from orderhub.sandbox.centres import CENTRES

POUND = Decimal("9.0")
BASKETS = 2600
RETAIL = (
    1,
    1,
    1,
    1,
    1,
    1,
    1,
    2,
    2,
    2,
    2,
    2,
    3,
    3,
    3,
    4,
    4,
    4,
    5,
    5,
)  # lines kept of a (mostly wholesale) basket
OLD_YUHANG_EAST = ("临平", "东湖", "南苑", "星桥", "乔司", "运河", "塘栖", "崇贤")
SHARES = {"浙江省": 700, "上海市": 260, "江苏省": 200, "广东省": 200, "北京市": 160, "": 280}
PRIVATE = re.compile(r"\d{7,}|www|http|@|电话|联系|手机|传真|QQ|公司|工厂|；|;|\?|？", re.I)


def write_gz(path: Path, lines: Iterable[str]) -> None:
    """The same bytes for the same lines: no name and no time in the gzip header."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write("".join(lines).encode("utf-8"))


def goods_and_baskets(source: Path) -> None:
    """skus.csv and orders.jsonl.gz: the first one to five lines of each basket whose goods have a Chinese name."""
    with (DATA / "goods_zh.csv").open(encoding="utf-8", newline="") as file:
        goods = {row["code"]: row for row in csv.DictReader(file)}
    invoices: dict[str, list[dict[str, str]]] = defaultdict(list)
    with gzip.open(
        source / "orders_uci_online_retail_2011q4_ccby4.csv.gz", "rt", encoding="utf-8", newline=""
    ) as file:
        for row in csv.DictReader(file):
            if row["stock_code"] in goods:
                invoices[row["invoice"]].append(row)
    prices: dict[str, list[Decimal]] = defaultdict(list)
    english: dict[str, str] = {}
    baskets = []
    for invoice, rows in invoices.items():
        lines: dict[str, list[str | int]] = {}
        wanted = RETAIL[int(invoice) * 7919 % len(RETAIL)]
        for row in rows:
            code, price, quantity = row["stock_code"], Decimal(row["unit_price_gbp"]), int(row["quantity"])
            english.setdefault(code, " ".join(row["description"].title().split()))
            if price <= 0 or quantity <= 0:
                continue
            prices[code].append(price)
            if len(lines) < wanted and code not in lines:
                retail = quantity if quantity <= 6 else max(1, round(quantity / 12))
                yuan = (price * POUND).quantize(Decimal("0.01"), ROUND_HALF_UP)
                lines[code] = [code, min(retail, 12), str(yuan)]
        if lines:
            hour, minute = rows[0]["ordered_at"][11:16].split(":")
            baskets.append({"minute": int(hour) * 60 + int(minute), "lines": list(lines.values())})
    step = len(baskets) / min(BASKETS, len(baskets))
    chosen = [baskets[int(index * step)] for index in range(min(BASKETS, len(baskets)))]
    write_gz(
        DATA / "orders.jsonl.gz", (json.dumps(basket, separators=(",", ":")) + "\n" for basket in chosen)
    )
    with (DATA / "skus.csv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(("code", "name_zh", "name_en", "weight_g", "price_yuan", "series"))
        for code, row in goods.items():
            middle = sorted(prices[code])[len(prices[code]) // 2] * POUND
            out.writerow(
                (
                    code,
                    row["name_zh"],
                    english[code],
                    row["weight_g"],
                    middle.quantize(Decimal("0.01"), ROUND_HALF_UP),
                    row["series"],
                )
            )


class Divisions:
    """Finds province, city, district and town in what a person typed; only answers that leave no doubt."""

    def __init__(self, source: Path) -> None:
        with (source / "admin_divisions_areacity_2025_mit.csv").open(
            encoding="utf-8-sig", newline=""
        ) as file:
            self.rows = list(csv.DictReader(file))
        self.names = {row["id"]: row["ext_name"] for row in self.rows}
        self.parents = {row["id"]: row["pid"] for row in self.rows}
        self.towns: dict[str, list[str]] = defaultdict(list)
        self.districts: dict[str, list[str]] = defaultdict(list)
        for row in self.rows:
            if row["deep"] == "3":
                self.towns[row["pid"]].append(row["ext_name"])
            elif row["deep"] == "2":
                self.districts[row["ext_name"]].append(row["id"])
        self.cities = {
            row["id"]: row["name"] for row in self.rows if row["deep"] == "1" and len(row["name"]) > 1
        }
        with (source / "divisions_renamed.csv").open(encoding="utf-8", newline="") as file:
            self.renamed = {
                (row["old_parent"], row["old_name"]): row["new_adcode"] for row in csv.DictReader(file)
            }

    def resolve(self, text: str) -> dict[str, str] | None:
        city = next((id for id, name in self.cities.items() if name in text[:12]), None)
        found = re.search(r"([一-龥]{1,4}?(?:区|县|市))", re.sub(r"^.*?省|^[一-龥]{2,4}?市", "", text))
        if found is None:
            return None
        only = self.districts.get(found.group(1), ())
        if city is None and len(only) == 1:
            city = self.parents[only[0]]
        if city not in self.cities:
            return None
        typed = found.group(1).removeprefix(self.cities[city])
        adcode = next((id for id in self.districts.get(typed, ()) if self.parents[id] == city), None)
        old = self.renamed.get((self.names[city], typed))
        if old and adcode is None:
            adcode = old
        if adcode == "330110" and any(word in text for word in OLD_YUHANG_EAST):
            adcode = "330113"
        if adcode is None or adcode not in self.names or self.parents[adcode] != city:
            return None
        rest = text.split(typed, 1)[1]
        town = next((name for name in self.towns[adcode] if name in rest), "")
        detail = rest.removeprefix(town).strip(" 　，,。.")
        if not 5 <= len(detail) <= 45 or not re.search(r"\d", detail):
            return None
        return {
            "province": self.names[self.parents[city]],
            "city": self.names[city],
            "district": self.names[adcode],
            "town": town,
            "detail": detail,
            "adcode": adcode,
        }

    def write(self, path: Path) -> None:
        """The whole table, province to town: id, parent id, depth, full name."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = io.StringIO()
        out = csv.writer(text, lineterminator="\n")
        out.writerow(("id", "parent_id", "depth", "name"))
        for row in self.rows:
            out.writerow((row["id"], row["pid"], row["deep"], row["ext_name"]))
        write_gz(path, [text.getvalue()])


def addresses(source: Path, divisions: Divisions) -> None:
    """addresses.jsonl.gz: every 余杭 address, then the shares per province, in the order of the source."""
    centres = dict(CENTRES)
    for feature in json.loads((source / "echarts4_shanghai_encoded.json").read_text("utf-8"))["features"]:
        middle = feature["properties"].get("cp")
        for id in divisions.districts.get(feature["properties"]["name"], ()) if middle else ():
            if id.startswith("3101"):
                centres.setdefault(id, tuple(middle))
    left, seen, rows = dict(SHARES), set(), []
    with (source / "company_addresses_cpca_mit.csv").open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            text = re.sub(r"\s+", "", row["原始地址"])
            found = None if PRIVATE.search(text) else divisions.resolve(text)
            if found is None or (key := (found["adcode"], found["detail"])) in seen:
                continue
            share = found["province"] if found["province"] in left else ""
            if found["adcode"] != "330110":
                if left[share] == 0:
                    continue
                left[share] -= 1
            seen.add(key)
            lng, lat = centres.get(found["adcode"], (None, None))
            rows.append({**found, "lng": lng, "lat": lat})
    write_gz(
        DATA / "addresses.jsonl.gz",
        (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows),
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("source", type=Path, help="directory with the source files")
    source = arguments.parse_args().source
    goods_and_baskets(source)
    divisions = Divisions(source)
    addresses(source, divisions)
    divisions.write(DATA.parents[2] / "routing" / "addresses" / "data" / "divisions_2025.csv.gz")


if __name__ == "__main__":
    main()
