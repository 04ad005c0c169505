"""The figures of address review are a rule's to say, within their bounds; as set, where no rule says otherwise."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from orderhub.rules import engine, publishing, registry, seeding, simulating
from orderhub.rules.documents import table
from orders.tests import aftersale_cast as cast
from routing.models import AddressPolicy, AddressReview

pytestmark = pytest.mark.django_db


def test_that_the_figures_are_as_set_until_a_rule_says_otherwise():
    AddressPolicy.objects.create(pk=1, threshold=0.87, sample=0.1, bulk=0.75, let_go_hours=5, precision=0.99)
    now = AddressPolicy.current()
    assert (now.threshold, now.sample, now.bulk, now.let_go_hours) == (0.87, 0.1, 0.75, 5)
    seeding.seed()
    engine.forget()
    boss = User.objects.create_superuser("boss")
    heads = [("threshold", "T"), ("let_go_hours", "L")]
    rows = [("all", (), ("0.95", "min([own_let_go_hours * 2, 720])"))]
    draft = publishing.new_draft("review", "own", boss, document=table("t", [], heads, rows))
    publishing.publish(draft.id, boss)
    engine.forget()
    now = AddressPolicy.current()
    assert (now.threshold, now.let_go_hours, now.precision) == (0.95, 10, 0.99)
    loose = table("t", [], heads, [("all", (), ("0.1", "1"))])
    with pytest.raises(publishing.NotReady):
        publishing.publish(publishing.new_draft("review", "own", boss, document=loose).id, boss)
    engine.as_shipped()


def test_that_a_draft_is_tried_on_the_addresses_that_came_up():
    now = timezone.now()
    for n, sure in enumerate((0.95, 0.85, 0.5)):
        order = cast.order("reserved", channel_number=f"R{n}")
        AddressReview.objects.create(order_id=order.id, version=1, sure=sure, promised_at=now)
    point = registry.point("review")
    pasts = simulating.read(point, now - timedelta(days=1), now + timedelta(days=1), None, 0, 9)
    assert [past.became["sure"] for past in pasts] == [0.95, 0.85, 0.5]
    assert set(pasts[0].input) == {field.code for field in point.inputs}
    before = [{"threshold": 0.9}] * 3
    found = simulating.effects(point, pasts, before, [{"threshold": 0.8}] * 3)
    assert [one.differs for one in found] == [False, True, False] and found[1].frm != found[1].to
