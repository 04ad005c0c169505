"""The screens of codes: suggestions with reasons, a refusal that names the other SKU, a rename that loses nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

import inventory.queries
from inventory.models import BundlePart, Sku, SkuCode, UnknownCode
from inventory.suggest import suggestions
from orderhub.admin_site.base import seen

pytestmark = pytest.mark.django_db
CODES, PARTS = "codes", "parts"


@pytest.fixture
def office(client: Client) -> Client:
    inventory.queries._codes = None
    client.force_login(User.objects.create_superuser("boss", password="x"))
    client.cookies.load({"django_language": "en"})
    return client


def form(sku: Sku, **changes: Any) -> dict[str, Any]:
    """The SKU's page as a browser sends it back."""
    fields = ("code", "name", "series", "category", "colour", "size", "weight_g", "volume_cm3")
    data: dict[str, Any] = {name: getattr(sku, name) for name in fields}
    data |= {"presale_on": "", "active": "on", "_seen": seen(sku)}
    for prefix in (CODES, PARTS):
        data |= {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}
    return data | changes


def test_that_suggestions_are_ranked_and_say_why() -> None:
    board = Sku.objects.create(code="B-2025-SH-001", name="床头板 实木")
    Sku.objects.create(code="CUP-1", name="马克杯")
    heard = UnknownCode.objects.create(system="own", code="chuangtouban", title="")
    near = UnknownCode.objects.create(system="own", code="B2025SH01", title="随便")
    titled = UnknownCode.objects.create(system="own", code="99887766", title="实木床头板 1.8米 床头板 实木")
    nothing = UnknownCode.objects.create(system="own", code="@@", title="")
    found = suggestions([heard, near, titled, nothing])
    for code in (heard, near, titled):
        assert found[code.pk][0].sku == board and found[code.pk][0].reason, code
    assert found[near.pk][0].score > 85 and "B-2025-SH-001" in found[near.pk][0].reason
    assert found[nothing.pk] == []


def test_that_the_queue_shows_the_reason_and_one_click_maps(office: Client) -> None:
    board = Sku.objects.create(code="B-2025-SH-001", name="床头板")
    unknown = UnknownCode.objects.create(system="own", code="B2025SH01", title="")
    page = office.get(reverse("admin:inventory_unknowncode_changelist")).content.decode()
    assert "like the code B-2025-SH-001" in page
    office.post(reverse("admin:map_code", args=[unknown.pk, board.pk]))
    assert SkuCode.objects.get().sku == board
    unknown.refresh_from_db()
    assert unknown.sku == board


def test_that_a_mapping_that_would_collide_is_answered_with_a_link_to_the_other(office: Client) -> None:
    board, cup = Sku.objects.create(code="B-1", name="板"), Sku.objects.create(code="CUP-1", name="杯")
    unknown = UnknownCode.objects.create(system="own", code="b1", title="")
    answer = office.post(reverse("admin:map_code", args=[unknown.pk, cup.pk]), follow=True).content.decode()
    assert (
        reverse("admin:inventory_sku_change", args=[board.pk]) in answer
        and "One spelling means one SKU" in answer
    )
    assert not SkuCode.objects.exists()


def test_that_a_code_spelt_like_another_skus_is_refused_on_the_page(office: Client) -> None:
    board, cup = Sku.objects.create(code="B-1", name="板"), Sku.objects.create(code="CUP-1", name="杯")
    address = reverse("admin:inventory_sku_change", args=[cup.pk])
    answer = office.post(address, form(cup, code="ｂ 1"))
    assert answer.status_code == 200 and "One spelling means one SKU" in answer.content.decode()
    spelling = {
        "codes-TOTAL_FORMS": 1,
        "codes-0-system": "taobao",
        "codes-0-code": "B1",
        "codes-0-sku": cup.pk,
    }
    answer = office.post(address, form(cup, **spelling))
    assert reverse("admin:inventory_sku_change", args=[board.pk]) in answer.content.decode()
    assert Sku.objects.get(pk=cup.pk).code == "CUP-1" and not SkuCode.objects.exists()


def test_that_a_rename_on_the_page_keeps_the_old_code_and_parts_make_a_bundle(office: Client) -> None:
    cup, lid = Sku.objects.create(code="CUP-1", name="杯"), Sku.objects.create(code="LID-1", name="盖")
    address = reverse("admin:inventory_sku_change", args=[cup.pk])
    parts = {"parts-TOTAL_FORMS": 1, "parts-0-part": lid.pk, "parts-0-quantity": 2, "parts-0-bundle": cup.pk}
    assert office.post(address, form(cup, code="CUP-2", **parts)).status_code == 302
    assert (SkuCode.objects.get().code, SkuCode.objects.get().sent) == ("CUP-1", True)
    assert Sku.objects.get(normal="CUP2").pk == cup.pk
    assert BundlePart.objects.get().quantity == 2
    assert "bundle" in office.get(reverse("admin:inventory_sku_changelist")).content.decode()
