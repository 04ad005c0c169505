"""The admin's sign-in: passwords can't be tried without end."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory

from orderhub import env
from orderhub.api import limits
from orderhub.reached_from import address_of

pytestmark = pytest.mark.django_db


def tried(name: str, password: str, address: str) -> Any:
    form = {"username": name, "password": password}
    return Client(REMOTE_ADDR=address).post("/admin/login/?next=/admin/", form)


def test_that_passwords_are_not_tried_without_end() -> None:
    User.objects.create_superuser("boss", password="right-pass-9")
    for _again in range(3):
        assert tried("boss", "right-pass-9", "10.0.0.1").status_code == 302, "who knows it is not counted"
    for n in range(limits.SIGN_IN_AS):
        assert tried("Boss", "wrong", f"10.0.1.{n}").status_code == 200
    late = tried("boss", "right-pass-9", "10.0.0.2")
    assert late.status_code == 200, "the ninth try was asked of the password"
    assert "一刻钟" in late.content.decode()


def test_that_one_address_does_not_try_all_names() -> None:
    User.objects.create_superuser("boss", password="right-pass-9")
    for n in range(limits.SIGN_IN_FROM):
        tried(f"name{n}", "wrong", "10.0.0.9")
    assert tried("boss", "right-pass-9", "10.0.0.9").status_code == 200
    forged = Client(REMOTE_ADDR="10.0.0.9", headers={"x-forwarded-for": "10.9.9.9"})
    form = {"username": "boss", "password": "right-pass-9"}
    assert forged.post("/admin/login/?next=/admin/", form).status_code == 200
    assert tried("boss", "right-pass-9", "10.0.0.10").status_code == 302


def test_that_who_tries_behind_the_proxy_of_this_machine_shuts_nobody_out() -> None:
    User.objects.create_superuser("boss", password="right-pass-9")
    for n in range(limits.SIGN_IN_FROM):
        tried(f"name{n}", "wrong", "127.0.0.1")
    assert tried("boss", "right-pass-9", "127.0.0.1").status_code == 302


def forwarded(said: str, trusted: Any, settings: Any, peer: str = "10.0.0.9") -> str:
    settings.TRUSTED_PROXIES = trusted
    return address_of(RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_FOR=said))


NETWORKS = [ipaddress.ip_network("10.0.0.0/24"), ipaddress.ip_network("2001:db8::/32")]


@pytest.mark.parametrize(
    ("said", "trusted", "peer", "found"),
    [
        ("1.1.1.1", [], "10.0.0.9", "10.0.0.9"),
        ("1.1.1.1", 0, "10.0.0.9", "10.0.0.9"),
        ("1.1.1.1, 203.0.113.7", 1, "10.0.0.9", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.8", 2, "10.0.0.9", "203.0.113.7"),
        ("203.0.113.7", 2, "10.0.0.9", "10.0.0.9"),
        ("", 1, "10.0.0.9", "10.0.0.9"),
        ("1.1.1.1, 203.0.113.7, 10.0.0.8", NETWORKS, "10.0.0.9", "203.0.113.7"),
        ("1.1.1.1, 203.0.113.7", NETWORKS, "198.51.100.4", "198.51.100.4"),
        ("1.1.1.1, nonsense, 10.0.0.8", NETWORKS, "10.0.0.9", "10.0.0.8"),
        ("10.0.0.7, 10.0.0.8", NETWORKS, "10.0.0.9", "10.0.0.7"),
        ("203.0.113.7:4711", NETWORKS, "::ffff:10.0.0.9", "203.0.113.7"),
        ("[2001:db9::7]:4711", NETWORKS, "2001:db8::1", "2001:db9::7"),
        ("1.1.1.1", NETWORKS, "", ""),
    ],
)
def test_that_the_caller_is_whom_a_trusted_proxy_saw(
    said: str, trusted: Any, peer: str, found: str, settings: Any
) -> None:
    assert forwarded(said, trusted, settings, peer) == found


@pytest.mark.parametrize("trusted", [1, [ipaddress.ip_network("127.0.0.1/32")]])
def test_that_behind_a_trusted_proxy_one_address_is_shut_out_and_nobody_else(
    trusted: Any, settings: Any
) -> None:
    settings.TRUSTED_PROXIES = trusted
    User.objects.create_superuser("boss", password="right-pass-9")

    def through(name: str, password: str, address: str, path: str = "/admin/login/?next=/admin/") -> Any:
        told = {"x-forwarded-for": f"192.0.2.{len(name + address) % 250}, {address}"}
        form: Any = {"username": name, "password": password}
        if path.startswith("/api"):
            return Client().post(path, form, content_type="application/json", headers=told)
        return Client().post(path, form, headers=told)

    for n in range(limits.SIGN_IN_FROM):
        through(f"name{n}", "wrong", "203.0.113.7")
    assert through("boss", "right-pass-9", "203.0.113.7").status_code == 200
    assert through("boss", "right-pass-9", "203.0.113.7", "/api/v1/sign-in").status_code == 429
    assert through("boss", "right-pass-9", "203.0.113.8").status_code == 302
    assert through("boss", "right-pass-9", "203.0.113.8", "/api/v1/sign-in").status_code == 200


@pytest.mark.parametrize(
    ("text", "found"), [("", []), ("2", 2), ("10.0.0.0/24,::1", ["10.0.0.0/24", "::1/128"])]
)
def test_that_proxies_are_read_from_the_environment(
    text: str, found: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", text)
    read = env.proxies("TRUSTED_PROXIES")
    assert (read if isinstance(read, int) else [str(one) for one in read]) == found
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.9/8")
    with pytest.raises(env.BadEnvironment, match="TRUSTED_PROXIES"):
        env.proxies("TRUSTED_PROXIES")
