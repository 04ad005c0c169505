"""From the quiet window to the closed order: exactly one voucher, whatever gets lost, and every refusal."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from finance.models import Invoice, Receivable
from finance.operations import invoice, receivable
from finance.tests.conftest import drain, settle
from inventory.models import Sku
from inventory.operations import codes
from orderhub import modules
from orderhub.models import Message, Ticket
from orderhub.outbox import sending
from orders.models import Case, Event, Line, Order
from orders.operations.aftersale import close_case, open_case
from orders.tests import aftersale_cast as cast

pytestmark = [pytest.mark.django_db]
STEPS = ("kingdee.save", "kingdee.submit", "kingdee.audit")


def effects(sandbox, number: str) -> list[int]:
    """How often each step happened to a bill, by the sandbox's own ledger."""
    return [len([row for row in sandbox.ledger(kind, number) if row["effect"]]) for kind in STEPS]


def test_that_a_quiet_order_is_booked_once_and_closes(sandbox, kingdee, quiet):
    order = quiet(refunded=Decimal("7.00"))
    settle()
    settle()
    order.refresh_from_db()
    made = Receivable.objects.get()
    assert (order.state, made.state, made.amount, made.told_order) == (
        "closed",
        "audited",
        Decimal("250.00"),
        True,
    )
    assert made.number == f"AR{order.number}" and made.outside_id and made.audited_at
    assert effects(sandbox, made.number) == [1, 1, 1]
    saved = sandbox.ledger("kingdee.save", made.number)[0]["body"]
    assert Decimal(saved["amount"]) == Decimal("250.00") and saved["customer"] == {"FNumber": "OWN001"}
    assert [line["amount"] for line in saved["lines"]][-2:] == ["8.00", "-7.00"]
    closed = Event.objects.get(order=order, code="close")
    assert (closed.point, closed.occurred_at, closed.data) == (
        9,
        order.aftersale_until,
        {"voucher": made.number},
    )
    codes = set(Event.objects.filter(order=order).values_list("code", flat=True))
    assert codes >= {"invoice", "voucher_save", "voucher_submit", "voucher_audit"}


@pytest.mark.parametrize("method", ["Save", "Submit", "Audit"])
@pytest.mark.parametrize("fault", ["lost_answer", "500_before", "500_after", "html", "half_json"])
def test_that_every_step_is_one_effect_under_every_fault(sandbox, kingdee, quiet, fault, method):
    orders = [quiet() for _ in range(3)]
    sandbox.fault(fault, "kingdee", method, times=2)
    settle()
    assert sum(sandbox.counts()["faults"].values()) > 0
    sandbox.clear_faults()
    settle()
    for order in orders:
        assert effects(sandbox, f"AR{order.number}") == [1, 1, 1]
    assert set(Order.objects.values_list("state", flat=True)) == {"closed"}


def test_that_a_lost_session_is_signed_in_again(sandbox, kingdee, quiet):
    quiet()
    sandbox.fault("expire_token", "kingdee", "Submit", times=1)
    settle()
    assert Order.objects.get().state == "closed"


def test_that_a_refused_voucher_waits_for_finance_and_goes_on_after_its_retry(sandbox, kingdee, quiet):
    order = quiet()
    sandbox.fault("deny", "kingdee", "Audit", times=1)
    settle()
    message = Message.objects.get(kind="voucher.audit")
    order.refresh_from_db()
    assert (message.state, order.state, Receivable.objects.get().state) == (
        "needs_person",
        "signed",
        "submitted",
    )
    assert message.error and effects(sandbox, message.key) == [1, 1, 0]
    assert sending.retry(message.id)
    settle()
    order.refresh_from_db()
    assert order.state == "closed" and effects(sandbox, message.key) == [1, 1, 1]


def test_that_a_voucher_audited_by_hand_is_not_audited_again(sandbox, kingdee, quiet):
    from orderhub.integrations.registry import client

    quiet()
    sandbox.fault("deny", "kingdee", "Submit", times=1)
    settle()
    number = Receivable.objects.get().number
    api = client(kingdee)
    api.submit("AR_receivable", [number])
    api.audit("AR_receivable", [number])
    sending.retry(Message.objects.get(kind="voucher.submit").id)
    settle()
    assert Order.objects.get().state == "closed" and effects(sandbox, number) == [1, 1, 1]


def test_that_a_bill_of_our_number_with_another_amount_is_never_taken_for_ours(sandbox, kingdee, quiet):
    order = quiet()
    receivable.sweep()
    Receivable.objects.update(amount=Decimal("99.00"))
    drain()  # booked at 99.00
    Receivable.objects.update(amount=Decimal("98.00"), state="due")
    Message.objects.filter(kind="voucher.save").update(state="unknown")
    Message.objects.exclude(kind="voucher.save").delete()
    drain()
    message = Message.objects.get(kind="voucher.save")
    assert message.state == "needs_person" and "99" in message.error
    assert Order.objects.get(id=order.id).state == "signed"


def test_that_a_shop_nobody_mapped_to_a_customer_needs_a_person_and_sends_nothing(sandbox, kingdee, quiet):
    order = quiet(shop=cast.shop("tb", "taobao"))
    settle()
    message = Message.objects.get(kind="voucher.save")
    assert (message.state, message.error_kind) == ("needs_person", "configuration")
    assert effects(sandbox, f"AR{order.number}") == [0, 0, 0]


@pytest.mark.parametrize("why", ["window", "case", "hold", "module", "account", "invoice", "state"])
def test_that_nothing_is_due_before_everything_is_quiet(sandbox, kingdee, quiet, why):
    order = quiet()
    if why == "window":
        Order.objects.update(aftersale_until=timezone.now() + dt.timedelta(hours=1))
    elif why == "case":
        Case.objects.create(number="X", order=order, kind="return", state="received")
    elif why == "hold":
        Order.objects.update(open_holds=1)
    elif why == "module":
        modules.switch("finance", False)
    elif why == "account":
        type(kingdee).objects.update(state="disabled")
    elif why == "state":
        Order.objects.update(state="shipped")
    made = receivable.make_due() if why == "invoice" else receivable.sweep()
    assert (
        made == 0
        and not Receivable.objects.exists()
        and not Message.objects.filter(kind="voucher.save").exists()
    )


def test_that_finance_switched_on_later_takes_up_the_old_orders_even_without_after_sales(
    sandbox, kingdee, quiet
):
    order = quiet(aftersale_until=None)
    modules.switch("aftersale", False)
    modules.switch("finance", False)
    settle()
    assert not Receivable.objects.exists()
    modules.switch("finance", True)
    settle()
    made = Receivable.objects.get()
    assert made.quiet_since == order.signed_at + dt.timedelta(days=7)
    assert Order.objects.get().state == "closed"


def test_that_an_order_refunded_in_full_closes_without_a_voucher(sandbox, kingdee, quiet):
    order = quiet(refunded=Decimal("257.00"))
    settle()
    order.refresh_from_db()
    assert order.state == "closed" and effects(sandbox, f"AR{order.number}") == [0, 0, 0]
    assert "voucher" not in Event.objects.get(order=order, code="close").data


def test_that_a_case_that_opens_behind_the_voucher_keeps_the_order_open_and_its_difference_is_told(
    sandbox, kingdee, quiet
):
    from orderhub.actors import CLOCK

    order = quiet()
    receivable.sweep()
    case = open_case(order.id, "refund", Decimal("20.00"), [], "漆掉了", "", CLOCK)
    settle()
    order.refresh_from_db()
    assert (order.state, Receivable.objects.get().state) == ("signed", "audited")
    close_case(case.id, "done", CLOCK)
    settle()
    order.refresh_from_db()
    assert (order.state, order.refunded) == ("closed", Decimal("20.00"))
    assert Ticket.objects.get(kind="voucher_difference").role == "finance"


def test_that_a_crash_between_closing_and_telling_closes_once(sandbox, kingdee, quiet):
    order = quiet()
    settle()
    Receivable.objects.update(told_order=False)
    receivable.tell_orders()
    assert Receivable.objects.get().told_order
    assert Event.objects.filter(order=order, code="close").count() == 1


def test_that_an_invoice_is_requested_once_and_dated_by_the_signature(quiet):
    order = quiet()
    assert invoice.request_invoices() == 1
    assert invoice.request_invoices() == 0
    event = Event.objects.get(order=order, code="invoice")
    assert (event.point, event.occurred_at, Invoice.objects.get().amount) == (
        8,
        order.signed_at,
        Decimal("257.00"),
    )


def test_that_no_invoice_is_requested_while_the_module_is_off(quiet):
    quiet()
    modules.switch("invoice", False)
    assert invoice.request_invoices() == 0 and not Invoice.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_that_four_workers_book_and_invoice_each_order_once(sandbox, kingdee, quiet):
    orders = [quiet() for _ in range(20)]

    def worker(_number: int) -> None:
        try:
            for _ in range(4):
                receivable.sweep()
                sending.drain("voucher.save")
                sending.drain("voucher.submit")
                sending.drain("voucher.audit")
                receivable.tell_orders()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(worker, range(4)))
    settle()
    for order in orders:
        assert effects(sandbox, f"AR{order.number}") == [1, 1, 1]
        codes = list(Event.objects.filter(order=order).values_list("code", flat=True))
        assert codes.count("invoice") == codes.count("close") == 1


def test_that_a_batch_costs_the_same_statements_for_one_and_for_five(kingdee, quiet):
    counts = []
    for n in (1, 1, 5):  # the first warms the caches
        for _ in range(n):
            quiet()
        with CaptureQueriesContext(connection) as queries:
            invoice.request_invoices()
            receivable.make_due()
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_that_kingdee_is_told_its_own_spelling_and_a_rename_changes_no_bill(sandbox, kingdee, quiet):
    order = quiet()
    cup, bed = (Sku.objects.get(code=code) for code in ("CUP-1", "BED-2"))
    codes.spell("finance", "B2025-SH-001", cup.id)
    Line.objects.filter(order=order, sku=bed).update(sku_code="BED-2", sku_name="商品BED-2")
    codes.rename(bed, "BED-2026", "床 新款")
    settle()
    saved = sandbox.ledger("kingdee.save", f"AR{order.number}")[0]["body"]
    assert [line["material"] for line in saved["lines"]][:2] == [
        {"FNumber": "B2025-SH-001"},
        {"FNumber": "BED-2"},
    ]
    names = {line.seller_code: (line.sku_code, line.sku_name) for line in order.lines.all()}
    assert names["BED-2"] == ("BED-2", "商品BED-2")
