"""The trail above a page speaks as the menu does: no app, no name twice, and the page is called so, too."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from orderhub import modules
from orderhub.admin_site.sidebar import GROUPS
from orderhub.tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: Any) -> Client:
    modules.forget()
    client = Client()
    client.force_login(User.objects.create_superuser("boss"))
    return client


def trail(body: str) -> list[str]:
    """What stands above the page, part by part."""
    return [part.strip() for part in re.findall(r"truncate tracking-tight[^>]*>([^<]*)<", body)]


def test_that_every_list_is_called_what_the_menu_calls_it(office: Client) -> None:
    lists = [item for _title, _closed, items in GROUPS for item in items if item.name.endswith("_changelist")]
    assert len(lists) > 20
    for item in lists:
        body = office.get(reverse(f"admin:{item.name}")).content.decode()
        title = re.search(r"<title>\s*(.*?)\s*</title>", body, re.S)
        assert trail(body) == [str(item.title)], item.name
        assert title and title[1].startswith(str(item.title)), item.name


def test_that_a_record_stands_below_its_list(office: Client) -> None:
    ticket = Ticket.objects.create(title="面单打不出", cause_key="x")
    body = office.get(reverse("admin:orderhub_ticket_change", args=[ticket.pk])).content.decode()
    assert trail(body) == ["工单", "面单打不出"]
