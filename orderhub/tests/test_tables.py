"""The tables that tell the story hold together: names lead somewhere, states exist, and a touch only starts where it may."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection

from finance.lifecycle import LIFECYCLE as RECEIVABLES
from finance.models import Receivable
from inventory.operations.take import reserve_one
from logistics.lifecycle import LIFECYCLE as PARCELS
from logistics.models import ParcelState
from logistics.providers.labels import LABELS, service
from logistics.providers.labels.base import LabelService
from logistics.providers.labels.own import OwnLabels
from orderhub import checks, env, modules
from orderhub.actors import CLOCK
from orderhub.admin_site import registry
from orderhub.celery import app
from orderhub.dotted import resolve
from orderhub.imports.resources import Bringing, resources
from orderhub.inbound.registry import PAYLOAD_KINDS
from orderhub.integrations.registry import CLIENTS
from orderhub.lifecycle import LOCK_ORDER, Lifecycle, Touch, apply
from orderhub.management.commands.bench import BENCHES
from orderhub.management.commands.drill import DRILLS
from orderhub.outbox.registry import KINDS
from orderhub.sandbox import platforms
from orderhub.sandbox.frame import Platform
from orderhub.schedule import SCHEDULE
from orders.lifecycle import ADVANCE, LIFECYCLE
from orders.models import Order, OrderState
from orders.providers import PROVIDERS, channel_of
from orders.providers.channel import Channel
from orders.tests import aftersale_cast as cast

TABLES = [(LIFECYCLE, OrderState), (PARCELS, ParcelState), (RECEIVABLES, Receivable.State)]
EACH_TABLE = pytest.mark.parametrize(("lifecycle", "states"), TABLES, ids=[table.name for table, _ in TABLES])
WRONG = [
    (touch, state) for touch in LIFECYCLE.touches for state in OrderState.values if state not in touch.start
]
SWITCHED = [touch.code for touch in LIFECYCLE.touches if touch.module and touch.module not in modules.ALWAYS]
APPS = ("orderhub", "orders", "inventory", "logistics", "routing", "finance")


def literals(function: str, place: int, keyword: str) -> Iterator[tuple[str, str]]:
    """(file, text) of every call of `function` in the product whose argument is written out."""
    for name in APPS:
        for path in (env.ROOT / name).rglob("*.py"):
            if {"tests", "testing", "sandbox", "drills", "benches", "migrations"} & set(path.parts):
                continue
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if not isinstance(node, ast.Call):
                    continue
                called = node.func
                if (
                    called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
                ) != function:
                    continue
                given = node.args[place : place + 1] + [
                    word.value for word in node.keywords if word.arg == keyword
                ]
                for value in given:
                    if isinstance(value, ast.Constant) and isinstance(value.value, str):
                        yield path.name, value.value


def test_that_every_dotted_name_leads_to_something():
    assert len(list(checks.dotted_names())) > 60
    assert checks.names_resolve() == []
    for name in (*PROVIDERS.values(), *registry.names(), *BENCHES.values(), *DRILLS.values()):
        assert callable(resolve(name))


def test_that_a_misspelt_name_is_found_at_the_start(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(PAYLOAD_KINDS, "order", "orders.operations.intake.take_inn")
    assert [error.id for error in checks.names_resolve()] == ["orderhub.E001"]


@EACH_TABLE
def test_that_touches_start_and_end_in_states_that_exist(lifecycle: Lifecycle, states: Any):
    for touch in lifecycle.touches:
        assert touch.start and set(touch.start) <= set(states.values)
        assert touch.end is None or touch.end in states.values
        assert str(touch.label).strip()
        assert touch.module in ("", *(module.code for module in modules.MODULES))
        assert touch.target is None or touch.target.total_seconds() > 0
    assert len(lifecycle.by_code) == len(lifecycle.touches)


@EACH_TABLE
def test_that_every_state_but_the_first_is_reached_by_a_touch(lifecycle: Lifecycle, states: Any):
    reached = {touch.end for touch in lifecycle.touches} | {states.values[0]}
    assert reached >= set(states.values)


@EACH_TABLE
def test_that_locks_know_their_place_in_the_one_order(lifecycle: Lifecycle, states: Any):
    for touch in lifecycle.touches:
        for name in touch.locks:
            assert resolve(name).rank in LOCK_ORDER  # type: ignore[attr-defined]


def test_that_the_eleven_points_are_each_made_by_one_touch():
    assert sorted(touch.point for touch in LIFECYCLE.touches if touch.point) == list(range(1, 12))


def test_that_what_the_clock_does_no_right_is_needed_for_and_every_button_asks_for_one():
    for touch in LIFECYCLE.touches:
        assert not (touch.auto and touch.permission)
        assert not touch.danger or touch.permission


def test_that_parcels_carry_their_order_forward_by_touches_that_exist():
    steps = {(start, touch.end) for touch in LIFECYCLE.touches for start in touch.start}
    assert all(step in steps for step in pairwise(ADVANCE))


def test_that_the_schedule_names_tasks_that_take_what_it_gives():
    assert checks.tasks_exist(None) == []
    assert len({row.name for row in SCHEDULE}) == len(SCHEDULE)
    for row in SCHEDULE:
        inspect.signature(app.tasks[row.task].run).bind(**row.kwargs)
        assert row.seconds >= 1


def test_that_every_platform_has_a_client_and_a_side_in_the_sandbox():
    # Cainiao speaks through Taobao's gateway, with the shop's own session; a sheet has no other side.
    assert set(platforms.PLATFORMS) == set(CLIENTS) - {"cainiao", "spreadsheet"}
    for name in platforms.PLATFORMS:
        assert platforms.resolve(name).prefix == name


def test_that_every_channel_has_a_client():
    assert set(PROVIDERS) <= set(CLIENTS)


def test_that_every_message_asked_for_has_somebody_who_sends_it():
    asked = {kind for _, kind in (*literals("ask_once", 0, "kind"), *literals("ask", 1, "kind"))}
    assert len(asked) > 5
    assert asked <= set(KINDS)
    assert all(
        kind.code == code and kind.batch >= 1 and kind.max_attempts >= 2 for code, kind in KINDS.items()
    )


def test_that_every_payload_kept_has_somebody_who_reads_it():
    kept = {kind for _, kind in literals("keep", 1, "kind")}
    assert kept
    assert kept - {"key"} <= set(PAYLOAD_KINDS)  # "key" only remembers an Idempotency-Key, nobody reads it


def everything() -> list[tuple[str, str]]:
    """Every row of every table that a touch of an order could write."""
    tables = (
        "orders_order", "orders_line", "orders_event", "orders_hold", "orders_case", "orderhub_message", "orderhub_ticket",
        "inventory_stock", "inventory_reservation", "inventory_movement", "logistics_parcel", "routing_capacityday",
    )  # fmt: skip
    rows = " UNION ALL ".join(f"SELECT '{table}', to_jsonb(t)::text FROM {table} t" for table in tables)
    with connection.cursor() as cursor:
        cursor.execute(f"{rows} ORDER BY 1, 2")
        return cursor.fetchall()


def in_state(state: str) -> Order:
    """An order whose lines hold stock, in that state."""
    order = cast.order("signed" if state == "closed" else state, goods=(("CUP-1", 2, "30.00"),))
    for line in order.lines.all():
        assert reserve_one(line.uuid, line.sku_id, line.quantity)
    if state == "closed":
        Order.objects.filter(id=order.id).update(state="closed")
    return order


@pytest.mark.django_db
@pytest.mark.parametrize(("touch", "state"), WRONG, ids=[f"{touch.code}-{state}" for touch, state in WRONG])
def test_that_a_touch_from_a_wrong_state_is_refused_and_nothing_happened(touch: Touch, state: str):
    order = in_state(state)
    before = everything()
    outcome = apply(LIFECYCLE, touch.code, [order.id], actor=CLOCK)
    assert outcome.moved == {} and outcome.wake == set()
    assert outcome.refused[order.id].code == "wrong_state"
    assert state in outcome.refused[order.id].text
    assert everything() == before


@pytest.mark.django_db
@pytest.mark.parametrize("code", SWITCHED)
def test_that_a_touch_of_a_module_that_is_off_is_refused_and_nothing_happened(code: str):
    touch = LIFECYCLE.by_code[code]
    order = in_state(touch.start[0])
    modules.switch(touch.module, False)
    before = everything()
    try:
        outcome = apply(LIFECYCLE, code, [order.id], actor=CLOCK)
    finally:
        modules.forget()
    assert outcome.refused[order.id].code == "module_off" and outcome.moved == {}
    assert everything() == before


@pytest.mark.django_db
def test_that_an_order_nobody_has_is_a_refusal():
    outcome = apply(LIFECYCLE, "cancel", [987_654_321], actor=CLOCK)
    assert outcome.refused[987_654_321].code == "missing"


def unbuilt(made: type, base: type) -> set[str]:
    """Methods that a base leaves to its classes and this one leaves out, too."""
    return {
        name
        for name, method in vars(base).items()
        if inspect.isfunction(method)
        and "raise NotImplementedError" in inspect.getsource(method)
        and getattr(made, name) is method
    }


@pytest.mark.parametrize("word", list(PROVIDERS))
def test_that_a_channel_does_what_it_says_it_does(word: str) -> None:
    """What may be left out is what is never asked: a channel that is not pulled has no pages, and so on."""
    made = type(channel_of(word))
    spared: set[str] = set()
    if not made.pulled:
        spared |= {"pages", "listed"} | ({"details"} if made.seen is not Channel.seen else set())
    if not made.says_reach:
        spared.add("reach")
    if not made.shows_stock:
        spared |= {"offers", "show"}
    if not made.limits_items:
        spared |= {"limit"}
    if made.letters is Channel.letters:
        spared.add("numbers_in")
    if made.address_asked is Channel.address_asked:
        spared.add("answer_address")
    assert unbuilt(made, Channel) <= spared


@pytest.mark.parametrize("word", list(LABELS))
def test_that_every_label_service_is_whole(word: str) -> None:
    made = type(service(word))
    assert not unbuilt(made, LabelService)
    assert not issubclass(made, OwnLabels) or not unbuilt(made, OwnLabels)


@pytest.mark.parametrize("what", list(resources()))
def test_that_every_kind_of_file_that_can_be_brought_is_whole(what: str) -> None:
    assert not unbuilt(resources()[what], Bringing)


@pytest.mark.parametrize("dotted", list(platforms.PLATFORMS.values()))
def test_that_every_side_of_the_sandbox_answers(dotted: str) -> None:
    assert not unbuilt(resolve(dotted), Platform)
