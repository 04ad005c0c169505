"""The voucher's rows add up to the receivable, to the fen, whatever was discounted, carried or refunded."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance import voucher
from orderhub.integrations.errors import PlatformError
from orders.amounts import ZERO, allocate_lines

fen = st.integers(0, 2_000_000).map(lambda value: Decimal(value) / 100)
SINCE = dt.datetime(2026, 3, 31, 17, 0, tzinfo=dt.UTC)  # the first of April in Beijing


def sold(goods: list[Decimal], discount: Decimal, freight: Decimal) -> list[voucher.Sold]:
    parts = allocate_lines(goods, discount, freight)
    return [voucher.Sold(f"S{i}", "", i + 1, payable, share) for i, (_d, share, payable) in enumerate(parts)]


@given(st.lists(fen, min_size=1, max_size=8), fen, st.data())
def test_that_the_rows_of_every_voucher_add_up_to_its_plan(goods, freight, data):
    most = sum(goods, ZERO) + freight
    discount = data.draw(st.integers(0, int(most * 100)).map(lambda value: Decimal(value) / 100))
    amount = data.draw(st.integers(0, int((most - discount) * 100)).map(lambda value: Decimal(value) / 100))
    rows = voucher.rows(sold(goods, discount, freight), amount, freight_code="F", refund_code="R")
    assert sum((row.amount for row in rows), ZERO) == amount
    made = voucher.model("AR1", SINCE, amount, rows, customer="C", remark="", options={})
    entries = made["FEntityDetail"]
    assert sum(Decimal(entry["FALLAMOUNTFOR_D"]) for entry in entries) == Decimal(
        made["FEntityPlan"][0]["FPAYAMOUNTFOR"]
    )
    for entry in entries:
        net, tax, whole = (
            Decimal(entry[name]) for name in ("FNoTaxAmountFor_D", "FTAXAMOUNTFOR_D", "FALLAMOUNTFOR_D")
        )
        assert net + tax == whole and Decimal(entry["FTaxPrice"]) >= 0
        assert (entry["FPriceQty"] < 0) == (whole < 0)


def test_that_freight_and_refund_are_rows_of_their_own():
    rows = voucher.rows(sold([Decimal("60.00")], Decimal("10.00"), Decimal("8.00")), Decimal("50.00"),
                        freight_code="F", refund_code="R")  # fmt: skip
    assert [(row.code, str(row.amount)) for row in rows] == [("S0", "50.00"), ("F", "8.00"), ("R", "-8.00")]


def test_that_money_is_exact_text_and_the_day_is_beijings():
    rows = voucher.rows(
        sold([Decimal("0.10")], ZERO, ZERO), Decimal("0.10"), freight_code="F", refund_code="R"
    )
    made = voucher.model("AR1", SINCE, Decimal("0.10"), rows, customer="C", remark="", options={})
    assert made["FDATE"] == "2026-04-01" and made["FEntityDetail"][0]["FALLAMOUNTFOR_D"] == "0.10"


def test_that_more_than_was_paid_is_never_booked():
    with pytest.raises(ValueError, match="more than"):
        voucher.rows(sold([Decimal("1.00")], ZERO, ZERO), Decimal("1.01"), freight_code="F", refund_code="R")


def test_that_a_shop_without_a_customer_is_a_setting_to_make():
    assert voucher.customer_of({"customers": {"own": "C1"}, "customer": "C2"}, "own") == "C1"
    assert voucher.customer_of({"customer": "C2"}, "own") == "C2"
    with pytest.raises(PlatformError) as refused:
        voucher.customer_of({}, "own")
    assert refused.value.kind == "configuration"
