"""各渠道可售数 on the screen: who sees what, what is wrong in words, and shares that would be more than there is."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory.models import Sku
from orderhub.scope import Scope
from orderhub.testing.connections import connection
from orders.models import Listing, Shop

pytestmark = pytest.mark.django_db
MODE = Shop.StockMode


def shop_of(code: str, **columns: Any) -> Shop:
    account = connection("own_shop", "http://127.0.0.1:9", code=code)
    return Shop.objects.create(code=code, name=f"店{code}", channel="own_shop", connection=account, **columns)


def listing(shop: Shop, code: str, **columns: Any) -> Listing:
    sku, _new = Sku.objects.get_or_create(code=code, defaults={"name": code})
    return Listing.objects.create(shop=shop, item="1", channel_sku=code, code=code, **{"sku": sku, **columns})


@pytest.fixture
def office(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("boss", password="right-horse"))
    return client


def text(client: Client, query: str = "") -> str:
    answer = client.get(reverse("admin:orders_listing_changelist") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_that_each_trouble_is_its_own_queue_in_words(office: Client) -> None:
    shop, now = shop_of("a", stock_mode=MODE.POOL, stock_margin=2), timezone.now()
    listing(
        shop, "FINE", wanted=5, sent=5, read=5, wanted_version=1, sent_version=1, sent_at=now, read_at=now
    )
    listing(shop, "REFUSED", wanted=5, wanted_version=1, refusal="商品不存在")
    listing(
        shop, "DIFFERS", wanted=5, sent=5, read=9, wanted_version=1, sent_version=1, sent_at=now, read_at=now
    )
    listing(shop, "NONE", sku=None)
    listing(shop, "WAITS", wanted=4, wanted_version=2, sent_version=1)
    for queue, code in (("refused", "REFUSED"), ("differs", "DIFFERS"), ("unmapped", "NONE")):
        page = text(office, f"?queue={queue}")
        assert code in page and "FINE" not in page
    every = text(office)
    for words in (
        "渠道拒收",
        "商品不存在",
        "显示不一致",
        "没有对应 SKU：不会告知",
        "等待告知",
        "100 % − 2",
        "没有单独设置限购的公开接口",
    ):
        assert words in every


def test_that_a_shop_left_alone_says_so(office: Client) -> None:
    listing(shop_of("a"), "FINE", wanted=5, wanted_version=1, read=7)
    page = text(office)
    assert page.count("未开启") >= 2 and "等待告知" not in page


def test_that_a_person_narrowed_to_a_shop_sees_its_listings_only(client: Client) -> None:
    mine, theirs = listing(shop_of("mine"), "MINE"), listing(shop_of("theirs"), "THEIRS")
    clerk = User.objects.create_user("clerk", password="x", is_staff=True)
    clerk.user_permissions.add(*Permission.objects.filter(codename__in=["view_listing", "change_listing"]))
    Scope.objects.create(user=clerk, shops=["mine"])
    client.force_login(clerk)
    page = text(client)
    assert "MINE" in page and "THEIRS" not in page and "店theirs" not in page
    assert client.get(reverse("admin:orders_listing_change", args=[mine.pk])).status_code == 200
    asked = client.post(reverse("admin:orders_listing_change", args=[theirs.pk]), {"share": 1})
    assert asked.status_code in (302, 403, 404)
    theirs.refresh_from_db()
    assert theirs.share is None


def test_that_own_shares_of_all_shops_come_to_at_most_all(office: Client) -> None:
    shop_of("a", stock_mode=MODE.OWN, stock_share=70)
    other = shop_of("b")
    other.stock_mode, other.stock_share = MODE.OWN, 40
    with pytest.raises(ValidationError, match="最多还剩 30 %"):
        other.full_clean()
    other.stock_share = 30
    other.full_clean()
    other.stock_mode, other.stock_share = MODE.POOL, 100
    other.full_clean()


def test_that_statements_do_not_grow_with_the_listings(
    office: Client, django_assert_max_num_queries: Any
) -> None:
    shop = shop_of("a", stock_mode=MODE.POOL)
    for n in range(30):
        listing(shop, f"S{n}", wanted=n, wanted_version=1)
    text(office)
    with django_assert_max_num_queries(14):
        text(office)
