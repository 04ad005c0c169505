"""Reports: what a period came to, by day, shop, article, place, carrier, after-sale or colleague, beside the one before."""

from __future__ import annotations

from orders.reports.frame import Report
from orders.reports.people import AFTERSALE, STAFF
from orders.reports.sold import CARRIER, CHANNEL, FULFILMENT, REGION, SKU

#: In the order of their tabs.
REPORTS: dict[str, Report] = {
    one.code: one for one in (FULFILMENT, CHANNEL, SKU, REGION, CARRIER, AFTERSALE, STAFF)
}
