"""The admin site as the product's front door: unfold's theme and our own site class."""

from django.contrib.admin.apps import AdminConfig
from unfold.apps import BasicAppConfig


class AdminThemeConfig(BasicAppConfig):
    name = "unfold"
    label = "unfold"


class OrderHubAdminConfig(AdminConfig):
    default_site = "orderhub.admin_site.site.OrderHubSite"
