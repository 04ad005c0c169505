"""``manage.py check_board``: every number of the order board held against the length of the list that it opens."""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterable
from html import unescape
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.test import Client, RequestFactory
from django.urls import reverse

#: A number with its link, as the board writes it.
NUMBER = re.compile(r'<a [^>]*?href="([^"]+)" data-count="(\d+)"')
WAYS = ("?by=channel", "?by=shop&only=none", "?by=warehouse&only=any&wall=1")
#: A house at work moves between the two questions: only what differs so often in a row is wrong.
TRIES = 3


class Command(BaseCommand):
    """Prints how many numbers were compared and which were wrong; exit 1 where one was, 2 where nobody may look."""

    help = "Compare every counter of the order board with the list that it opens."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--user", default="", help="as this person sees it (default: a superuser)")
        parser.add_argument("--way", nargs="*", default=WAYS, help="the board's query strings (default: all)")
        parser.add_argument("--json", action="store_true", help="one JSON line and nothing else")

    def handle(self, *args: Any, **options: Any) -> None:
        people = get_user_model().objects.filter(is_active=True)
        wanted = {"username": options["user"]} if options["user"] else {"is_superuser": True}
        user = people.filter(**wanted).order_by("id").first()
        if user is None:
            raise CommandError("nobody of that name, or no superuser, may look at the board", returncode=2)
        begun = time.monotonic()
        compared, wrong = compare(user, options["way"])
        said = {
            "name": "check_board", "ok": compared > 0 and not wrong, "user": user.get_username(), "compared": compared,
            "wrong": wrong, "seconds": round(time.monotonic() - begun, 1),
        }  # fmt: skip
        if options["json"]:
            self.stdout.write(json.dumps(said, ensure_ascii=False))
        else:
            for link, (number, length) in wrong.items():
                self.stdout.write(f"WRONG  {link}: the board says {number}, its list has {length}")
            self.stdout.write(f"{compared} numbers compared, {len(wrong)} wrong ({said['seconds']} s)")
        if not said["ok"]:
            sys.exit(1)


def compare(user: Any, ways: Iterable[str] = WAYS) -> tuple[int, dict[str, tuple[int, int]]]:
    """(numbers compared, {link: (number, length of its list)} of the wrong ones), over ways to look at the board."""
    client = Client(
        HTTP_HOST=(settings.ALLOWED_HOSTS or ["127.0.0.1"])[0].replace("*", "127.0.0.1").lstrip(".")
    )
    client.force_login(user)
    compared = 0
    right: dict[str, int] = {}  # a list that several ways lead to is measured once
    wrong: dict[str, tuple[int, int]] = {}
    for way in ways:
        address = reverse("admin:board") + way
        left = shown = numbers(client, address)
        compared += len(shown)
        differ: dict[str, tuple[int, int]] = {}
        for attempt in range(TRIES):
            shown = numbers(client, address) if attempt else shown
            asked = [link for link in left if attempt or right.get(link) != shown[link]]
            pairs = {link: (shown.get(link, 0), length(user, link)) for link in asked}
            right |= {link: number for link, (number, is_) in pairs.items() if number == is_}
            differ = {link: pair for link, pair in pairs.items() if pair[0] != pair[1]}
            left = dict.fromkeys(differ, 0)
            if not left:
                break
        wrong |= differ
    return compared, wrong


def numbers(client: Client, address: str) -> dict[str, int]:
    """{link: number} of a page of the board."""
    answer = client.get(address)
    if answer.status_code != 200:
        raise CommandError(f"{address} answered {answer.status_code}", returncode=2)
    return {unescape(link): int(n) for link, n in NUMBER.findall(answer.content.decode())}


def length(user: Any, link: str) -> int:
    """How many orders the list behind a link has, as the person sees it."""
    request = RequestFactory().get(link)
    request.user = user
    lists: Any = admin.site._registry[apps.get_model("orders", "Order")]
    return int(lists.get_changelist_instance(request).queryset.count())
