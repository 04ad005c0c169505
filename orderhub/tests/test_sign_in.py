"""The admin's sign-in: passwords can't be tried without end."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orderhub.api import limits

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
