"""The policy as a pure function: first difference wins, and nothing is dropped without its reason."""

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from routing.plan import POLICY, Outlet, Warehouse, choose_outlet, choose_warehouse

OUTLETS = st.lists(
    st.builds(
        Outlet,
        code=st.text("ABCDEF", min_size=1, max_size=4),
        carrier=st.just("ZTO"),
        inside=st.booleans(),
        left=st.integers(0, 400),
        success=st.floats(0, 1),
        raw=st.none(),
        parcels=st.integers(0, 100),
        blocked=st.sampled_from(["", "out_of_reach"]),
    ),
    max_size=6,
    unique_by=lambda option: option.code,
)


def taken(options, choice):
    assert choice.picked is not None
    return options[choice.picked]


@given(OUTLETS)
def test_that_a_full_or_blocked_outlet_is_never_taken_and_always_listed(options):
    choice = choose_outlet(options)
    for i, option in enumerate(options):
        assert choice.dropped.get(i, "") == (option.blocked or ("full" if option.left <= 0 else ""))
    if choice.picked is None:
        assert len(choice.dropped) == len(options)
    else:
        assert choice.picked not in choice.dropped


@given(OUTLETS)
def test_that_the_choice_does_not_depend_on_the_order_of_the_options(options):
    forward, backward = choose_outlet(options), choose_outlet(options[::-1])
    one = None if forward.picked is None else options[forward.picked].code
    other = None if backward.picked is None else options[::-1][backward.picked].code
    assert one == other


@given(OUTLETS)
def test_that_an_outlet_with_over_200_places_inside_its_fence_always_wins(options):
    able = [option for option in options if not option.blocked]
    free = [option for option in able if option.inside and option.left > POLICY.preferred_left]
    if free:
        assert taken(options, choose_outlet(options)).code in {option.code for option in free}


def warehouse(code, rate, *, own=True, priority=10, blocked=""):
    return Warehouse(ord(code[0]), code, own, priority, rate, rate, 50, blocked)


def test_that_priority_decides_between_equal_own_warehouses():
    options = [
        warehouse("B", 0.90, priority=20),
        warehouse("A", 0.91, priority=30),
        warehouse("C", 0.5, priority=1),
    ]
    choice = choose_warehouse(options)
    assert taken(options, choice).code == "B"
    assert choice.reason[0] == "priority"


def test_that_own_first_can_be_switched_off():
    options = [warehouse("A", 0.90, priority=20), warehouse("P", 0.90, own=False, priority=1)]
    assert taken(options, choose_warehouse(options)).code == "A"
    loose = dataclasses.replace(POLICY, own_first=False)
    assert taken(options, choose_warehouse(options, loose)).code == "P"


def test_that_where_none_can_serve_it_nothing_is_picked_and_each_has_its_reason():
    choice = choose_warehouse(
        [warehouse("A", 0.9, blocked="no_stock"), warehouse("B", 0.9, blocked="inactive")]
    )
    assert (choice.picked, choice.reason[0]) == (None, "none_serves_all")
    assert choice.dropped == {0: "no_stock", 1: "inactive"}
