"""The phone page's shell and sign-in: policy, words, weight, cookie, rotation and sign-out."""

from __future__ import annotations

import gzip
import json
import re
from http.cookies import Morsel
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import translation

from orderhub.api.models import Device
from orderhub.api.session import COOKIE
from orderhub.phone import views
from orderhub.phone.words import WORDS

PASSWORD = "right-horse-battery"
MOST_BYTES = 100_000


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss", password=PASSWORD)


def session(client: Client, method: str, body: Any = None) -> Any:
    given = {} if body is None else {"data": json.dumps(body), "content_type": "application/json"}
    return getattr(client, method)("/api/v1/session", **given)


def signed_in() -> tuple[Client, str]:
    client = Client(enforce_csrf_checks=True)
    answer = session(client, "post", {"username": "boss", "password": PASSWORD, "device": "phone"})
    assert answer.status_code == 200, answer.content
    return client, answer.json()["access"]


def me(access: str) -> int:
    return Client().get("/api/v1/me", HTTP_AUTHORIZATION=f"Bearer {access}").status_code


def test_that_the_refresh_token_is_in_a_cookie_that_no_script_reads(boss: User) -> None:
    client = Client()
    answer = session(client, "post", {"username": "boss", "password": PASSWORD})
    cookie: Morsel[str] = client.cookies[COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/api/v1/session"
    assert "refresh" not in answer.json() and cookie.value not in answer.content.decode()
    assert Client().post("/api/v1/session", {"username": "boss"}).status_code == 415
    secure = Client().post(
        "/api/v1/session",
        json.dumps({"username": "boss", "password": PASSWORD}),
        "application/json",
        secure=True,
    )
    assert secure.cookies[COOKIE]["secure"]


def test_that_a_spent_cookie_ends_the_device(boss: User) -> None:
    client, first = signed_in()
    spent = client.cookies[COOKIE].value
    again = session(client, "put")
    assert again.status_code == 200 and me(first) == 401 and me(again.json()["access"]) == 200
    thief = Client()
    thief.cookies[COOKIE] = spent
    assert session(thief, "put").status_code == 401
    assert session(client, "put").status_code == 401 and me(again.json()["access"]) == 401


def test_that_signing_out_ends_the_device_and_takes_the_cookie_back(boss: User) -> None:
    client, access = signed_in()
    answer = session(client, "delete")
    assert answer.status_code == 204 and answer.cookies[COOKIE]["max-age"] == 0
    assert me(access) == 401 and Device.objects.get().revoked_why == "owner"
    assert session(client, "put").status_code == 401


def test_that_an_admin_beside_the_page_changes_nothing(boss: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(boss)
    assert session(client, "post", {"username": "boss", "password": PASSWORD}).status_code == 200
    assert session(client, "put").status_code == 200 and session(client, "delete").status_code == 204
    assert session(client, "put").status_code == 401  # the admin's own session is no sign-in here


def test_that_the_shell_knows_nobody_and_loads_nothing_from_outside(client: Client) -> None:
    shell = ["/m/", "/m/manifest.webmanifest", "/m/sw.js", "/m/words/en.json", "/m/words/zh-hans.json"]
    for address in shell:
        answer = client.get(address)
        policy = answer["Content-Security-Policy"]
        assert answer.status_code == 200 and "unsafe" not in policy and "default-src 'none'" in policy, (
            address
        )
        assert not re.search(r"https?://|//cdn", answer.content.decode()), address
    text = client.get("/m/").content.decode()
    assert not re.search(r"<script(?![^>]*src=)|<style| style=| on\w+=", text)
    assert client.get("/m/words/fr.json").status_code == 404


def test_that_the_worker_keeps_every_file_of_the_page_and_never_the_api(client: Client) -> None:
    text = client.get("/m/sw.js").content.decode()
    kept = json.loads(re.findall(r"SHELL = (\[.*\]);", text)[0])
    assert {"/m/", "/static/m/app.js", "/static/m/m.css", "/static/m/screens/order.js"} <= set(kept)
    assert not any(path.startswith("/api/") for path in kept) and "/api/" not in text
    imports = {
        (path.parent / name).resolve()
        for path in views.FOLDER.rglob("*.js")
        for name in re.findall(r'from "(\.[^"]+)"', path.read_text("utf-8"))
    }
    assert imports <= {(views.FOLDER / name).resolve() for name in views.shell()}


def test_that_the_list_of_words_is_what_the_scripts_say() -> None:
    said: set[str] = set()
    for path in views.FOLDER.rglob("*.js"):
        text = path.read_text("utf-8")
        said |= set(re.findall(r'\bt\("((?:[^"\\]|\\.)*)"', text))
        said |= set(re.findall(r'^    \["\w*", "([^"]+)"', text, re.M)) if path.name == "app.js" else set()
        assert not re.search("[一-鿿]", text.replace("中文", "")), path
    assert said == set(WORDS)
    assert list(WORDS) == sorted(set(WORDS))


def test_what_the_page_weighs(client: Client) -> None:
    weigh = {name: len(gzip.compress((views.FOLDER / name).read_bytes())) for name in views.shell()}
    weigh |= {path: len(gzip.compress(client.get(path).content)) for path in ("/m/", "/m/words/zh-hans.json")}
    raw = sum((views.FOLDER / name).stat().st_size for name in views.shell())
    print(f"the page: {sum(weigh.values()):,} bytes as sent, its files {raw:,} bytes before packing")
    assert sum(weigh.values()) <= MOST_BYTES


def test_that_the_version_is_of_what_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    before = views._fingerprint()
    with translation.override("en"):
        assert views._fingerprint() == before
    monkeypatch.setattr(views, "WORDS", (*WORDS, "one more"))
    assert views._fingerprint() != before
