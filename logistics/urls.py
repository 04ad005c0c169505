"""The addresses that platforms call."""

from django.urls import path

from logistics import views

urlpatterns = [
    path("callbacks/qimen/<slug:code>", views.qimen, name="callback_qimen"),
    path("callbacks/kuaidi100/<slug:code>", views.kuaidi100, name="callback_kuaidi100"),
]
