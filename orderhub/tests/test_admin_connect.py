"""Connecting a shop: away with a state, back with a code, once, and by nobody else."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import parse_qs, urlparse

import httpx
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from orderhub import modules
from orderhub.models import Connection
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox
from orderhub.testing.speaking import fresh_sandbox, start_sandbox  # noqa: F401

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def forget_modules() -> None:
    modules.forget()


@pytest.fixture
def office(client: Client, db: None) -> Client:
    client.force_login(User.objects.create_superuser("老板", password="x"))
    return client


def clerk(*permissions: str) -> Client:
    made = User.objects.create_user(f"clerk{User.objects.count()}", password="x", is_staff=True)
    for name in permissions:
        app, codename = name.split(".")
        made.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    client = Client()
    client.force_login(made)
    return client


def shown(response: Any) -> str:
    return response.content.decode()


# connecting a shop


def taobao(**changes: Any) -> Connection:
    made = Connection(
        platform="taobao",
        name="淘宝店",
        code="taobao-main",
        base_url="http://127.0.0.1:1/taobao",
        app_key="k",
    )
    made.set_secrets({"app_secret": "s3cret-s3cret"})
    for name, value in changes.items():
        setattr(made, name, value)
    made.save()
    return made


def leave(office: Client, made: Connection) -> dict[str, list[str]]:
    answer = office.post(reverse("admin:oauth_connect", args=[made.pk]), {"next": "/admin/sync/"})
    assert answer.status_code == 302
    return parse_qs(urlparse(answer["Location"]).query)


def owner_says(word: str, address: str) -> str:
    """The shop's owner opens the platform's page and follows one of its two links; where that leads back to."""
    asked = httpx.get(address, trust_env=False)
    links = [html.unescape(link) for link in re.findall(r'href="([^"]+)"', asked.text)]
    chosen = next(link for link in links if word in link)
    return httpx.get(httpx.URL(address).join(chosen), trust_env=False).headers["Location"]


@pytest.mark.journey
def test_that_an_owner_who_refuses_is_told_to_us_in_words(office, sandbox: RunningSandbox):
    made = connection(
        "taobao", sandbox.url, options={"redirect_uri": "http://testserver/admin/oauth/callback/"}
    )
    before = made.token
    answer = office.post(reverse("admin:oauth_connect", args=[made.pk]), {"next": "/admin/sync/"})
    back = owner_says("refuse=1", answer["Location"])
    arrived = office.get(back.replace("http://testserver", ""), follow=True)
    assert "平台未同意授权：user refused" in shown(arrived)
    assert Connection.objects.get(pk=made.pk).token == before


@pytest.mark.journey
def test_that_a_shop_is_connected_by_its_owners_visit_to_the_platform(office, sandbox: RunningSandbox):
    made = connection("taobao", sandbox.url, state="needs_authorisation", state_reason="expired")
    made.set_token({})
    made.token_enc = b""
    made.options["redirect_uri"] = "http://testserver/admin/oauth/callback/"
    made.save()
    answer = office.post(reverse("admin:oauth_connect", args=[made.pk]), {"next": "/admin/sync/"})
    back = owner_says("auto=1", answer["Location"])
    arrived = office.get(back.replace("http://testserver", ""), follow=True)
    assert "已连接" in shown(arrived)
    made.refresh_from_db()
    assert made.state == "ok"
    assert made.token["access_token"]
    assert made.token_expires_at > timezone.now()


def test_that_a_return_with_another_state_is_refused_and_asks_nobody(office, monkeypatch):
    from orderhub.integrations import oauth

    monkeypatch.setattr(oauth, "exchange", lambda *_a: pytest.fail("nothing may be exchanged"))
    made = taobao()
    asked = leave(office, made)
    assert asked["state"][0]
    answer = office.get("/admin/oauth/callback/", {"state": "forged", "code": "c"}, follow=True)
    assert "不是从这里发起的" in shown(answer)
    again = office.get("/admin/oauth/callback/", {"state": asked["state"][0], "code": "c"}, follow=True)
    assert "不是从这里发起的" in shown(again), "a state that was answered wrongly is used up"
    made.refresh_from_db()
    assert made.token == {}


def test_that_the_state_of_one_persons_visit_is_no_use_to_another(office, monkeypatch):
    from orderhub.integrations import oauth

    monkeypatch.setattr(oauth, "exchange", lambda *_a: pytest.fail("nothing may be exchanged"))
    asked = leave(office, taobao())
    other = clerk("orderhub.change_connection", "orderhub.view_connection")
    answer = other.get("/admin/oauth/callback/", {"state": asked["state"][0], "code": "c"}, follow=True)
    assert "不是从这里发起的" in shown(answer)


def test_that_connecting_is_post_only_and_needs_its_right(office):
    made = taobao()
    assert office.get(reverse("admin:oauth_connect", args=[made.pk])).status_code == 405
    assert (
        clerk("orderhub.view_connection").post(reverse("admin:oauth_connect", args=[made.pk])).status_code
        == 403
    )


def test_that_a_return_address_to_another_site_is_not_followed(office):
    made = taobao()
    office.post(reverse("admin:oauth_connect", args=[made.pk]), {"next": "https://evil.example/"})
    answer = office.get("/admin/oauth/callback/", {"state": "x", "code": "c"})
    assert answer["Location"].startswith("/admin/")
