"""Addresses of routing outside the admin."""

from django.urls import path

from routing.api.review import CountView, DecideView, NextView, SkipView, UndoView

urlpatterns = [
    path("api/v1/address-review/next", NextView.as_view(), name="api-review-next"),
    path("api/v1/address-review/<int:item>/decide", DecideView.as_view(), name="api-review-decide"),
    path("api/v1/address-review/<int:item>/skip", SkipView.as_view(), name="api-review-skip"),
    path("api/v1/address-review/undo", UndoView.as_view(), name="api-review-undo"),
    path("api/v1/address-review/count", CountView.as_view(), name="api-review-count"),
]
