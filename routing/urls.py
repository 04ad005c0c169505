"""Addresses of routing outside the admin."""

from django.urls import path

from routing.api.review import DecideView, NextView

urlpatterns = [
    path("api/v1/address-review/next", NextView.as_view(), name="api-review-next"),
    path("api/v1/address-review/<int:item>/decide", DecideView.as_view(), name="api-review-decide"),
]
