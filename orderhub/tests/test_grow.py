"""The measurement of growth, on a small house: a round brings its orders through, and says so when it does not."""

from __future__ import annotations

import pytest

from orderhub import modules
from orderhub.benches import chain, grow
from orderhub.management.seeding import filling
from orders.models import Order

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def filled(monkeypatch: pytest.MonkeyPatch) -> None:
    modules.forget()
    monkeypatch.setattr(filling, "STEP", 100)
    filling.fill(100)


def test_that_a_round_brings_all_its_orders_to_their_route() -> None:
    assert grow.one_round(1, 20) > 0
    newest = Order.objects.order_by("-id").values_list("state", flat=True)[:120]
    assert Order.objects.count() == 220 and set(newest) == {"routed"}


def test_that_a_round_that_leaves_orders_behind_is_no_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "stretch", lambda: (("verify", "reserve"), "routed", True))
    with pytest.raises(RuntimeError, match="20 of 20 orders did not come to routed"):
        grow.one_round(1, 20)
