"""Files of goods and stock: previewed row by row, refused in a clerk's words, applied whole and once."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import openpyxl
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inventory.importing.counts import Counts
from inventory.models import (
    Bin,
    BundlePart,
    Movement,
    PurchaseLine,
    PurchaseOrder,
    Sku,
    SkuCode,
    Stock,
    Warehouse,
)
from inventory.operations.count import Counted, count
from orderhub import roles
from orderhub.imports import running as imports
from orderhub.imports.models import Import
from orderhub.imports.reading import cells
from orderhub.jobs import running
from orderhub.scope import Scope
from orders.tests.stock_cast import bundle, goods, on_the_way, place, reserve, wants

pytestmark = pytest.mark.django_db
COUNTS = ("仓库", "库位", "SKU", "实盘数量", "原因")


@pytest.fixture
def boss() -> User:
    return User.objects.create_superuser("boss")


def sheet(*rows: tuple[Any, ...], encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def book(*rows: tuple[Any, ...]) -> bytes:
    made = openpyxl.Workbook()
    for row in rows:
        made.active.append(row)
    kept = io.BytesIO()
    made.save(kept)
    return kept.getvalue()


def brought(what: str, data: bytes, user: User, name: str = "file.csv") -> Import:
    made = imports.begin(what, name, data, user, "zh-hans")
    running.run_due()
    made.refresh_from_db()
    return made


def applied(made: Import, user: User) -> Import:
    assert imports.apply(made, user)
    running.run_due()
    made.refresh_from_db()
    return made


def outcome(made: Import) -> tuple[int, int, int, int]:
    return made.fresh, made.changed, made.unchanged, made.refused


def reasons(made: Import) -> dict[int, str]:
    return {line["row"]: line["reason"] for line in made.preview["refused"]}


def test_that_skus_are_previewed_and_then_written(boss: User) -> None:
    goods("SOFA-1", series="云朵")
    same = goods("SOFA-2")
    head = ("SKU", "名称", "系列", "颜色", "重量（克）", "启用", "备注")
    data = book(
        head, ("sofa－1", "云朵沙发", "云朵", "米白", 32000, "是", "x"), ("SOFA-9", "新沙发", "", "", 28000.0, "否"),
        ("SOFA-2", same.name, "", "", "", ""),
    )  # fmt: skip
    made = brought("skus", data, boss, "goods.xlsx")
    assert (made.state, outcome(made)) == ("checked", (1, 1, 1, 0)), made.problem
    assert made.preview["unread"] == ["备注"], "a column that is not read is named"
    assert made.preview["changed"][0]["changes"] == [
        ["名称", "商品SOFA-1", "云朵沙发"], ["颜色", "–", "米白"], ["重量（克）", "300", "32000"],
    ]  # fmt: skip
    assert not Sku.objects.filter(code="SOFA-9").exists(), "a preview writes nothing"
    applied(made, boss)
    sofa, new = Sku.objects.get(code="SOFA-1"), Sku.objects.get(code="SOFA-9")
    assert (made.state, made.applied_by) == ("applied", "boss") and made.applied_at is not None
    assert (sofa.name, sofa.colour, sofa.weight_g, sofa.series) == ("云朵沙发", "米白", 32000, "云朵"), (
        "empty changes nothing"
    )
    assert (new.name, new.weight_g, new.active, new.normal) == ("新沙发", 28000, False, "SOFA9")
    assert "新增 1，变更 1，不变 1，未采用 0" in LogEntry.objects.get(object_id=str(made.pk)).change_message


def test_that_one_spelling_means_one_sku_also_within_a_file(boss: User) -> None:
    board, other = goods("B-2025-SH-001"), goods("B-2025-SH-002")
    SkuCode.objects.create(system="scanner", code="X77", sku=other)
    head = ("系统", "外部编码", "SKU", "对外发送用")
    data = sheet(
        head, ("finance", "B2025-SH-001x", "b2025sh001", "是"), ("scanner", "x－77", board.code, ""),
        ("finance", "B2025-SH-001X", other.code, ""), ("*", "b2025 sh 001x", other.code, ""),
        ("wms", "B2025SH002", board.code, ""),
        ("wms", "K1", "nothing", ""), ("wms", "", board.code, ""), ("finance", "Z1", board.code, "是"), encoding="gb18030",
    )  # fmt: skip
    made = brought("codes", data, boss)
    assert outcome(made) == (1, 0, 0, 7)
    why = reasons(made)
    assert "已指 B-2025-SH-002" in why[3] and "与第 2 行相同" in why[4] and "已指 B-2025-SH-001" in why[5]
    assert (
        "已指 B-2025-SH-002" in why[6]
        and "没有在用的 SKU 叫“nothing”" in why[7]
        and why[8] == "外部编码：未填写"
    )
    assert "第 2 行已指定" in why[9]
    applied(made, boss)
    assert list(SkuCode.objects.filter(system="finance").values_list("code", "sku__code", "sent")) == [
        ("B2025-SH-001x", board.code, True)
    ]


def test_that_counts_are_movements_with_a_reason_and_ten_bad_rows_stay_out(boss: User) -> None:
    skus = [goods(f"K-{n:04d}", 5) for n in range(400)]
    for sku in skus[:2]:
        reserve(wants((sku, 3)))
    set_ = bundle("SET-1", K_0000=1)
    rows: list[tuple[Any, ...]] = [
        ("HZ01", "A-01", sku.code, 5 if n % 2 else 7, "年终盘点") for n, sku in enumerate(skus)
    ]
    bad = {
        10: ("HZ01", "A-01", "K-0008", -3, "x"), 20: ("HZ01", "A-01", "K-0018", "2.5", "x"),
        30: ("HZ01", "Z-99", "K-0028", 4, "x"),
        40: ("NOWHERE", "A-01", "K-0038", 4, "x"), 50: ("HZ01", "A-01", "K-0399", 4, "x"),
        60: ("HZ01", "A-01", "nothing", 4, "x"),
        70: ("HZ01", "A-01", "K-0068", "many", "x"), 80: ("HZ01", "A-01", "K-0078", 4, " "),
        90: ("HZ01", "A-01", set_.code, 4, "x"),
        2: ("HZ01", "A-01", "K-0000", 2, "x"),
    }  # fmt: skip
    for row, wrong in bad.items():
        rows[row - 2] = wrong
    made = brought("counts", sheet(COUNTS, *rows), boss)
    why = reasons(made)
    assert made.refused == 10 and made.fresh == 0 and made.changed + made.unchanged == 390
    assert (
        "是负数" in why[10]
        and "不是整数" in why[20]
        and "没有库位“Z-99”" in why[30]
        and "没有“NOWHERE”" in why[40]
    )
    assert "没有在用的 SKU 叫“nothing”" in why[60] and "不是数字" in why[70] and why[80] == "原因：未填写"
    assert "是组合装" in why[90] and "只剩 2 件，但已承诺给订单 3 件" in why[2]
    assert "已盘点" in why[401] or "与第 50 行相同" in why[401], "the same count twice"
    before = Movement.objects.count()
    with CaptureQueriesContext(connection) as seen:
        applied(made, boss)
    assert len(seen) < 60, "no statement a row"
    lines = Movement.objects.filter(kind="count", reference=f"import:{made.pk}")
    assert Movement.objects.count() - before == lines.count() == 390 and set(
        lines.values_list("actor", flat=True)
    ) == {"boss"}
    assert set(lines.values_list("reason", flat=True)) == {"年终盘点", "x"}
    assert Stock.objects.get(sku=skus[2]).on_hand == 7 and Stock.objects.get(sku=skus[8]).on_hand == 5
    again = brought("counts", sheet(COUNTS, *rows), boss)
    assert again.state == "unreadable" and "再次写入会重复计数" in again.problem


def test_that_what_moves_after_the_preview_is_no_difference(boss: User) -> None:
    sofa = goods("SOFA-1", 10)
    made = brought("counts", sheet(COUNTS, ("HZ01", "A-01", "SOFA-1", 9, "盘点")), boss)
    count([Counted(sofa.pk, place().pk, 6, "four left meanwhile")], "between", "amy")
    applied(made, boss)
    assert Stock.objects.get(sku=sofa).on_hand == 5, "one was missing, and four left"


def test_that_a_preview_which_is_no_longer_true_is_not_applied(boss: User) -> None:
    goods("SOFA-1")
    made = brought("skus", sheet(("SKU", "name"), ("SOFA-1", "新名"), ("SOFA-2", "二号")), boss)
    goods("SOFA-2", colour="红")
    applied(made, boss)
    assert made.state == "checked" and "数据已变化" in made.problem and outcome(made) == (0, 2, 0, 0)
    assert Sku.objects.get(code="SOFA-1").name == "商品SOFA-1", "nothing half done"
    applied(made, boss)
    assert made.state == "applied" and Sku.objects.get(code="SOFA-2").name == "二号"


def test_that_a_worker_that_dies_while_it_writes_leaves_nothing_and_nothing_is_doubled(
    boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(6):
        goods(f"K-{n}", 5)
    rows = [("HZ01", "A-01", f"K-{n}", 8, "盘点") for n in range(6)]
    made = brought("counts", sheet(COUNTS, *rows), boss)
    monkeypatch.setattr(imports, "BATCH", 2)
    write, calls = Counts.write, []

    def dies(self: Counts, lines: Any, reference: str, actor_name: str) -> None:
        calls.append(len(lines))
        if len(calls) == 2:
            raise SystemExit("killed")
        write(self, lines, reference, actor_name)

    monkeypatch.setattr(Counts, "write", dies)
    assert imports.apply(made, boss)
    with pytest.raises(SystemExit):
        running.run_due()
    assert not Movement.objects.filter(kind="count").exists(), "nothing is half done"
    made.job = Import.objects.get(pk=made.pk).job
    assert made.job is not None
    type(made.job).objects.update(lease_until=None)
    running.run_due()
    type(made.job).objects.update(lease_until=None, state="new")  # and handed out once more
    running.run_due()
    assert Movement.objects.filter(kind="count").count() == 6
    assert set(Stock.objects.values_list("on_hand", flat=True)) == {8}


def test_that_purchase_orders_are_made_and_bad_days_and_pieces_refused(boss: User) -> None:
    place()
    for code in ("K-1", "K-2"):
        goods(code)
    known = on_the_way(Sku.objects.get(code="K-1"), 10, days=3, number="CG-OLD")
    PurchaseLine.objects.update(received=6)
    head = ("采购单", "供应商", "仓库", "SKU", "订购件数", "单价（元）", "下单日期", "预计到货")
    data = sheet(
        head, ("CG-1", "S9", "HZ01", "K-1", "40", "12.5", "2026-03-01", "2026-03-09"),
        ("CG-1", "S9", "HZ01", "K-2", "8", "", "2026-03-01", "2026/3/12"),
        ("CG-2", "S9", "HZ01", "K-1", "40", "", "", "1970-01-01"), ("CG-2", "S9", "HZ01", "K-2", "0", "", "", ""),
        ("CG-1", "S9", "HZ01", "K-2x", "8", "", "", ""), ("CG-OLD", "S1", "HZ01", "K-1", "5", "", "", ""),
        ("CG-3", "S9", "HZ01", "K-1", "5", "", "2026-03-09", "2026-03-01"), ("CG-4", "S9", "HZ01", "K-1", "１２", "-1", "", ""),
        ("CG-5", "S9", "HZ01", "K-1", "4", "", "", ""), ("CG-5", "S8", "HZ01", "K-2", "4", "", "", ""),
        ("CG-6", "S9", "HZ01", "K-1", "4", "", "", "2999-12-31"),
    )  # fmt: skip
    made = brought("purchases", data, boss)
    why = reasons(made)
    assert (
        "早于 2015 年" in why[4]
        and "不在 1 到" in why[5]
        and "K-2x" in why[6]
        and "少于已收的 6 件" in why[7]
    )
    assert (
        "预计到货早于下单日期" in why[8]
        and "不是以元计的价格" in why[9]
        and "与同一采购单的第 10 行不一致" in why[11]
    )
    assert "过于遥远" in why[12]
    assert outcome(made) == (3, 0, 0, 8)
    applied(made, boss)
    order = PurchaseOrder.objects.get(number="CG-1")
    assert (order.supplier.code, order.state) == ("S9", "placed") and order.expected_at is not None
    assert order.expected_at.astimezone(dt.UTC).isoformat() == "2026-03-08T16:00:00+00:00", (
        "Beijing's ninth of March"
    )
    assert sorted(order.lines.values_list("sku__code", "ordered")) == [("K-1", 40), ("K-2", 8)]
    assert PurchaseLine.objects.get(pk=known.pk).ordered == 10


def test_that_receipts_go_onto_the_shelf_once_and_never_past_what_was_ordered(boss: User) -> None:
    sofa = goods("SOFA-1")
    line = on_the_way(sofa, 10, days=3, number="CG-1")
    head = ("收货单", "采购单", "SKU", "已到件数", "库位")
    rows = (
        ("RK-1", "CG-1", "SOFA-1", "6", "A-01"),
        ("RK-2", "CG-1", "SOFA-1", "5", ""),
        ("RK-3", "CG-9", "SOFA-1", "1", ""),
    )
    made = brought("receipts", sheet(head, *rows), boss)
    why = reasons(made)
    assert outcome(made) == (1, 0, 0, 2)
    assert why[3] == "超过订购数：订购 10，已收 6，待收 4" and "没有采购单“CG-9”" in why[4]
    applied(made, boss)
    line.refresh_from_db()
    assert (line.received, line.order.state) == (6, "placed") or line.received == 6
    assert PurchaseOrder.objects.get(number="CG-1").state == "partial"
    moved = Movement.objects.get(kind="receive")
    assert (moved.on_hand_change, moved.reason, moved.actor, moved.reference) == (
        6,
        "CG-1",
        "boss",
        f"receipt:{line.order_id}:RK-1",
    )
    twice = brought("receipts", sheet(head, *rows[:1], ("RK-4", "CG-1", "SOFA-1", "4", "")), boss)
    assert outcome(twice) == (1, 0, 1, 0), "the receipt that is there already is no news"
    applied(twice, boss)
    assert (
        PurchaseOrder.objects.get(number="CG-1").state == "received"
        and Bin.objects.filter(code="INBOUND").exists()
    )
    assert sum(Stock.objects.values_list("on_hand", flat=True)) == 10


def test_that_bundles_are_made_of_goods(boss: User) -> None:
    for code in ("SET-1", "SET-2", "K-1", "K-2"):
        goods(code)
    goods("LYING", 3)
    rows = (
        ("SET-1", "K-1", "1"), ("SET-1", "K-2", "2"), ("SET-2", "SET-1", "1"), ("K-1", "K-2", "1"), ("SET-2", "SET-2", "1"),
        ("LYING", "K-1", "1"), ("SET-2", "K-1", "1.5"),
    )  # fmt: skip
    made = brought("bundles", sheet(("组合装", "组件", "件数"), *rows), boss)
    why = reasons(made)
    assert outcome(made) == (2, 0, 0, 5)
    assert "本身是组合装" in why[4] and "另一组合装的部件" in why[5] and "自己的部件" in why[6]
    assert "在货架上有库存" in why[7] and "不是整数" in why[8]
    applied(made, boss)
    assert sorted(BundlePart.objects.values_list("part__code", "quantity")) == [("K-1", 1), ("K-2", 2)]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("what", ["skus", "codes", "counts", "purchases", "bundles"])
def test_that_what_was_exported_and_is_brought_back_changes_nothing(
    what: str, form: str, boss: User, client: Client
) -> None:
    sofa, _part = goods("0012345678901", 8, name="=危险", presale_on=dt.date(2026, 5, 1)), goods("K-1")
    SkuCode.objects.create(system="scanner", code="69000000000000012", sku=sofa, sent=True)
    on_the_way(sofa, 4, days=3)
    bundle("SET-1", K_1=2)
    client.force_login(boss)
    answer = client.get(reverse("admin:imports_export", args=[what]), {"form": form})
    data = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    if what == "counts":  # the reason is a person's
        table = cells(data)
        data = sheet(table[0], *((*row[:4], "盘点") for row in table[1:]))
    made = brought(what, data, boss)
    assert made.state == "checked", made.problem
    assert made.rows == made.unchanged > 0, made.preview
    assert LogEntry.objects.filter(object_repr__startswith=what).exists(), "who took it is written down"


def test_the_whole_way_in_the_admin_and_who_may(boss: User, client: Client) -> None:
    roles.sync_roles()
    goods("SOFA-1", 5)
    clerk = User.objects.create_user("amy", is_staff=True)
    clerk.groups.add(Group.objects.get(name="customer_service"))
    client.force_login(clerk)
    file = io.BytesIO(
        sheet(COUNTS, ("HZ01", "A-01", "SOFA-1", 4, "盘点"), ("HZ01", "A-01", "SOFA-1", "4.5", "盘点"))
    )
    file.name = "count.csv"
    assert client.post(reverse("admin:imports_bring"), {"what": "counts", "file": file}).status_code == 403
    manager = User.objects.create_user("mo", is_staff=True)
    manager.groups.add(Group.objects.get(name="warehouse_manager"))
    client.force_login(manager)
    file.seek(0)
    answer = client.post(reverse("admin:imports_bring"), {"what": "counts", "file": file})
    address = answer["Location"]
    assert "正在检查文件" in client.get(address).content.decode()
    running.run_due()
    page = client.get(address).content.decode()
    assert "写入 1 行" in page and "实盘数量：“4.5”不是整数" in page and "尚未写入任何内容" in page
    made = Import.objects.get()
    told = client.get(reverse("admin:imports_refused", args=[made.pk])).content.decode("utf-8-sig")
    assert "4.5" in told and "不是整数" in told and told.startswith("仓库,库位,SKU")
    client.force_login(clerk)
    assert client.post(reverse("admin:imports_apply", args=[made.pk])).status_code == 403
    client.force_login(manager)
    client.post(reverse("admin:imports_apply", args=[made.pk]))
    running.run_due()
    page = client.get(address).content.decode()
    assert "mo，" in page and "已写入" in page and Stock.objects.get().on_hand == 4
    client.post(reverse("admin:imports_apply", args=[made.pk]))
    assert Movement.objects.filter(kind="count").count() == 1
    assert "count.csv" in client.get(reverse("admin:imports")).content.decode()


def test_that_somebody_narrowed_to_a_warehouse_counts_no_other(boss: User) -> None:
    goods("SOFA-1", 5)
    place("SH01", "S-1", 20)
    mo = User.objects.create_user("mo")
    Scope.objects.create(user=mo, warehouses=["SH01"])
    made = brought(
        "counts", sheet(COUNTS, ("HZ01", "A-01", "SOFA-1", 4, "x"), ("SH01", "S-1", "SOFA-1", 4, "x")), mo
    )
    assert outcome(made) == (1, 0, 0, 1) and "您可操作的仓库中没有“HZ01”" in reasons(made)[2]
    assert Warehouse.objects.count() == 2
