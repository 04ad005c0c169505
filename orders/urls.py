"""Addresses of orders outside the admin: the API and the payment gateway's callback."""

from django.urls import path

from orders.api.complaints import ComplaintsView
from orders.api.views import OrdersView, OrderView
from orders.callbacks import alipay_notify, channel_push, wechatpay_notify

urlpatterns = [
    path("api/v1/orders", OrdersView.as_view(), name="api-orders"),
    path("api/v1/orders/<str:number>", OrderView.as_view(), name="api-order"),
    path("api/v1/complaints", ComplaintsView.as_view(), name="api-complaints"),
    path("callbacks/alipay/<slug:code>", alipay_notify, name="alipay-notify"),
    path("callbacks/channel/<slug:code>", channel_push, name="channel-push"),
    path("callbacks/wechatpay/<slug:code>", wechatpay_notify, name="wechatpay-notify"),
]
