"""The one admin site."""

from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class OrderHubSite(UnfoldAdminSite):
    site_title = "OrderHub"
    site_header = "OrderHub"
    index_title = _("Today")
