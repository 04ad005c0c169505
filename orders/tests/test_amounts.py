"""Property tests: discounts, freight and refunds fall on lines so that the sums always agree."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderhub.money import BadMoney
from orders.amounts import ZERO, allocate_lines, allocate_refund

fen = st.integers(0, 5_000_000).map(lambda value: Decimal(value) / 100)
baskets = st.lists(fen, min_size=1, max_size=12)


@given(baskets, fen, st.data())
def test_that_parts_of_an_order_add_up_to_it(goods, freight, data):
    most = sum(goods, ZERO) + freight
    discount = data.draw(st.integers(0, int(most * 100)).map(lambda value: Decimal(value) / 100))
    parts = allocate_lines(goods, discount, freight)
    assert sum((part[0] for part in parts), ZERO) == discount
    assert sum((part[1] for part in parts), ZERO) == freight
    assert sum((part[2] for part in parts), ZERO) == most - discount
    assert all(payable >= 0 for _discount, _freight, payable in parts)
    for value, (less, share, payable) in zip(goods, parts, strict=True):
        assert payable == value - less + share


@given(baskets, fen)
def test_that_a_surcharge_adds_up_too(goods, surcharge):
    parts = allocate_lines(goods, -surcharge, ZERO)
    assert sum((part[2] for part in parts), ZERO) == sum(goods, ZERO) + surcharge
    assert all(payable >= value for value, (_d, _f, payable) in zip(goods, parts, strict=True))


@given(baskets, st.data())
def test_that_refund_after_refund_ends_at_exactly_what_was_paid(payables, data):
    left = list(payables)
    for _round in range(data.draw(st.integers(0, 4))):
        amount = data.draw(st.integers(0, int(sum(left, ZERO) * 100)).map(lambda value: Decimal(value) / 100))
        named = data.draw(st.none() | st.sets(st.integers(0, len(left) - 1)))
        shares = allocate_refund(left, amount, named)
        assert sum(shares, ZERO) == amount
        left = [value - share for value, share in zip(left, shares, strict=True)]
        assert all(value >= 0 for value in left)
    last = allocate_refund(left, sum(left, ZERO))
    assert last == left


def test_that_a_refund_for_one_line_leaves_the_others_alone():
    left = [Decimal("10.00"), Decimal("5.00")]
    assert allocate_refund(left, Decimal("4.00"), {1}) == [ZERO, Decimal("4.00")]
    assert allocate_refund(left, Decimal("6.00"), {1}) == [Decimal("1.00"), Decimal("5.00")]


@pytest.mark.parametrize(
    ("goods", "discount", "freight"),
    [(["10.00"], "10.01", "0"), (["-1.00"], "0", "0"), (["1.00"], "0", "-1.00"), (["1.005"], "0", "0")],
)
def test_that_amounts_that_cannot_be_are_refused(goods, discount, freight):
    with pytest.raises(BadMoney):
        allocate_lines([Decimal(value) for value in goods], Decimal(discount), Decimal(freight))


def test_that_more_than_is_left_is_never_refunded():
    with pytest.raises(BadMoney):
        allocate_refund([Decimal("1.00")], Decimal("1.01"))
