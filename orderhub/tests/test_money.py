"""Money is read exactly or refused, and parts always add up to the whole."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderhub.money import BadMoney, allocate, from_fen, rounded, text, to_fen, yuan

AMOUNTS = st.integers(-(10**11), 10**11).map(lambda fen: (Decimal(fen) / 100).quantize(Decimal("0.01")))
WEIGHTS = st.lists(st.one_of(st.integers(0, 10**9), st.decimals(0, 10**6, places=4)), min_size=1, max_size=40)


@pytest.mark.parametrize(
    ("given_", "read"),
    [
        ("199", "199.00"),
        ("199.9", "199.90"),
        (" 0.01 ", "0.01"),
        ("-5.50", "-5.50"),
        (7, "7.00"),
        (Decimal("1.10"), "1.10"),
        ("199.9000", "199.90"),
        ("-0.00", "0.00"),
        ("+3", "3.00"),
    ],
)
def test_that_platform_amounts_are_read_exactly(given_: Any, read: str) -> None:
    assert str(yuan(given_)) == read


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "NaN",
        "sNaN",
        "Infinity",
        "-Infinity",
        "1e3",
        "1E-2",
        "1,000.00",
        "1.005",
        "0.001",
        "１２",
        "٣",
        "0x10",
        "1_000",
        "--1",
        ".5",
        "5.",
        "12a",
        "9" * 17,
        "1\x00",
        "10000000000.00",
        None,
        True,
        1.5,
        float("nan"),
        [],
        {},
        b"1",
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1E+30"),
        Decimal("0.001"),
    ],
)
def test_that_what_is_no_exact_amount_is_refused(bad: Any) -> None:
    with pytest.raises(BadMoney):
        yuan(bad)


@pytest.mark.parametrize("bad", ["1.0", "", "1e2", None, True, 1.0, "NaN", "９"])
def test_that_what_is_no_whole_number_of_fen_is_refused(bad: Any) -> None:
    with pytest.raises(BadMoney):
        from_fen(bad)


@given(AMOUNTS)
def test_that_fen_and_text_round_trip(amount: Decimal) -> None:
    assert from_fen(to_fen(amount)) == amount == yuan(text(amount))


def test_that_halves_round_away_from_zero() -> None:
    assert rounded(Decimal("1.005")) == Decimal("1.01")
    assert rounded(Decimal("-1.005")) == Decimal("-1.01")
    assert rounded(Decimal("1.004999")) == Decimal("1.00")
    with pytest.raises(BadMoney):
        rounded(Decimal("NaN"))


@given(AMOUNTS, WEIGHTS)
def test_that_parts_add_up_to_the_whole(total: Decimal, weights: list[Any]) -> None:
    parts = allocate(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)
    assert all(part == part.quantize(Decimal("0.01")) for part in parts)


@given(AMOUNTS, WEIGHTS)
def test_that_every_part_is_within_a_fen_of_its_due(total: Decimal, weights: list[Any]) -> None:
    mass = sum(Decimal(weight) for weight in weights)
    if mass == 0:
        return
    for part, weight in zip(allocate(total, weights), weights, strict=True):
        assert abs(part - total * Decimal(weight) / mass) < Decimal("0.0100001")
        if weight == 0:
            assert part == 0


def test_that_the_remainder_goes_to_the_largest_remainders_first() -> None:
    assert allocate(Decimal("100.00"), [1, 1, 1]) == [Decimal("33.34"), Decimal("33.33"), Decimal("33.33")]
    assert allocate(Decimal("0.02"), [0, 0, 0]) == [Decimal("0.01"), Decimal("0.01"), Decimal("0.00")]
    assert allocate(Decimal("-0.01"), [1, 3]) == [Decimal("0.00"), Decimal("-0.01")]


@pytest.mark.parametrize("weights", [[], [-1], [Decimal("NaN")], [Decimal("Infinity")]])
def test_that_senseless_weights_are_refused(weights: list[Any]) -> None:
    with pytest.raises(ValueError):
        allocate(Decimal("1.00"), weights)
