"""A closed order is frozen for everyone: update(), a superuser's form, raw SQL, its lines, DELETE and TRUNCATE."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from orders.models import Event, Line, Order, Receiver
from orders.tests import aftersale_cast as cast

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("payable", Decimal("0.01")),
        ("refunded", Decimal("1.00")),
        ("goods_amount", Decimal("1.00")),
        ("state", "signed"),
        ("state", "cancelled"),
        ("channel_number", "other"),
        ("carrier", "ZTO"),
        ("closed_at", None),
        ("paid_at", None),
        ("refund_state", "done"),
    ],
)
def test_that_update_of_a_commercial_column_of_a_closed_order_is_refused(column: str, value: Any):
    closed = cast.closed()
    before = Order.objects.values().get(id=closed.id)
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        Order.objects.filter(id=closed.id).update(**{column: value})
    assert Order.objects.values().get(id=closed.id) == before


def test_that_one_closed_order_stops_a_bulk_update_and_nothing_of_it_happens():
    closed, open_one = cast.closed(), cast.order("signed")
    with pytest.raises(IntegrityError), transaction.atomic():
        Order.objects.all().update(freight=Decimal("1.00"))
    open_one.refresh_from_db()
    closed.refresh_from_db()
    assert (open_one.freight, closed.freight) == (Decimal("8.00"), Decimal("8.00"))


def test_that_tags_traces_and_erasure_still_reach_a_closed_order():
    closed = cast.closed(buyer_message="请放门卫")
    changed = Order.objects.filter(id=closed.id).update(
        tags=["新一线"],
        buyer_ref="",
        buyer_message="",
        channel_state="TRADE_FINISHED",
        next_try_at=timezone.now(),
    )
    assert changed == 1
    assert (
        Receiver.objects.filter(order=closed).update(
            name_mask="", phone_mask="", address_mask="", plain_enc=None
        )
        == 1
    )
    Event.objects.create(
        order=closed, code="trace", occurred_at=timezone.now(), actor_kind="platform", actor_name="zto"
    )
    assert Order.objects.get(id=closed.id).tags == ["新一线"]


@pytest.mark.parametrize("change", ["update", "insert", "delete", "adopt", "give_away"])
def test_that_the_lines_of_a_closed_order_can_not_change(change: str):
    closed, other = cast.closed(), cast.order("signed")
    before = list(closed.lines.order_by("channel_line").values())
    with pytest.raises(IntegrityError, match="closed"), transaction.atomic():
        if change == "update":
            Line.objects.filter(order=closed).update(quantity=99)
        elif change == "insert":
            Line.objects.create(
                order=closed,
                channel_line="x",
                seller_code="x",
                title="x",
                quantity=1,
                unit_price=1,
                payable=1,
            )
        elif change == "delete":
            closed.lines.all().delete()
        elif change == "adopt":
            other.lines.filter(channel_line="1").update(order=closed, channel_line="9")
        else:
            closed.lines.filter(channel_line="1").update(order=other, channel_line="9")
    assert list(closed.lines.order_by("channel_line").values()) == before


def test_that_lines_of_other_orders_change_in_bulk_beside_closed_ones():
    cast.closed()
    one, two = cast.order("signed"), cast.order("paid")
    assert Line.objects.filter(order__in=[one, two]).update(refund_state="asked") == 4


def test_that_a_closed_order_can_not_be_deleted_or_truncated_by_sql():
    closed = cast.closed()
    statements = (
        f"UPDATE orders_order SET payable = 1 WHERE id = {closed.id}",
        f"DELETE FROM orders_order WHERE id = {closed.id}",
        f"DELETE FROM orders_line WHERE order_id = {closed.id}",
        "SET LOCAL orderhub.emptying = 'off'; TRUNCATE orders_order CASCADE",
        "SET LOCAL orderhub.emptying = 'off'; TRUNCATE orders_line CASCADE",
    )
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in statements:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert closed.lines.count() == 2


def test_that_a_superuser_can_not_change_a_closed_order_by_the_admin_form(client):
    """Given a closed order, when a superuser posts its change form with another amount, then it keeps its amount."""
    from django.contrib import admin
    from django.urls import reverse

    assert Order in admin.site._registry
    closed = cast.closed()
    client.force_login(User.objects.create_superuser("boss", "boss@example.com", "a-long-password"))
    url = reverse("admin:orders_order_change", args=[closed.id])
    client.raise_request_exception = False
    client.post(url, {"payable": "0.01", "state": "signed", "freight": "0", "tags": "[]"})
    closed.refresh_from_db()
    assert (closed.payable, closed.state, closed.freight) == (Decimal("257.00"), "closed", Decimal("8.00"))


@pytest.mark.django_db(transaction=True)
def test_that_the_application_role_can_work_but_not_change_a_closed_order():
    """The role of decisions/0002: granted by the command, it writes orders and can't lift the guard."""
    closed, open_one = cast.closed(), cast.order("signed")
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS orderhub_app_test")
        cursor.execute("CREATE ROLE orderhub_app_test LOGIN PASSWORD 'of-the-test-only'")
    try:
        call_command("grant_application_role", "orderhub_app_test", verbosity=0)
        given = connection.settings_dict
        with psycopg.connect(
            host=given["HOST"], port=given["PORT"], dbname=given["NAME"], user="orderhub_app_test",
            password="of-the-test-only", autocommit=True,
        ) as application:  # fmt: skip
            application.execute("UPDATE orders_order SET tags = '[\"x\"]' WHERE id = %s", [closed.id])
            application.execute("UPDATE orders_order SET freight = 1 WHERE id = %s", [open_one.id])
            application.execute("INSERT INTO orderhub_moduleswitch (code, enabled) VALUES ('x', true)")
            for statement in (
                f"UPDATE orders_order SET payable = 1 WHERE id = {closed.id}",
                f"UPDATE orders_line SET quantity = 1 WHERE order_id = {closed.id}",
                f"DELETE FROM orders_order WHERE id = {closed.id}",
                "ALTER TABLE orders_order DISABLE TRIGGER ALL",
                "ALTER TABLE orders_order DISABLE TRIGGER closed_order_is_frozen",
                "DROP TRIGGER closed_order_is_frozen ON orders_order",
                "DROP FUNCTION orders_refuse_closed() CASCADE",
                "SET session_replication_role = replica",
                "SET orderhub.emptying = 'on'; TRUNCATE orders_order CASCADE",
                "TRUNCATE orders_line",
                "CREATE TABLE of_my_own (id int)",
                f'SET ROLE "{given["USER"]}"',
            ):
                with pytest.raises(psycopg.Error):
                    application.execute(statement)
        closed.refresh_from_db()
        assert (closed.payable, closed.tags, closed.state) == (Decimal("257.00"), ["x"], "closed")
        assert closed.lines.get(channel_line="1").quantity == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP OWNED BY orderhub_app_test")
            cursor.execute("DROP ROLE orderhub_app_test")
