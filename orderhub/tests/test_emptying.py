"""What is emptied after a test with real transactions is as empty as TRUNCATE leaves it, whatever stands in the way."""

from __future__ import annotations

import threading
import time

import pytest
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connection, connections, transaction

from orderhub.models import Connection, Ticket
from orderhub.testing import emptying
from orders.models import Line, Order
from orders.tests import aftersale_cast as cast

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


def emptied() -> None:
    call_command("flush", verbosity=0, interactive=False, reset_sequences=False)


def file_of(model: type) -> int:
    """The number of the table's file, which TRUNCATE changes."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_filenode(%s::regclass)", [model._meta.db_table])  # type: ignore[attr-defined]
        return int(cursor.fetchone()[0])


def test_that_closed_orders_go_with_their_rows_and_no_file_is_made_anew() -> None:
    cast.closed()
    assert (
        Order.objects.filter(state="closed").exists()
        and Line.objects.exists()
        and Connection.objects.exists()
    )
    before = file_of(Order)
    emptied()
    assert not any(model.objects.exists() for model in (Order, Line, Connection))
    assert file_of(Order) == before


def test_that_a_transaction_that_is_still_open_is_waited_for_and_its_row_goes_too() -> None:
    written, seconds = threading.Event(), 0.4

    def late() -> None:
        try:
            with transaction.atomic():
                Group.objects.create(
                    name="late"
                )  # of a table without foreign keys: no lock is asked for at its commit
                written.set()
                time.sleep(seconds)
        finally:
            connections.close_all()

    other = threading.Thread(target=late)
    other.start()
    assert written.wait(60)
    emptied()
    other.join()
    assert not Group.objects.filter(name="late").exists()


def test_that_a_table_that_has_grown_is_truncated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emptying, "GROWN", 0)
    Ticket.objects.create(kind="k", cause_key="one", title="one")
    before = file_of(Ticket)
    emptied()
    assert not Ticket.objects.exists()
    assert file_of(Ticket) != before


def test_that_triggers_and_foreign_keys_stand_again_afterwards() -> None:
    emptied()
    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        assert cursor.fetchone()[0] == "origin"
