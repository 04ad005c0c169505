"""Writes the roles of orderhub/roles.py into Django's groups."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from orderhub.roles import BY_CODE, sync_roles


class Command(BaseCommand):
    help = "Make the permissions of the roles' groups equal to orderhub/roles.py (repeatable)."

    def handle(self, *args: Any, **options: Any) -> None:
        for code, count in sync_roles().items():
            self.stdout.write(f"{code} ({BY_CODE[code].label}): {count}")
