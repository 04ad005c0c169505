"""Write the policies that ship into the database as version 1; what staff made stays."""

from typing import Any

from django.core.management.base import BaseCommand

from orderhub.dotted import resolve
from orderhub.notifications import escalating, judgement
from orderhub.rules import seeding
from orderhub.rules.models import RuleSet

#: The words that complaints are counted by, of the app that counts them.
WORDS = "orders.operations.complaining.seed_words"


class Command(BaseCommand):
    help = "Make the rule sets that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        first = not RuleSet.objects.filter(point=judgement.CODE).exists()
        self.stdout.write(f"{seeding.seed()} rule sets made")
        self.stdout.write(f"{resolve(WORDS)()} complaint words made")
        if first:  # once in the life of a house: staff who take the steps away have taken them away
            self.stdout.write(f"{escalating.seed()} steps of the escalation path made")
