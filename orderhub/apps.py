from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class OrderHubConfig(AppConfig):
    name = "orderhub"
    verbose_name = _("Back office")

    def ready(self) -> None:
        from orderhub import celery, checks  # noqa: F401  the doorbell, and the start-up checks
        from orderhub.notifications.templates import a_row_each

        post_migrate.connect(a_row_each, sender=self)
