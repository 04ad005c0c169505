from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrderHubConfig(AppConfig):
    name = "orderhub"
    verbose_name = _("Platform")

    def ready(self) -> None:
        from orderhub import celery, checks  # noqa: F401  the doorbell, and the start-up checks
