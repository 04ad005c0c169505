"""The policy as a pure function: first difference wins, and nothing is dropped without its reason."""

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.judgements import OUTPUTS, STEPS
from routing.plan import POLICY, Outlet, Policy, Warehouse, choose_outlet, choose_warehouse, resmoothed

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


WAREHOUSES = st.lists(
    st.builds(
        Warehouse,
        id=st.integers(1, 9),
        code=st.text("ABCDEF", min_size=1, max_size=4),
        own=st.booleans(),
        priority=st.integers(0, 3),
        rate=st.floats(0, 1),
        raw=st.none() | st.floats(0, 1),
        parcels=st.integers(0, 100),
        blocked=st.sampled_from(["", "no_stock", "inactive"]),
    ),
    max_size=6,
    unique_by=lambda option: option.code,
)
PRICED = st.lists(
    st.builds(
        Outlet,
        code=st.text("ABCDEF", min_size=1, max_size=2),
        carrier=st.sampled_from(["ZTO", "YTO"]),
        inside=st.booleans(),
        left=st.integers(0, 400),
        success=st.floats(0, 1),
        raw=st.none() | st.floats(0, 1),
        parcels=st.integers(0, 100),
        blocked=st.sampled_from(["", "", "out_of_reach"]),
        cost=st.none() | st.floats(0, 100),
        hours=st.none() | st.integers(0, 200),
    ),
    max_size=6,
    unique_by=lambda option: option.code,
)
CHOICES = {
    "way": ["chain", "weighted"],
    "compare": [code for code, _label in STEPS],
    "prefer_carrier": ["", "ZTO", "YTO", "SF"],
    "exclude_carriers": ["ZTO", "YTO", "SF"],
    "default_carrier": ["ZTO", "YTO"],
}
CODES = st.text("ABCDEF", min_size=1, max_size=2)


def value(field):
    """Anything that the output's schema allows."""
    if field.kind == "number":
        return st.floats(field.low, field.high)
    if field.kind == "bool":
        return st.booleans()
    known = CHOICES.get(field.code)
    each = st.sampled_from(known) if known else CODES
    return st.lists(each, max_size=4) if field.kind == "list" else (each if known else st.just("") | CODES)


ANSWERS = st.fixed_dictionaries({field.code: value(field) for field in OUTPUTS})


@settings(max_examples=400)
@given(PRICED, ANSWERS, st.randoms())
def test_that_any_answer_of_the_rules_chooses_an_outlet_that_may_be_taken_whatever_the_order(
    options, answer, chance
):
    policy = Policy.of("x", answer)
    choice = choose_outlet(options, policy)
    able = {
        option.code
        for option in options
        if not option.blocked
        and option.left > 0
        and option.code not in answer["exclude_outlets"]
        and option.carrier not in answer["exclude_carriers"]
    }
    assert (choice.picked is not None) == bool(able)
    assert {options[i].code for i in range(len(options)) if i not in choice.dropped} == able
    if choice.picked is not None:
        assert options[choice.picked].code in able
        if answer["prefer_outlet"] in able:
            assert options[choice.picked].code == answer["prefer_outlet"]
    mixed = list(options)
    chance.shuffle(mixed)
    again = choose_outlet(mixed, policy)
    assert (again.picked is None) == (choice.picked is None)
    if choice.picked is not None:
        assert taken(mixed, again).code == options[choice.picked].code


@settings(max_examples=400)
@given(WAREHOUSES, ANSWERS, st.randoms())
def test_that_any_answer_of_the_rules_chooses_a_warehouse_that_may_be_taken_whatever_the_order(
    options, answer, chance
):
    policy = Policy.of("x", answer)
    choice = choose_warehouse(options, policy)
    able = {o.code for o in options if not o.blocked and o.code not in answer["exclude_warehouses"]}
    assert (choice.picked is not None) == bool(able)
    assert {options[i].code for i in choice.dropped} == {o.code for o in options} - able
    mixed = list(options)
    chance.shuffle(mixed)
    again = choose_warehouse(mixed, policy)
    if choice.picked is not None:
        assert options[choice.picked].code in able
        assert taken(mixed, again).code == options[choice.picked].code


def rated(code, raw, parcels, *, prior=0.95, inside=False):
    smooth = (raw * parcels + 20 * prior) / (parcels + 20)
    return Outlet(code, "ZTO", inside, 100, smooth, raw, parcels)


def test_that_one_parcel_does_not_swing_a_region_under_either_policy():
    steady, lucky = rated("A", 0.97, 500), rated("B", 1.0, 1)
    lost = rated("C", 0.0, 1)
    for way in ("chain", "weighted"):
        policy = dataclasses.replace(POLICY, way=way)
        assert taken([steady, lucky], choose_outlet([steady, lucky], policy)).code == "A"
        weak = rated("A", 0.90, 500)
        assert (
            taken([weak, lost], choose_outlet([weak, lost], policy)).code == "C"
        )  # 0.905 after one lost parcel
    bare = dataclasses.replace(POLICY, smoothing=0)
    assert taken([steady, lucky], choose_outlet([steady, lucky], bare)).code == "B"


@given(st.floats(0, 1), st.integers(1, 500), st.floats(0, 1), st.floats(0, 1000))
def test_that_a_kept_rate_is_smoothed_anew_as_if_from_the_parcels(raw, parcels, prior, strength):
    kept = (raw * parcels + 20 * prior) / (parcels + 20)
    expected = (raw * parcels + strength * prior) / (parcels + strength)
    assert abs(resmoothed(kept, raw, parcels, strength) - expected) < 1e-6


def test_that_the_cheapest_or_soonest_goes_first_where_the_rules_say_so():
    dear = Outlet("A", "ZTO", True, 300, 0.99, 0.99, 100, "", 5.0, 24)
    cheap = Outlet("B", "ZTO", False, 300, 0.90, 0.9, 100, "", 3.0, 72)
    unknown = Outlet("C", "ZTO", False, 300, 0.95, 0.9, 100)
    options = [dear, cheap, unknown]
    by_cost = choose_outlet(options, dataclasses.replace(POLICY, compare=("cost", "success")))
    assert (taken(options, by_cost).code, by_cost.reason[0]) == ("B", "cheapest")
    by_time = choose_outlet(options, dataclasses.replace(POLICY, compare=("promised", "inside")))
    assert (taken(options, by_time).code, by_time.reason[0]) == ("A", "soonest")


def test_that_the_weighted_sum_says_how_many_points_each_thing_gave():
    near = Outlet("A", "ZTO", True, 300, 0.90, 0.9, 100, "", 4.0, 48)
    far = Outlet("B", "ZTO", False, 100, 0.98, 0.98, 100, "", 3.0, 24)
    choice = choose_outlet([near, far], dataclasses.replace(POLICY, way="weighted"))
    assert choice.picked == 0
    assert choice.reason == [
        "weighted",
        {
            "outlet": "A", "points": 82.2,
            "parts": {"inside": 40.0, "left": 15.0, "success": 18.0, "cost": 6.7, "promised": 2.5},
            "second": "B", "second_points": 52.5,
        },
    ]  # fmt: skip


def test_that_what_ships_is_what_the_policies_answer():
    assert Policy.of(POLICY.name, {field.code: field.default for field in OUTPUTS}) == POLICY
