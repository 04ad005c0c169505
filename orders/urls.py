"""Addresses of orders outside the admin: the API and the payment gateway's callback."""

from django.urls import include, path

from orders.callbacks import alipay_notify, channel_push, wechatpay_notify

urlpatterns = [
    path("", include("orders.api.urls")),
    path("callbacks/alipay/<slug:code>", alipay_notify, name="alipay-notify"),
    path("callbacks/channel/<slug:code>", channel_push, name="channel-push"),
    path("callbacks/wechatpay/<slug:code>", wechatpay_notify, name="wechatpay-notify"),
]
