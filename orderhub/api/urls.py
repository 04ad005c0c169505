"""Addresses of the API's frame: sign-in, schema and docs."""

from django.urls import path

from orderhub.api.docs import DocsView, SchemaView
from orderhub.api.session import SessionView
from orderhub.api.views import DevicesView, DeviceView, MeView, RefreshView, SignInView

urlpatterns = [
    path("api/v1/sign-in", SignInView.as_view(), name="api-sign-in"),
    path("api/v1/refresh", RefreshView.as_view(), name="api-refresh"),
    path("api/v1/session", SessionView.as_view(), name="api-session"),
    path("api/v1/me", MeView.as_view(), name="api-me"),
    path("api/v1/devices", DevicesView.as_view(), name="api-devices"),
    path("api/v1/devices/<uuid:device>", DeviceView.as_view(), name="api-device"),
    path("api/v1/schema", SchemaView.as_view(), name="api-schema"),
    path("api/v1/docs", DocsView.as_view(), name="api-docs"),
]
