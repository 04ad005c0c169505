"""Our own waves: made, picked in walking order, packed with a weight, labelled, sent off; and the callbacks' doors."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser
from django.utils import timezone

from inventory.models import Bin
from inventory.operations.receive import opening
from logistics.labels import SIZES, Label, Party, draw, wrap
from logistics.models import Parcel, Trace
from logistics.operations import packing, printing, shipping, tracking, waves, waybill
from logistics.operations.deliveries import load_history
from logistics.queries import deliveries, orders_of_waybills, parcels_of, waybills
from orderhub import modules
from orderhub.actors import Actor
from orderhub.inbound import processing
from orderhub.integrations import signing
from orderhub.models import Payload, Ticket
from orders.models import Event
from orders.operations import holds

CLERK = Actor("person", "li")


def test_that_a_wave_takes_what_is_ready_and_leaves_held_orders_out(house: Any) -> None:
    ready = [house.parcel(house.order(warehouse="SH01"), "handed") for _ in range(3)]
    held = house.order(warehouse="SH01")
    kept_out = house.parcel(held, "handed")
    holds.open_holds([held.id], "manual", "wait", CLERK)
    made = waves.make_waves(CLERK)
    assert len(made) == 1
    assert set(Parcel.objects.filter(wave=made[0]).values_list("id", flat=True)) == {p.id for p in ready}
    kept_out.refresh_from_db()
    assert kept_out.state == "handed"
    assert waves.make_waves(CLERK) == []


def test_that_the_pick_list_walks_the_bins_in_order_and_sums_pieces(house: Any) -> None:
    near = Bin.objects.create(warehouse=house.houses["SH01"], code="SH01-Z-09", walk_order=1)
    opening([(house.sku.id, near.id, 50)])
    for _ in range(2):
        house.parcel(house.order(warehouse="SH01"), "handed")
    house.bins["SH01"] = near
    house.parcel(house.order(warehouse="SH01"), "handed")
    wave = waves.make_waves(CLERK)[0]
    assert [(pick.bin, pick.quantity, len(pick.parcels)) for pick in waves.pick_list(wave.id)] == [
        ("SH01-Z-09", 2, 1), ("SH01-A-01", 4, 2),
    ]  # fmt: skip


def test_that_packing_prints_and_ships_and_the_wave_is_done(house: Any, open_gate: dict[int, Any]) -> None:
    order = house.order(warehouse="SH01")
    parcel = house.parcel(order, "handed")
    waybill.keep_payloads(
        {parcel.id: {"waybill_no": parcel.waybill_no, "mark": "杭州余杭-01", "bag": "杭州转运中心"}}
    )
    wave = waves.make_waves(CLERK)[0]
    assert packing.pack(parcel.waybill_no, 700, CLERK).result == "good"
    done = printing.print_labels([parcel.id], CLERK)
    assert done.pdf.startswith(b"%PDF") and not done.tasks and not done.refused
    assert shipping.send_off([parcel.id], CLERK).moved
    parcel.refresh_from_db()
    assert (parcel.state, parcel.prints) == ("shipped", 1)
    printing.print_labels([parcel.id], CLERK)
    codes = list(Event.objects.filter(order=order, code__startswith="label").values_list("code", flat=True))
    assert codes == ["label.printed", "label.reprinted"]
    waves.close_done()
    wave.refresh_from_db()
    assert wave.done_at is not None


def test_that_a_packer_is_told_to_set_a_wrong_weight_aside(house: Any) -> None:
    order = house.order(warehouse="SH01")
    parcel = house.parcel(order, "waved")
    assert packing.pack(parcel.number.lower(), 2000, CLERK).result == "off"
    order.refresh_from_db()
    assert order.open_holds == 1
    refused = printing.print_labels([parcel.id], CLERK)
    assert list(refused.refused) == [parcel.number] and not refused.pdf


@pytest.mark.parametrize("scanned", ["", "   ", "nothing", "'; drop table"])
def test_that_an_unknown_scan_stops_with_words(house: Any, scanned: str) -> None:
    assert packing.pack(scanned, 100, CLERK).result == "stop"


@pytest.mark.parametrize("weight", [0, -5, 100_001])
def test_that_an_impossible_weight_changes_nothing(house: Any, weight: int) -> None:
    parcel = house.parcel(house.order(warehouse="SH01"), "waved")
    assert packing.pack(parcel.number, weight, CLERK).result == "stop"
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_g) == ("waved", None)


def test_that_a_masked_label_is_a_task_with_the_text_that_came_and_no_pdf(house: Any) -> None:
    parcel = house.parcel(house.order("taobao", "SH01"), "packed")
    text = '{"encryptedData":"AES:x","signature":"MD:y"}'
    waybill.keep_payloads({parcel.id: {"waybill_no": parcel.waybill_no, "print_data": text}})
    done = printing.print_labels([parcel.id], CLERK)
    assert (done.pdf, done.tasks[0]["print_data"]) == (b"", text)


@pytest.mark.parametrize("size", list(SIZES))
def test_that_a_label_is_a_pdf_of_its_size_with_rare_characters(size: str) -> None:
    to = Party("喆堃珺", "13812345678", "浙江省杭州市余杭区文一西路969号" * 6)
    goods = ["杯 × 1"] * 12
    one = Label(
        "OH1-1",
        "78123456789012",
        "中通快递",
        "余杭-01-02",
        "杭州转运中心",
        to,
        Party("李仓", "1", "x"),
        goods,
    )
    made = draw([one, one], size)
    assert made.startswith(b"%PDF") and made.count(b"/Type /Page\n") == 2
    assert len(made) < 400_000


def test_that_long_text_is_broken_and_cut() -> None:
    lines = wrap("浙江省杭州市" * 30, 10, 100, 3)
    assert len(lines) == 3 and lines[-1].endswith("…")


# traces


def row(at: str, code: str, text: str = "x") -> dict[str, str]:
    return {"time": at, "ftime": at, "context": text, "statusCode": code}


def pushed(house: Any, number: str, rows: list[dict[str, str]], **more: Any) -> Any:
    message = {"status": "polling", "lastResult": {"nu": number, "com": "zhongtong", "data": rows}, **more}
    param = json.dumps(message, ensure_ascii=False)
    sign = signing.kuaidi100_callback(param, more.get("salt", "pinch"))
    return Browser().post(
        "/callbacks/kuaidi100/kuaidi100-main",
        urlencode({"sign": sign, "param": param}),
        content_type="application/x-www-form-urlencoded",
    )


WAY = [row("2026-11-20 10:00:00", "103"), row("2026-11-20 22:00:00", "1002"), row("2026-11-21 09:00:00", "5"),
       row("2026-11-21 12:00:00", "301")]  # fmt: skip


def test_that_a_push_is_kept_read_and_signs_the_parcel_at_the_carriers_time(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "shipped")
    answer = pushed(house, parcel.waybill_no, WAY)
    assert answer.json()["result"] is True
    processing.process("trace")
    parcel.refresh_from_db()
    assert (parcel.state, parcel.tracking, parcel.first_attempt_ok) == ("signed", "signed", True)
    assert parcel.signed_at.isoformat() == "2026-11-21T04:00:00+00:00"
    assert Payload.objects.get(kind="trace").order_id == order.id


def test_that_repeated_and_older_pushes_change_nothing(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    pushed(house, parcel.waybill_no, WAY)
    pushed(house, parcel.waybill_no, WAY)
    processing.process("trace")
    before = Parcel.objects.filter(id=parcel.id).values().get()
    pushed(house, parcel.waybill_no, WAY[:2])
    processing.process("trace")
    assert Parcel.objects.filter(id=parcel.id).values().get() == before
    assert Trace.objects.count() == 4


def test_that_a_forged_push_is_refused_and_nothing_is_kept(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    assert pushed(house, parcel.waybill_no, WAY, salt="other").status_code == 403
    assert not Payload.objects.exists()


def test_that_an_unknown_state_word_is_kept_and_becomes_one_ticket(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    pushed(house, parcel.waybill_no, [row("2026-11-20 10:00:00", "9999"), *WAY[:1]])
    processing.process("trace")
    parcel.refresh_from_db()
    assert parcel.tracking == "picked_up"
    assert Ticket.objects.filter(kind="trace_word").count() == 1


def test_that_traces_wait_while_tracking_is_off_and_sign_when_it_is_switched_on(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    modules.switch("tracking", False)
    pushed(house, parcel.waybill_no, WAY)
    processing.process("trace")
    parcel.refresh_from_db()
    assert parcel.state == "shipped"
    modules.switch("tracking", True)
    tracking.catch_up()
    parcel.refresh_from_db()
    assert parcel.state == "signed"


def test_that_a_refused_parcel_becomes_one_ticket(house: Any) -> None:
    parcel = house.parcel(house.order(), "shipped")
    pushed(house, parcel.waybill_no, [*WAY[:3], row("2026-11-21 11:00:00", "203")])
    pushed(
        house,
        parcel.waybill_no,
        [*WAY[:3], row("2026-11-21 11:00:00", "203"), row("2026-11-22 11:00:00", "6")],
    )
    processing.process("trace")
    assert set(Ticket.objects.values_list("kind", flat=True)) <= {"parcel_refused", "parcel_returning"}


# confirms


def confirm(house: Any, body: str, secret: str = "s", method: str = "deliveryorder.confirm") -> Any:
    account = house.accounts["qimen"]
    account.set_secrets({"app_secret": "s"})
    account.save(update_fields=["secrets_enc"])
    query = {"method": method, "customerId": "c1", "timestamp": "2026-11-21 12:00:00", "v": "2.0", "app_key": "k",
             "format": "xml", "sign_method": "md5"}  # fmt: skip
    query["sign"] = signing.qimen(secret, query, body.encode())
    return Browser().post(
        f"/callbacks/qimen/qimen-main?{urlencode(query)}", body.encode(), content_type="text/xml"
    )


def delivered(number: str, status: str = "DELIVERED", weight: str = "0.690", biz: str = "b1") -> str:
    return (
        f"<request><deliveryOrder><deliveryOrderCode>{number}</deliveryOrderCode><status>{status}</status>"
        f"<outBizCode>{biz}</outBizCode><orderConfirmTime>2026-11-20 18:00:00</orderConfirmTime></deliveryOrder>"
        f"<packages><package><weight>{weight}</weight></package></packages>"
        "<extendProps><waveTime>2026-11-20 12:00:00</waveTime><weighTime>2026-11-20 14:00:00</weighTime>"
        "<printTime>2026-11-20 13:30:00</printTime></extendProps></request>"
    )


def test_that_a_confirm_ships_the_parcel_once_at_the_warehouses_times(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"), "handed")
    for _ in range(2):
        answer = confirm(house, delivered(parcel.number))
        assert b"<flag>success</flag>" in answer.content
    processing.process("confirm")
    parcel.refresh_from_db()
    assert (parcel.state, parcel.weight_g) == ("shipped", 690)
    assert parcel.shipped_at.isoformat() == "2026-11-20T10:00:00+00:00"
    assert Payload.objects.filter(kind="confirm").count() == 1


def test_that_a_late_accept_does_not_lower_a_shipped_parcel(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"), "handed")
    confirm(house, delivered(parcel.number))
    confirm(house, delivered(parcel.number, "ACCEPT", biz="b0"))
    processing.process("confirm")
    parcel.refresh_from_db()
    assert parcel.state == "shipped"


def test_that_a_forged_confirm_is_refused_and_nothing_is_kept(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"), "handed")
    assert confirm(house, delivered(parcel.number), secret="forged").status_code == 403
    assert not Payload.objects.exists()


def test_that_an_unknown_status_is_set_aside_and_moves_nothing(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"), "handed")
    confirm(house, delivered(parcel.number, "TELEPORTED"))
    processing.process("confirm")
    parcel.refresh_from_db()
    assert (parcel.state, Payload.objects.get().state) == ("handed", "set_aside")


def test_that_a_rejecting_warehouse_voids_the_parcel(house: Any) -> None:
    parcel = house.parcel(house.order("taobao"), "handed")
    confirm(house, delivered(parcel.number, "REJECT"))
    processing.process("confirm")
    parcel.refresh_from_db()
    assert (parcel.state, parcel.hold_type) == ("voided", "rejected")


# questions


def test_that_history_is_marked_and_a_known_parcel_is_left_alone(house: Any) -> None:
    now = timezone.now()
    times = dict.fromkeys(("shipped_at", "picked_up_at", "first_attempt_at", "signed_at"), now)
    one = {"waybill_no": "H1", "adcode": "330110", "warehouse_code": "YH01", "carrier": "ZTO", "outlet_code": "o",
           "first_attempt_ok": True, **times}  # fmt: skip
    load_history([one])
    load_history([{**one, "adcode": "other"}])
    rows = list(deliveries(now))
    assert [(row.waybill_no, row.adcode, row.history) for row in rows] == [("H1", "330110", True)]
    with pytest.raises(ValueError, match="time zone"):
        load_history([{**one, "shipped_at": now.replace(tzinfo=None)}])


def test_that_a_parcel_is_found_by_its_numbers_and_shown_with_its_traces(house: Any) -> None:
    order = house.order()
    parcel = house.parcel(order, "shipped")
    pushed(house, parcel.waybill_no, WAY[:2])
    processing.process("trace")
    assert orders_of_waybills([parcel.waybill_no]) == {parcel.waybill_no: [order.id]}
    assert orders_of_waybills(["1"]) == {}
    assert waybills([order.id]) == {order.id: [parcel.waybill_no]}
    shown = parcels_of(order.id)[0]
    assert [trace["meaning"] for trace in shown["traces"]] == ["transit", "picked_up"]
    assert shown["contents"][0]["quantity"] == 2


def test_that_taking_traces_asks_a_constant_number_of_questions(house: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from logistics.providers.traces import scans

    def cost(n: int) -> int:
        numbers = [house.parcel(house.order(), "shipped").waybill_no for _ in range(n)]
        found = {number: scans(number, WAY)[0] for number in numbers}
        with CaptureQueriesContext(connection) as captured:
            tracking.take(found)
        return len(captured)

    cost(1)
    assert cost(1) == cost(5)
