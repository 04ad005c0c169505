"""Write the policies that ship into the database as version 1; what staff made stays."""

from typing import Any

from django.core.management.base import BaseCommand

from orderhub.rules import seeding


class Command(BaseCommand):
    help = "Make the rule sets that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{seeding.seed()} rule sets made")
