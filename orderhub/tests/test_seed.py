"""`manage.py seed`: what it makes looks as if touched, is the same for the same number, and is never mixed with what is there."""

from __future__ import annotations

import hashlib
import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count, F

from inventory.models import Stock
from orderhub import crypto
from orderhub.invariants import check
from orderhub.management.seeding import fill
from orders.models import Event, Order, Receiver

pytestmark = pytest.mark.django_db
SIZE = 3_000


def test_that_every_invariant_holds_of_made_up_orders():
    filled = fill(SIZE)
    assert check() == []
    states = dict(Order.objects.values_list("state").annotate(n=Count("id")))
    assert sum(states.values()) == SIZE and states["closed"] > SIZE * 0.8
    assert {"signed", "shipped", "cancelled"} <= set(states)
    assert Order.objects.filter(open_holds=1).exists()
    assert not Stock.objects.filter(on_hand__lt=F("reserved")).exists()
    order = Order.objects.get(number=filled.number)
    assert order.parcels.get().waybill_no == filled.waybill
    assert Receiver.objects.get(order=order).phone_tail_hash == crypto.tail_hash(filled.tail)


def test_that_stories_are_told_in_order_and_never_ahead_of_the_clock():
    fill(SIZE)
    before: dict[int, tuple[str, object]] = {}
    for order_id, code, at in Event.objects.order_by("id").values_list("order_id", "code", "occurred_at"):
        if order_id in before:
            assert before[order_id][1] <= at, (order_id, before[order_id][0], code)
        before[order_id] = (code, at)
    assert not Event.objects.filter(occurred_at__gt=F("recorded_at")).exists()


def test_that_masked_stays_masked_and_plain_is_sealed():
    fill(SIZE)
    masked = Receiver.objects.exclude(order__shop__channel="own_shop")
    assert masked.exists() and not masked.exclude(plain_enc=None).exists()
    plain = Receiver.objects.filter(order__shop__channel="own_shop")[:50]
    for receiver in plain:
        said = json.loads(crypto.decrypt(bytes(receiver.plain_enc)))
        assert crypto.mask_phone(said["phone"]) == receiver.phone_mask
        assert said["name"] not in receiver.name_mask and said["address"] != receiver.address_mask


def test_that_the_same_number_makes_the_same_orders_and_another_others():
    def digest() -> str:
        rows = Order.objects.order_by("id").values_list("shop__code", "payable", "buyer_ref", "adcode")
        return hashlib.sha256(repr(list(rows)).encode()).hexdigest()

    found = []
    for seed in (7, 7, 8):
        with transaction.atomic():
            fill(200, seed=seed)
            found.append(digest())
            transaction.set_rollback(True)
    assert found[0] == found[1] != found[2]


def test_that_made_up_orders_are_never_mixed_with_what_is_here():
    out = io.StringIO()
    call_command("seed", "--orders", "50", "--json", stdout=out)
    assert json.loads(out.getvalue())["orders"] == Order.objects.count() == 50
    with pytest.raises(CommandError, match="empty database"):
        call_command("seed", "--orders", "50", stdout=out)
    assert Order.objects.count() == 50
