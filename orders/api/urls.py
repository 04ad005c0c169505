"""Addresses of the orders' API."""

from django.urls import path

from orders.api import links  # noqa: F401  the schema's links
from orders.api.board import BoardView
from orders.api.complaints import ComplaintsView
from orders.api.counts import CountsView
from orders.api.holds import HoldsView, OrderHoldsView, ReleaseView, TouchView
from orders.api.own import CancelView, PaymentView
from orders.api.reveal import RevealView
from orders.api.stock import ClaimsView as StockClaimsView
from orders.api.stock import ClaimView as StockClaimView
from orders.api.stock import ShownView
from orders.api.sync import BatchView, SyncView
from orders.api.tickets import ClaimView, CloseView, CommentView, TicketsView
from orders.api.views import OrdersView, OrderView, TimelineView

urlpatterns = [
    path("api/v1/orders", OrdersView.as_view(), name="api-orders"),
    path("api/v1/orders/<str:number>", OrderView.as_view(), name="api-order"),
    path("api/v1/orders/<str:number>/touches", TimelineView.as_view(), name="api-touches"),
    path("api/v1/orders/<str:number>/holds", OrderHoldsView.as_view(), name="api-order-holds"),
    path("api/v1/orders/<str:number>/holds/<int:hold>/release", ReleaseView.as_view(), name="api-release"),
    path("api/v1/orders/<str:number>/touch/<slug:touch>", TouchView.as_view(), name="api-touch"),
    path("api/v1/orders/<str:number>/payment", PaymentView.as_view(), name="api-payment"),
    path("api/v1/orders/<str:number>/cancel", CancelView.as_view(), name="api-cancel"),
    path("api/v1/orders/<str:number>/reveal", RevealView.as_view(), name="api-reveal"),
    path("api/v1/board", BoardView.as_view(), name="api-board"),
    path("api/v1/counts", CountsView.as_view(), name="api-counts"),
    path("api/v1/holds", HoldsView.as_view(), name="api-holds"),
    path("api/v1/tickets", TicketsView.as_view(), name="api-tickets"),
    path("api/v1/tickets/<int:ticket>/claim", ClaimView.as_view(), name="api-ticket-claim"),
    path("api/v1/tickets/<int:ticket>/comments", CommentView.as_view(), name="api-ticket-comment"),
    path("api/v1/tickets/<int:ticket>/close", CloseView.as_view(), name="api-ticket-close"),
    path("api/v1/sync", SyncView.as_view(), name="api-sync"),
    path("api/v1/batch", BatchView.as_view(), name="api-batch"),
    path("api/v1/availability", ShownView.as_view(), name="api-availability"),
    path("api/v1/claims", StockClaimsView.as_view(), name="api-claims"),
    path("api/v1/claims/<uuid:claim>", StockClaimView.as_view(), name="api-claim"),
    path("api/v1/complaints", ComplaintsView.as_view(), name="api-complaints"),
]
