"""The drills and measurements themselves: small casts, on the test's own database."""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from inventory import queries
from inventory.models import Bin, Sku, Warehouse
from inventory.operations.receive import opening
from inventory.operations.take import reserve_many, reserve_one
from orderhub import crypto
from orderhub.benches import chain, floor
from orderhub.drills import aside, mutating, payloads, workers
from orderhub.drills.cast import scalar, set_up
from orderhub.inbound import keeping
from orderhub.management.commands.drill import DRILLS
from orderhub.models import Payload
from orders.models import Order
from orders.providers import channel_of


@pytest.fixture
def hot(db: None) -> tuple[int, list[Bin]]:
    """One SKU with 30 pieces in three bins of ten."""
    house = Warehouse.objects.create(code="HZ01", name="杭州自建仓")
    sku = Sku.objects.create(code="HOT", name="热销")
    shelves = [Bin.objects.create(warehouse=house, code=f"A-{n}") for n in range(3)]
    opening([(sku.id, shelf.id, 10) for shelf in shelves])
    return sku.id, shelves


def test_that_a_batch_takes_every_piece_once_and_the_ledger_balances(hot: tuple[int, list[Bin]]) -> None:
    references = [uuid.uuid4() for _ in range(40)]
    served = reserve_many([(reference, hot[0], 1) for reference in references])
    assert len(served) == 30 and served == set(references[:30])
    assert reserve_many([(reference, hot[0], 1) for reference in references]) == served
    assert scalar("SELECT sum(reserved) FROM inventory_stock") == 30 and not queries.drift()


def test_that_a_batch_serves_from_several_bins_who_fits_in_none(hot: tuple[int, list[Bin]]) -> None:
    big, small, huge = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    assert reserve_many([(big, hot[0], 12), (small, hot[0], 5), (huge, hot[0], 99)]) == {big, small}
    assert scalar("SELECT sum(quantity) FROM inventory_reservation WHERE reference = %s", [big]) == 12
    assert scalar("SELECT sum(reserved) FROM inventory_stock") == 17 and not queries.drift()


def test_that_a_reference_twice_in_a_batch_is_one_effect(hot: tuple[int, list[Bin]]) -> None:
    one = uuid.uuid4()
    assert reserve_one(one, hot[0], 1)
    assert reserve_many([(one, hot[0], 1), (one, hot[0], 1)]) == {one}
    assert scalar("SELECT sum(reserved) FROM inventory_stock") == 1


def test_that_made_payloads_are_read_by_every_provider(db: None) -> None:
    cast = set_up()
    feed = chain.Feed(cast)
    proofs = feed.store(20)
    assert len(proofs) == 4
    chain._work(("verify", "reserve"), proofs, 0, 1)
    assert Order.objects.filter(state="reserved", line_count=3).count() == 20


def test_that_a_batch_costs_the_same_statements_whatever_its_size(db: None) -> None:
    feed = chain.Feed(set_up())
    chain._work(("verify", "reserve"), feed.store(5), 0, 1)
    counts = {
        size: chain.count_statements(("verify", "reserve"), feed.store(size), size) for size in (10, 60)
    }
    assert counts[10] == counts[60] < 60


def test_that_the_floor_writes_the_rows_of_an_order(db: None) -> None:
    cast = set_up()
    assert floor.write(floor.prepare(10, cast.own_shop.id)) > 0
    assert Order.objects.filter(state="routed").count() == 10
    assert (
        scalar("SELECT count(*) FROM orders_line")
        == scalar("SELECT count(*) FROM inventory_reservation")
        == 30
    )
    assert not queries.drift()


def test_that_payloads_repeat_for_a_seed() -> None:
    first, again = (list(payloads.make(10, seed=3)) for _ in range(2))
    assert [raw.number for raw in first] == [raw.number for raw in again]
    assert Counter(raw.channel for raw in first) == {"taobao": 4, "own_shop": 2, "pinduoduo": 2, "douyin": 2}
    for raw in first:
        order = channel_of(raw.channel).parse(raw.body)
        assert (order.channel_number, order.payable, len(order.lines)) == (raw.number, raw.payable, 3)


@pytest.mark.django_db(transaction=True)
def test_that_workers_answer_and_an_error_comes_back_as_its_text() -> None:
    assert workers.together(divmod, [(7, 2), (1, 0)]) == [
        (3, 1),
        "ZeroDivisionError: integer division or modulo by zero",
    ]


def test_that_an_unknown_drill_is_named(db: None) -> None:
    with pytest.raises(CommandError, match="no such drill: nothing"):
        call_command("drill", "nothing", stdout=StringIO())


def test_that_a_drill_never_runs_on_a_database_in_use(monkeypatch: pytest.MonkeyPatch, db: None) -> None:
    asked: list[object] = []
    monkeypatch.setitem(connection.settings_dict, "NAME", "orderhub")
    monkeypatch.setattr(connection, "close", lambda: None)
    monkeypatch.setattr("orderhub.launch.house.side_database", lambda purpose: {"for": purpose})
    monkeypatch.setattr("orderhub.launch.house.prepare_tables", asked.append)
    monkeypatch.setattr("orderhub.launch.house.manage", lambda env, *words: asked.append(words) or 0)
    assert aside.elsewhere("drill", ["pull", "--json"]) == 0
    assert asked == [{"for": "drill"}, ("drill", "pull", "--json")]


def test_that_every_drill_resolves() -> None:
    from orderhub.dotted import resolve

    assert all(callable(resolve(name)) for name in DRILLS.values())


def test_that_spoilt_payloads_repeat_for_a_seed_and_every_way_is_met() -> None:
    good = next(payloads.make(1, seed=3)).body
    first, again = (list(mutating.variants(good, 200, random.Random(5), big=0)) for _ in range(2))
    assert first == again and {way for way, _raw in first} == set(mutating.WAYS)
    assert sum(raw != good for _way, raw in first) > 190


def test_that_what_no_text_can_hold_is_kept_as_bytes_and_named_without_it(db: None) -> None:
    account, raw = set_up().accounts["taobao"], b'{"tid":"\\u0000\\ud800"}'
    keeping.keep_many(account.id, [keeping.Kept("order", "a\x00\ud800b", "1\x00", raw)])
    payload = Payload.objects.get(connection=account)
    assert (payload.external_id, payload.version) == ("a\ufffd\ufffdb", "1\ufffd")
    assert crypto.decrypt(bytes(payload.raw_enc)) == raw


@pytest.mark.race
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["poison", "tracking", "callback"])
def test_that_the_short_drills_pass(name: str) -> None:
    said = StringIO()
    call_command("drill", name, "--json", stdout=said)
    assert json.loads(said.getvalue())["ok"]
