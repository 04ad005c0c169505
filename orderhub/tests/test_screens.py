"""Every screen of the admin opens, in both languages, with nothing from outside the machine."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from orderhub import env, modules
from orderhub.models import Connection
from orderhub.tests.few_rows import few_rows

pytestmark = pytest.mark.django_db
PAGES = ("index", "sync_health", "modules", "together")
LANGUAGES = ("zh-hans", "en")


@pytest.fixture
def office(client: Client, db: None) -> Client:
    modules.forget()
    client.force_login(User.objects.create_superuser("boss", password="x"))
    account = Connection.objects.create(
        platform="taobao", name="shop", code="t", base_url="http://127.0.0.1:1"
    )
    few_rows(account)
    return client


def lists() -> list[str]:
    return [f"{model._meta.app_label}_{model._meta.model_name}" for model in admin.site._registry]


def addresses(name: str) -> list[str]:
    model = next(m for m in admin.site._registry if f"{m._meta.app_label}_{m._meta.model_name}" == name)
    found = [reverse(f"admin:{name}_changelist")]
    first = model._default_manager.first()
    if first is not None:
        found.append(reverse(f"admin:{name}_change", args=[first.pk]))
    return found


def speak(client: Client, language: str) -> None:
    client.cookies.load({settings.LANGUAGE_COOKIE_NAME: language})


@pytest.mark.parametrize("language", LANGUAGES)
def test_that_every_screen_opens(office, language):
    speak(office, language)
    for address in [reverse(f"admin:{page}") for page in PAGES] + [
        a for name in lists() for a in addresses(name)
    ]:
        answer = office.get(address)
        assert answer.status_code == 200, address
        assert f'<html lang="{language}"' in answer.content.decode(), address


def test_that_every_form_for_a_new_record_opens_or_is_refused(office):
    for name in lists():
        assert office.get(reverse(f"admin:{name}_add")).status_code in (200, 403), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_that_the_sign_in_page_opens_to_strangers_and_nothing_else_does(client, db, language):
    speak(client, language)
    assert client.get(reverse("admin:login")).status_code == 200
    for page in PAGES:
        assert client.get(reverse(f"admin:{page}")).status_code == 302


def test_that_signing_in_leads_to_today(client, db):
    User.objects.create_superuser("boss", password="right-horse")
    answer = client.post(reverse("admin:login"), {"username": "boss", "password": "right-horse"})
    assert answer["Location"] == reverse("admin:index")


def test_that_no_screen_names_another_machine(office):
    for address in [reverse(f"admin:{page}") for page in PAGES] + [
        reverse(f"admin:{name}_changelist") for name in lists()
    ]:
        page = office.get(address).content.decode()
        loaded = re.findall(r'(?:src|href|action)="((?:https?:)?//[^"]+)"', page)
        assert not loaded, (address, loaded)


def test_that_our_own_styles_load_nothing_and_are_found():
    for name in ("orderhub/admin.css", "orderhub/mark.svg"):
        found = finders.find(name)
        assert found
        assert not re.search(
            r"url\(|@import|https?://(?!www\.w3\.org)", Path(found).read_text(encoding="utf-8")
        ), name


def test_that_english_screens_carry_no_chinese_of_ours(office):
    speak(office, "en")
    for address in [reverse(f"admin:{page}") for page in PAGES] + [
        reverse(f"admin:{name}_changelist") for name in lists()
    ]:
        page = office.get(address).content.decode()
        page = re.sub(
            r'<form action="/i18n.*?</form>', "", page, flags=re.S
        )  # each language is named in itself
        assert not re.findall("[\u4e00-\u9fff]+", page), address


def test_that_chinese_screens_carry_no_english_words_of_ours(office):
    speak(office, "zh-hans")
    page = office.get(reverse("admin:sync_health")).content.decode()
    text = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]+>", " ", page, flags=re.S)
    for words in ("Sync health", "Pull now", "Payloads", "Nothing", "Search", "messages"):
        assert words not in text


def test_that_every_table_may_scroll_by_itself_and_be_reached_by_keys():
    """A page with rows that a test does not have must not scroll sideways: each wide table has a region of its own."""
    bare = [
        (path.name, page[max(0, found.start() - 60) : found.end()])
        for path in env.ROOT.glob("*/templates/**/*.html")
        for page in [path.read_text("utf-8")]
        for found in re.finditer('<table class="oh-table', page)
        if "oh-scroll" not in page[max(0, found.start() - 200) : found.start()]
    ]
    assert not bare
    lists = [
        path
        for path in env.ROOT.glob("*/templates/**/*.html")
        if '<ol class="oh-timeline">' in path.read_text("utf-8")
    ]
    assert not lists, "a long timeline scrolls: it needs a tabindex"
