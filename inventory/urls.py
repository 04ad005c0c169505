"""Addresses of inventory outside the admin."""

from django.urls import path

from inventory.api.stock import StockView

urlpatterns = [path("api/v1/stock/<str:sku>", StockView.as_view(), name="api-stock")]
