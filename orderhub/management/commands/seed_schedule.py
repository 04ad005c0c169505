"""Write the table of schedules into django-celery-beat; what staff changed there stays."""

from typing import Any

from django.core.management.base import BaseCommand

from orderhub import schedule


class Command(BaseCommand):
    help = "Make the schedules that are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{schedule.seed()} schedules made")
