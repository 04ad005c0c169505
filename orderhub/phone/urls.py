"""Addresses of the phone page. Everything that it shows comes from /api/v1/."""

from django.urls import path

from orderhub.phone import views

urlpatterns = [
    path("m/", views.page, name="phone"),
    path("m/sw.js", views.worker, name="phone-worker"),
    path("m/manifest.webmanifest", views.manifest, name="phone-manifest"),
    path("m/words/<str:language>.json", views.words, name="phone-words"),
]
