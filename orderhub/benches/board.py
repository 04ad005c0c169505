"""The admin's pages over many orders: what each takes in this process, from the request to the page's last byte.

Every page is asked warm, in turns, packed as a browser wants it, signed in as somebody who may see everything. The figure
is the 95th percentile of the slowest page of its kind. A page may take twelve statements and none that counts all orders.
"""

from __future__ import annotations

import re
import time
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.urls import reverse

from orderhub import collecting, modules
from orderhub.admin_site.paging import DEEPEST
from orderhub.management.seeding import Filled, filled
from orderhub.rules import seeding

LIST_GOAL, BOARD_GOAL, MOST_STATEMENTS = 100.0, 150.0, 12
COUNTS_ALL = re.compile(r'COUNT\(\*\)(?!.*LIMIT).*"?orders_order"?', re.I | re.S)
EVERY_FEW_SECONDS = ("orderhub_moduleswitch", "FROM orderhub_ruleset WHERE in_use")
#: Pages judged by the board's goal; the others by the list's.
BOARDS = ("board", "front_page", "waterfall")


def run(*, long: bool) -> dict[str, Any]:
    """20,000 orders; `long` is 1,000,000."""
    return measure(filled(1_000_000 if long else 20_000), 40 if long else 20)


def measure(house: Filled, rounds: int) -> dict[str, Any]:
    """Ask every page `rounds` times."""
    seeding.seed()
    people = get_user_model().objects
    user = people.filter(username="board-bench").first() or people.create_superuser("board-bench", "", "x")
    client = Client(
        HTTP_HOST=(settings.ALLOWED_HOSTS or ["127.0.0.1"])[0].replace("*", "127.0.0.1").lstrip("."),
        HTTP_ACCEPT_ENCODING="gzip",
    )
    client.force_login(user)
    collecting.settle()  # as `orderhub/wsgi.py` does
    pages = addresses(house)
    took: dict[str, list[float]] = {name: [] for name in pages}
    said: dict[str, list[str]] = {}
    for name, address in pages.items():  # templates, translations and plans are warm for every page
        said[name] = _statements(client, address)
    for _round in range(rounds):
        for name, address in pages.items():
            begun = time.perf_counter()
            _ask(client, address)
            took[name].append(1000 * (time.perf_counter() - begun))
    shown = {
        name: {
            "p95_ms": round(_quantile(values, 0.95), 1), "p50_ms": round(_quantile(values, 0.5), 1),
            "statements": len(said[name]), "counts_all": sum(bool(COUNTS_ALL.search(sql)) for sql in said[name]),
        }
        for name, values in took.items()
    }  # fmt: skip
    lists = max(page["p95_ms"] for name, page in shown.items() if name not in BOARDS)
    boards = max(page["p95_ms"] for name, page in shown.items() if name in BOARDS)
    many = {name: page["statements"] for name, page in shown.items() if page["statements"] > MOST_STATEMENTS}
    counting = [name for name, page in shown.items() if page["counts_all"]]
    worst = max(shown, key=lambda name: shown[name]["p95_ms"])
    return {
        "ok": lists <= LIST_GOAL and boards <= BOARD_GOAL and not many and not counting,
        "value": shown[worst]["p95_ms"], "unit": "ms of the slowest page, p95", "p95_ms": shown[worst]["p95_ms"], "worst": worst,
        "list_p95_ms": lists, "board_p95_ms": boards, "orders": house.orders, "rounds": rounds, "over_twelve_statements": many,
        "counts_all_orders": counting, "deepest_page": DEEPEST, "pages": shown,
    }  # fmt: skip


def addresses(house: Filled) -> dict[str, str]:
    """{page: its address}. Lists end at `DEEPEST` pages: page 5,000 is answered with that one."""
    orders = reverse("admin:orders_order_changelist")
    return {
        "list": orders, "filter_state": f"{orders}?state__exact=routed", "filter_channel": f"{orders}?channel=taobao",
        "filter_late": f"{orders}?promise=late", "filter_queue": f"{orders}?trouble=stock&stands=open",
        "filter_normal": f"{orders}?trouble=none&house=0", "number": f"{orders}?q={house.number}",
        "phone_tail": f"{orders}?q={house.tail}", "waybill": f"{orders}?q={house.waybill}", "page_5000": f"{orders}?p=5000",
        "order_page": reverse("admin:orders_order_change", args=[house.order_id]), "board": reverse("admin:board"),
        "front_page": reverse("admin:index"), "waterfall": reverse("admin:waterfall") + "?period=90",
    }  # fmt: skip


def _ask(client: Client, address: str) -> None:
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")


def _statements(client: Client, address: str) -> list[str]:
    """What a second call asks the database; switches of modules and versions of rules are left out, read every two and every
    five seconds by whoever comes."""
    _ask(client, address)
    modules.forget()
    found: list[str] = []

    def kept(execute: Any, sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if not any(name in sql for name in EVERY_FEW_SECONDS):
            found.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(kept):
        _ask(client, address)
    return found


def _quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
