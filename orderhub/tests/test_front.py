"""The front page, the sidebar, the search and how spans of time are said: what each role meets first."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inventory.models import Sku
from orderhub import modules
from orderhub.admin_site import registry
from orderhub.admin_site.marks import ago, deadline, span
from orderhub.dotted import resolve
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401
from orderhub.tests.test_admin import clerk, shown

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    modules.forget()


def test_that_an_empty_front_page_says_where_to_begin(office):
    page = shown(office.get("/admin/"))
    assert "从这里开始" in page
    assert reverse("admin:orderhub_connection_add") in page


def test_that_every_number_of_the_front_page_leads_to_a_list_that_opens(office, ticket, payload):
    page = shown(office.get("/admin/"))
    board = page[page.index("oh-board") :]
    links = set(re.findall(r'href="(/admin/[^"]+)"', board))
    assert len(links) > 20
    for link in links:
        assert office.get(link.replace("&amp;", "&")).status_code == 200, link


def test_that_a_page_reckons_no_list_of_all_apps_that_it_does_not_show(office, monkeypatch):
    reckoned = []
    build = admin.site._build_app_dict
    monkeypatch.setattr(admin.site, "_build_app_dict", lambda *asked: reckoned.append(asked) or build(*asked))
    assert office.get(reverse("admin:inventory_stock_changelist")).status_code == 200
    assert not reckoned
    assert "SKU" in shown(office.get(reverse("admin:app_list", args=["inventory"])))
    assert reckoned
    assert clerk().get(reverse("admin:app_list", args=["inventory"])).status_code == 404


def test_that_the_front_page_of_someone_without_rights_is_calm(db):
    page = shown(clerk().get("/admin/"))
    assert "你的角色在这里还没有可看的内容" in page


def test_that_the_sidebar_shows_what_the_role_may_open(office):
    whole = shown(office.get("/admin/"))
    part = shown(clerk("inventory.view_stock").get("/admin/"))
    stock, sync = reverse("admin:inventory_stock_changelist"), reverse("admin:sync_health")
    assert stock in whole
    assert sync in whole
    assert stock in part
    assert sync not in part
    assert clerk("inventory.view_stock").get(sync).status_code == 403


def test_that_each_role_can_open_every_page_its_sidebar_shows(db):
    from orderhub import roles

    roles.sync_roles()
    for group in Group.objects.all():
        person = User.objects.create_user(f"p-{group.pk}", password="x", is_staff=True)
        person.groups.add(group)
        client = Client()
        client.force_login(person)
        page = shown(client.get("/admin/"))
        links = re.findall(r'href="(/admin/[^"?#]*)" class="flex h-\[38px\]', page)
        assert links, group.name
        for link in links:
            assert client.get(link).status_code == 200, (group.name, link)


def test_that_every_name_of_the_registry_leads_to_something():
    for name in registry.names():
        assert callable(resolve(name)), name


def test_that_search_finds_pages_goods_and_tickets_and_respects_rights(office, ticket):
    Sku.objects.create(code="CUP-1", name="马克杯")
    found = shown(office.get(reverse("admin:search"), {"s": "马克", "extended": "1"}))
    assert "CUP-1" in found
    assert "超时未揽收" in shown(office.get(reverse("admin:search"), {"s": "揽收", "extended": "1"}))
    assert "CUP-1" not in shown(clerk().get(reverse("admin:search"), {"s": "马克", "extended": "1"}))


# words


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (dt.timedelta(seconds=5), "5 秒"),
        (dt.timedelta(minutes=90), "90 分钟"),
        (dt.timedelta(hours=5), "5 小时"),
        (dt.timedelta(days=3), "3 天"),
    ],
)
def test_that_durations_are_said_in_their_largest_useful_unit(delta, words):
    assert span(delta) == words


def test_that_a_promise_is_red_when_broken_amber_when_near_and_calm_when_kept():
    now = timezone.now()
    assert "oh-late" in deadline(now - dt.timedelta(hours=1))
    assert "oh-near" in deadline(now + dt.timedelta(hours=1))
    assert "oh-" not in deadline(now + dt.timedelta(days=2)).replace("oh-time", "")
    assert "oh-late" not in deadline(now - dt.timedelta(hours=1), over=True)
    assert ago(None) == "—"
