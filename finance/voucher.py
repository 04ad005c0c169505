"""The receivable voucher as Kingdee's AR_receivable model: rows that add up to the receivable, to the fen.

One row an order line (what the buyer pays for the goods, discounts taken off), one for freight, one negative
for what was refunded before the closing. Amounts are exact texts in yuan; prices include tax.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from orderhub import money
from orderhub.integrations.errors import PlatformError
from orders.amounts import ZERO

BEIJING = dt.timezone(dt.timedelta(hours=8))
PRICE = Decimal("0.000001")  # prices are only shown: the amounts are what counts


@dataclass(frozen=True, slots=True)
class Sold:
    """A line of the voucher's order: `payable` includes its share of the freight."""

    code: str
    title: str
    quantity: int
    payable: Decimal
    freight_share: Decimal


@dataclass(frozen=True, slots=True)
class Row:
    """One entry row."""

    code: str
    comment: str
    quantity: int
    amount: Decimal


def rows(lines: Sequence[Sold], amount: Decimal, *, freight_code: str, refund_code: str) -> list[Row]:
    """Goods, freight, refund: Σ = `amount`, what is to be collected. ValueError where it is more than was paid.

    A line whose discount ate into its freight shows no goods' value; the freight row carries the difference.
    """
    paid = sum((line.payable for line in lines), ZERO)
    if amount > paid:
        raise ValueError("a receivable cannot be more than its order")
    made = [
        Row(line.code, line.title, line.quantity, max(line.payable - line.freight_share, ZERO))
        for line in lines
    ]
    freight = paid - sum((row.amount for row in made), ZERO)
    if freight:
        made.append(Row(freight_code, _("Freight"), 1, freight))
    if amount != paid:
        made.append(Row(refund_code, _("Refunded"), 1, amount - paid))
    return made


def customer_of(options: Mapping[str, Any], shop_code: str) -> str:
    """Kingdee's customer for a shop: options["customers"][shop], else options["customer"]. Never a guess."""
    found = (options.get("customers") or {}).get(shop_code) or options.get("customer")
    if not found:
        text = _("The Kingdee account does not say which customer the shop %(shop)s is.") % {
            "shop": shop_code
        }
        raise PlatformError("configuration", "no_customer", text)
    return str(found)


def model(
    number: str, quiet_since: dt.datetime, amount: Decimal, entries: Sequence[Row], *, customer: str, remark: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """The Model of a Save. options: org_num, tax_rate (13), unit (Pcs), currency (PRE001), due_days (0)."""
    day = quiet_since.astimezone(BEIJING).date()
    due = day + dt.timedelta(days=int(options.get("due_days") or 0))
    org = {"FNumber": str(options.get("org_num") or "100")}
    currency = {"FNumber": str(options.get("currency") or "PRE001")}
    rate = Decimal(str(options.get("tax_rate") or "13"))
    unit = {"FNumber": str(options.get("unit") or "Pcs")}
    return {
        "FID": 0,
        "FBillTypeID": {"FNUMBER": "YSD01_SYS"},
        "FBillNo": number,
        "FDATE": day.isoformat(),
        "FENDDATE_H": due.isoformat(),
        "FISINIT": False,
        "FCUSTOMERID": {"FNumber": customer},
        "FCURRENCYID": currency,
        "FISTAX": True,
        "FBUSINESSTYPE": "BZ",
        "FSetAccountType": "1",
        "FCancelStatus": "A",
        "FSETTLEORGID": org,
        "FPAYORGID": org,
        "FSALEORGID": org,
        "FAR_Remark": remark,
        "FsubHeadFinc": {
            "FMAINBOOKSTDCURRID": currency,
            "FEXCHANGETYPE": {"FNUMBER": "HLTX01_SYS"},
            "FExchangeRate": 1,
        },
        "FEntityDetail": [_entry(row, rate, unit) for row in entries],
        "FEntityPlan": [{"FENDDATE": due.isoformat(), "FPAYRATE": 100, "FPAYAMOUNTFOR": money.text(amount)}],
    }


def _entry(row: Row, rate: Decimal, unit: dict[str, str]) -> dict[str, Any]:
    """A negative row has a negative quantity and a positive price, as a red row is written."""
    before_tax = money.rounded(row.amount * 100 / (100 + rate))
    quantity = -row.quantity if row.amount < 0 else row.quantity
    return {
        "FMATERIALID": {"FNumber": row.code},
        "FPRICEUNITID": unit,
        "FPriceQty": quantity,
        "FTaxPrice": f"{(row.amount / quantity).quantize(PRICE):f}",
        "FPrice": f"{(before_tax / quantity).quantize(PRICE):f}",
        "FEntryTaxRate": f"{rate:f}",
        "FNoTaxAmountFor_D": money.text(before_tax),
        "FTAXAMOUNTFOR_D": money.text(row.amount - before_tax),
        "FALLAMOUNTFOR_D": money.text(row.amount),
        "FComment": row.comment[:80],
    }
