"""Every address of the site; apps are named by dotted path, never imported."""

from importlib.util import find_spec

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

#: Apps that have addresses outside the admin, each in its own urls.py.
APPS = (
    "orderhub.admin_site",
    "orderhub.api",
    "orderhub.phone",
    "inventory",
    "orders",
    "logistics",
    "routing",
    "finance",
)

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="home"),
    *(path("", include(f"{app}.urls")) for app in APPS if find_spec(f"{app}.urls")),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
]

handler404 = "orderhub.api.missing.not_found"
handler500 = "orderhub.api.missing.broken"
