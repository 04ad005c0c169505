"""``manage.py sandbox``: the sandbox's own entry point under Django's roof."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from orderhub.sandbox import server


class Command(BaseCommand):
    help = "Plays the outside world (shops, payment, warehouses, carriers, books) on 127.0.0.1."
    requires_system_checks = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        server.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if code := server.run(options):
            raise CommandError("the sandbox did not start", returncode=code)
