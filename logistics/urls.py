"""The addresses that platforms call, and the API of parcels."""

from django.urls import path

from logistics import views
from logistics.api.parcels import ParcelsView

urlpatterns = [
    path("api/v1/orders/<str:number>/parcels", ParcelsView.as_view(), name="api-parcels"),
    path("callbacks/qimen/<slug:code>", views.qimen, name="callback_qimen"),
    path("callbacks/kuaidi100/<slug:code>", views.kuaidi100, name="callback_kuaidi100"),
]
