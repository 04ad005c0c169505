"""Address review from the look-up to the label: holds, picks, undo, twins, memory, leases, provider trouble."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from logistics.operations.plan import plan
from logistics.providers.labels.zto import _order
from logistics.queries import shipments
from orderhub import crypto, geo, modules
from orderhub.actors import person
from orderhub.lifecycle import apply
from orderhub.models import Connection, Ticket
from orders import queries as orders
from orders.lifecycle import LIFECYCLE
from orders.models import Event, Hold, Order, Receiver
from orders.operations import destination, holds
from routing import fences, known, showing
from routing.models import AddressMemory, AddressPick, AddressPolicy, AddressReview, Outlet
from routing.operations import bulk, leases, resolve, review
from routing.providers import local
from routing.tests import review_cast as cast
from routing.tests.cast import House

pytestmark = pytest.mark.django_db
TOKEN = "a" * 24


@pytest.fixture
def house(db: None) -> Iterator[House]:
    modules.forget()
    local.forget()
    fences.forget()
    known.forget()
    AddressPolicy.objects.create(pk=1, threshold=1.01, sample=0)
    yield cast.zhangjiang()
    local.forget()


@pytest.fixture
def clerk(db: None) -> User:
    return User.objects.create_user("xiaoli")


def held(house: House, address: str = cast.ZHANGJIANG[4], **more: Any) -> tuple[Order, AddressReview]:
    order = cast.order(house, cast.ZHANGJIANG[:4], address, **more)
    cast.look_up()
    return order, AddressReview.objects.get(order_id=order.pk, kind="hold")


def pick(item: AddressReview, clerk: User, rank: int = 1, token: str = TOKEN, **more: Any) -> review.Outcome:
    leases.take(token, "xiaoli", 50)
    return review.decide(item.pk, token, person(clerk), review.by_rank(rank), way="key", seconds=2.5, **more)


def ref(order: Order) -> orders.ReceiverRef:
    return orders.receivers([order.pk])[order.pk]


def text(order: Order) -> str:
    return (ref(order).plain or {})["address"]


def test_that_an_ambiguous_order_is_held_and_a_pick_carries_it_to_its_fence_and_its_label(house, clerk):
    order, item = held(house)
    order.refresh_from_db()
    assert (order.state, order.open_holds, item.state) == ("reserved", 1, "waiting")
    assert Hold.objects.filter(order=order, type="address", released_at=None).exists()
    cards = showing.items([item.pk])[0]["cards"]
    rank = next(n for n, card in enumerate(cards, 1) if card["name"] == "启明科创园X栋")
    promised = cards[rank - 1]["outlet"]
    assert pick(item, clerk, rank).outcome == "done"
    cast.route()
    order.refresh_from_db()
    assert (order.state, order.open_holds) == ("routed", 0)
    assert Outlet.objects.get(code=order.outlet_code).name == promised, "the screen promised no other outlet"
    plan()
    sent = _order(next(iter(shipments_of(order).values())))["receiveInfo"]
    assert sent["receiverAddress"] == "张江路288号启明科创园X栋"
    found = AddressPick.objects.get(item=item)
    assert (found.rank, found.way, found.seconds, found.by) == (rank, "key", 2.5, "xiaoli")


def shipments_of(order: Order) -> dict[int, Any]:
    from logistics.models import Parcel

    return shipments(Parcel.objects.filter(order_id=order.pk).values_list("id", flat=True))


def test_that_the_point_is_converted_from_the_maps_datum(house, clerk):
    order, item = held(house)
    pick(item, clerk)
    kept = ref(order)
    assert geo.metres(kept.lng, kept.lat, cast.GATE.lng, cast.GATE.lat) < 120
    assert (kept.adcode, kept.district, kept.version) == ("310115", "浦东新区", 2)


def test_that_what_the_buyer_wrote_is_kept_so_that_the_same_order_again_changes_nothing(house, clerk):
    order, item = held(house)
    pick(item, clerk)
    plain = json.loads(crypto.decrypt(bytes(Receiver.objects.get(order=order).plain_enc)))
    receiver = Receiver.objects.get(order=order)
    assert (destination.as_written(plain) or {})["address"] == cast.ZHANGJIANG[4]
    assert destination.regions_as_written(receiver, plain) == tuple(cast.ZHANGJIANG[:4])


def test_that_undo_puts_the_address_back_holds_the_order_and_forgets(house, clerk):
    order, item = held(house)
    pick(item, clerk)
    assert AddressMemory.objects.count() == 1
    cast.route()
    back, _remark = review.undo(TOKEN, "xiaoli", person(clerk))
    order.refresh_from_db()
    assert (back, order.state, order.open_holds) == (item.pk, "reserved", 1)
    kept = ref(order)
    assert (text(order), kept.lng) == (cast.ZHANGJIANG[4], None)
    assert AddressMemory.objects.count() == 0
    assert pick(AddressReview.objects.get(pk=item.pk), clerk, 2).outcome == "done", "it can be decided again"


def test_that_undo_stops_at_the_printed_label(house, clerk):
    order, item = held(house)
    pick(item, clerk)
    Order.objects.filter(pk=order.pk).update(state="printed")
    with pytest.raises(review.Refused) as refused:
        review.undo(TOKEN, "xiaoli", person(clerk))
    assert refused.value.code == "printed"
    assert "启明" in text(order) or ref(order).lng is not None


def test_that_undo_reaches_twenty_back_and_no_further(house, clerk):
    item = held(house)[1]
    for n in range(review.UNDO_REACH):
        AddressPick.objects.create(
            item=item,
            order_id=item.order_id,
            user_id=clerk.pk,
            by="xiaoli",
            way="key",
            undone_at=timezone.now(),
        )
        if not n:
            pick(item, clerk)
    AddressPick.objects.create(
        item=item, order_id=item.order_id, user_id=clerk.pk, by="xiaoli", way="key", undone_at=timezone.now()
    )
    with pytest.raises(review.Refused):
        review.undo(TOKEN, "xiaoli", person(clerk))


def test_that_a_pick_after_printing_is_a_ticket_and_changes_no_label(house, clerk):
    order, item = held(house)
    Order.objects.filter(pk=order.pk).update(state="printed")
    outcome = pick(item, clerk)
    assert outcome.outcome == "printed"
    assert Ticket.objects.filter(order_id=order.pk, kind="address_correction").count() == 1
    assert text(order) == cast.ZHANGJIANG[4]


def test_that_the_same_door_waiting_is_decided_with_it_and_keeps_its_own_room(house, clerk):
    first, item = held(house, "张江路288号X栋301室")
    second = cast.order(house, cast.ZHANGJIANG[:4], "张江路288号 X栋 502室", hours=60)
    cast.look_up()
    outcome = pick(item, clerk)
    assert len(outcome.twins) == 1
    assert "502" in text(second) and "301" not in text(second)
    assert ref(second).lng == ref(first).lng
    review.undo(TOKEN, "xiaoli", person(clerk))
    assert AddressReview.objects.filter(state="waiting").count() == 2, "undo takes the twin back as well"


def test_that_a_later_one_is_answered_from_memory_until_it_is_forgotten(house, clerk):
    item = held(house)[1]
    pick(item, clerk)
    later, again = held(house, "张江路288号X栋 1804室", hours=70)
    assert again.state == "accepted"
    assert AddressPick.objects.get(item=again).way == "memory"
    AddressMemory.objects.all().delete()
    third, asked = held(house, "张江路288号X栋 1805室", hours=71)
    assert asked.state == "waiting"
    assert (ref(later).lng is not None, ref(third).lng) == (True, None)


def test_that_two_pages_never_get_the_same_item_and_a_lost_lease_comes_back(house, clerk):
    for n in range(6):
        cast.order(house, cast.ZHANGJIANG[:4], f"张江路{200 + n}号", hours=30 + n)
    cast.look_up()
    mine, yours = leases.take("a" * 20, "a", 3), leases.take("b" * 20, "b", 3)
    assert len({*mine, *yours}) == 6
    assert leases.take("c" * 20, "c", 3) == []
    with pytest.raises(review.Refused) as refused:
        review.decide(mine[0], "b" * 20, person(clerk), review.by_rank(1), way="key")
    assert refused.value.code == "lost"
    AddressReview.objects.filter(id__in=mine).update(lease_until=timezone.now() - dt.timedelta(seconds=1))
    assert sorted(leases.take("c" * 20, "c", 3)) == sorted(mine)
    assert leases.renew("a" * 20, mine) == [], "the first page learns that it lost them"


def test_that_the_oldest_promise_comes_first_and_skipped_ones_last(house, clerk):
    late = cast.order(house, cast.ZHANGJIANG[:4], "张江路201号", hours=50)
    soon = cast.order(house, cast.ZHANGJIANG[:4], "张江路203号", hours=10)
    cast.look_up()
    of = {item.order_id: item.id for item in AddressReview.objects.all()}
    assert leases.take(TOKEN, "a", 2) == [of[soon.pk], of[late.pk]]
    assert leases.skip(TOKEN, of[soon.pk])
    leases.give_back(TOKEN, [of[late.pk]])
    assert leases.take(TOKEN, "a", 2) == [of[late.pk], of[soon.pk]]


def test_that_a_provider_that_cannot_be_asked_is_said_so_and_asked_again(house, clerk):
    amap = Connection.objects.create(
        platform="amap", code="amap", name="高德", base_url="http://127.0.0.1:1", app_key="k"
    )
    order, item = held(house, "某某路没人知道的地方", hours=48)
    assert (item.verdict, item.reason, item.state) == ("failed", "provider_failed", "waiting")
    assert item.trouble
    amap.delete()
    AddressReview.objects.update(next_try_at=timezone.now())
    resolve.run()
    item.refresh_from_db()
    assert item.verdict != "failed", "when it can be asked again the verdict is a new one"
    assert Order.objects.get(pk=order.pk).open_holds == 1


def test_that_a_failed_look_up_never_costs_the_promise(house, clerk):
    Connection.objects.create(
        platform="amap", code="amap", name="高德", base_url="http://127.0.0.1:1", app_key="k"
    )
    order, item = held(house, "某某路没人知道的地方", hours=48)
    AddressReview.objects.filter(pk=item.pk).update(promised_at=timezone.now() + dt.timedelta(hours=11))
    resolve.run()
    cast.route()
    order.refresh_from_db()
    item.refresh_from_db()
    assert (order.state, order.open_holds, item.state) == ("routed", 0, "let_go")
    assert Event.objects.filter(order=order, code="address_let_go").exists(), "and it is written on the order"


def test_that_an_order_near_its_promise_is_not_kept_from_its_route(house):
    order = cast.order(house, cast.ZHANGJIANG[:4], cast.ZHANGJIANG[4], hours=5)
    cast.route()
    order.refresh_from_db()
    assert order.state == "routed"


def test_that_nobody_waits_where_there_is_nobody_to_ask_or_the_module_is_off(house):
    order = cast.order(house, cast.ZHANGJIANG[:4], cast.ZHANGJIANG[4])
    modules.switch("address", False)
    cast.route()
    order.refresh_from_db()
    assert order.state == "routed"
    modules.switch("address", True)


def test_that_masked_receivers_are_never_looked_up(house):
    order = cast.order(house, cast.ZHANGJIANG[:4], "张江路***")
    Receiver.objects.filter(order=order).update(visibility="masked", plain_enc=None)
    cast.look_up()
    order.refresh_from_db()
    assert order.state == "routed"
    assert not AddressReview.objects.exists()


def test_that_an_order_released_by_hand_or_cancelled_leaves_the_queue(house, clerk):
    order = held(house)[0]
    other = held(house, "张江路211号", hours=20)[0]
    holds.release_type([order.pk], "address", person(clerk))
    apply(LIFECYCLE, "cancel", [other.pk], actor=person(clerk), params={"reason": "-"})
    resolve.run()
    assert set(AddressReview.objects.values_list("state", flat=True)) == {"withdrawn"}


def test_that_a_clear_winner_is_taken_and_checked_blind(house, clerk):
    AddressPolicy.objects.filter(pk=1).update(threshold=0.5, sample=1.0)
    order, item = held(house, "张江路288号启明科创园X栋")
    assert item.state == "accepted"
    assert ref(order).lng is not None
    blind = AddressReview.objects.get(kind="sample")
    shown = showing.items([blind.pk])[0]
    assert all(card["score"] is None for card in shown["cards"])
    leases.take(TOKEN, "a", 5)
    rank = review.shown_order(blind, 3).index(0) + 1
    review.decide(blind.pk, TOKEN, person(clerk), review.by_rank(rank), way="mouse")
    assert AddressPick.objects.get(item=blind).agrees is True
    assert ref(order).version == 2, "agreeing changes nothing"


def test_that_a_pin_a_found_place_and_the_text_as_written_decide_as_well(house, clerk):
    order, item = held(house)
    leases.take(TOKEN, "a", 5)
    with pytest.raises(review.Refused):
        review.decide(item.pk, TOKEN, person(clerk), review.by_pin("nan", 1), way="mouse")
    review.decide(item.pk, TOKEN, person(clerk), review.by_pin(121.6, 31.2), way="mouse")
    assert (ref(order).lng, ref(order).lat) == (121.6, 31.2)
    assert "288号" in text(order)
    other, second = held(house, "张江路299号", hours=60)
    leases.take(TOKEN, "a", 5)
    review.decide(second.pk, TOKEN, person(clerk), review.as_written, way="key")
    assert (ref(other).lng, text(other)) == (None, "张江路299号")
    cast.route()
    assert Order.objects.get(pk=other.pk).state == "routed"
    with pytest.raises(review.Refused):
        review.by_found("forged")(second, [])


def test_that_many_are_accepted_at_once_and_taken_back_within_ten_minutes(house, clerk):
    for n in range(7):
        cast.order(house, cast.ZHANGJIANG[:4], f"张江路288号启明科创园X栋{n}01室", hours=20 + n)
    cast.look_up()
    AddressReview.objects.update(verdict="confirm")
    assert bulk.preview(0.3, TOKEN).count == 7
    leases.take("b" * 20, "b", 1)
    batch, taken = bulk.accept(0.3, TOKEN, person(clerk))
    assert len(taken) == 6, "what somebody has open is left to them"
    cast.route()
    printed = AddressPick.objects.filter(batch=batch).first()
    Order.objects.filter(pk=printed.order_id).update(state="printed")
    assert bulk.undo(batch, person(clerk)) == (5, 1)
    AddressPick.objects.filter(batch=batch).update(
        undone_at=None, at=timezone.now() - dt.timedelta(minutes=11)
    )
    with pytest.raises(review.Refused) as refused:
        bulk.undo(batch, person(clerk))
    assert refused.value.code == "late"


def test_that_an_item_is_small_and_shown_by_a_constant_number_of_statements(house):
    for n in range(5):
        cast.order(house, cast.ZHANGJIANG[:4], f"张江路288号启明科创园{n}栋", hours=20 + n)
    cast.look_up()
    ids = list(AddressReview.objects.values_list("id", flat=True))
    showing.items(ids)
    counts = []
    for some in (ids[:1], ids):
        with CaptureQueriesContext(
            connection,
        ) as caught:
            rows = showing.items(some)
        counts.append(len(caught))
    assert counts[0] == counts[1] <= 9
    assert max(len(json.dumps(row, ensure_ascii=False).encode()) for row in rows) <= 15_000


@pytest.mark.django_db(transaction=True)
def test_that_sixteen_clients_on_the_queue_decide_everything_once(house, clerk):
    for n in range(64):
        cast.order(house, cast.ZHANGJIANG[:4], f"张江路{1000 + n}号", hours=20 + n / 10)
    cast.look_up()
    actor = person(clerk)

    def work(name: int) -> list[int]:
        token, done = f"{name:020d}", []
        try:
            while ids := leases.take(token, str(name), 2):
                for identity in ids:
                    review.decide(identity, token, actor, review.by_pin(121.6, 31.2), way="key")
                    done.append(identity)
            return done
        finally:
            connections.close_all()

    with ThreadPoolExecutor(16) as pool:
        decided = [identity for part in pool.map(work, range(16)) for identity in part]
    twice = [identity for identity, times in Counter(decided).items() if times > 1]
    assert (len(decided), twice, AddressReview.objects.filter(state="waiting").count()) == (64, [], 0)
    assert AddressPick.objects.count() == 64
