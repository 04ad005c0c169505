"""The Celery app: a doorbell. Work is found in the database by state, so a lost message loses nothing."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_postrun

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orderhub.settings.dev")

app = Celery("orderhub")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_postrun.connect
def _write_counts(**_: Any) -> None:
    """The tail of the calls that the task counted is written before the worker falls idle."""
    from orderhub.integrations import turns

    turns.finish()
