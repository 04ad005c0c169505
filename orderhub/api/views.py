"""Signing in, refreshing, signing out, one's own devices, and who one is."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api import limits, tokens
from orderhub.api.frame import PUBLIC, Door, object_of, text_of
from orderhub.api.models import Device
from orderhub.api.problems import Problem
from orderhub.api.schema import (
    FLAG,
    IDENTITY,
    TIME,
    WHOLE,
    WORD,
    link,
    listed,
    maybe,
    named,
    said,
    sent,
    shape,
    text,
)
from orderhub.reached_from import address_of
from orderhub.scope import reach_of

PASSWORD = {"type": "string"}
WHO = named("SignIn", shape("device", username=said(150), password=PASSWORD, device=text(80)))
SPENT = named("Refresh", shape(refresh=said(200)))
PAIR = named(
    "Tokens",
    shape(
        token_type=WORD,
        access=WORD,
        refresh=WORD,
        device=IDENTITY,
        expires_in={**WHOLE, "description": "seconds"},
    ),
)
DEVICE = named("Device", shape(id=IDENTITY, name=WORD, signed_in_at=TIME, used_at=TIME, this=FLAG))
ME = named(
    "Me", shape(username=WORD, roles=listed(WORD), shops=maybe(listed(WORD)), warehouses=maybe(listed(WORD)))
)
link("sign_in", 200, "goes_on", "refresh", body={"refresh": "$response.body#/refresh"})
link("sign_in", 200, "signs_out", "device_revoke", device="$response.body#/device")
link("me", 200, "its_devices", "devices_list")
link("devices_list", 200, "signs_out", "device_revoke", device="$response.body#/items/0/id")
link("refresh", 200, "goes_on", "refresh", body={"refresh": "$response.body#/refresh"})


class SignInView(Door):
    """POST {username, password, device}: an access token for 15 minutes and a refresh token for 30 days."""

    may = {"POST": PUBLIC}
    own_keys = True  # a replayed answer would hand out tokens

    @extend_schema(operation_id="sign_in", request=sent(WHO), responses={200: PAIR}, auth=[])
    def post(self, request: Request) -> Response:
        """Sign in by name and password; tries are limited by name and by address."""
        return _told(*signed_in(self, request))


class RefreshView(Door):
    """POST {refresh}: a new pair; the old refresh token is spent, and a second use revokes the device."""

    may = {"POST": PUBLIC}
    own_keys = True

    @extend_schema(operation_id="refresh", request=sent(SPENT), responses={200: PAIR}, auth=[])
    def post(self, request: Request) -> Response:
        """Rotate the tokens of this device."""
        try:
            return _told(*tokens.refresh(text_of(object_of(request), "refresh", 200)))
        except tokens.Refused:
            raise Problem(
                401, "not_signed_in", _("Sign in again: the token is missing, over or revoked.")
            ) from None


class DevicesView(Door):
    """One's own devices."""

    may = {"GET": ""}

    @extend_schema(operation_id="devices_list", responses={200: shape(items=listed(DEVICE))})
    def get(self, request: Request) -> Response:
        """The devices of the caller that are signed in."""
        found = Device.objects.filter(user=_person(request), revoked_at=None).order_by("-used_at")[:100]
        return Response({"items": [
            {"id": str(one.pk), "name": one.name, "signed_in_at": one.created_at, "used_at": one.used_at,
             "this": getattr(request.auth, "pk", None) == one.pk}
            for one in found
        ]})  # fmt: skip


class DeviceView(Door):
    """One device."""

    may = {"DELETE": ""}

    @extend_schema(operation_id="device_revoke", responses={204: None})
    def delete(self, request: Request, device: UUID) -> Response:
        """Revoke one of one's own devices: its tokens end at once. 404 where it is revoked already."""
        found = Device.objects.filter(pk=device, user=_person(request), revoked_at=None).first()
        if found is None:
            raise Http404
        tokens.revoke([found.pk], "owner")
        return Response(status=204)


class MeView(Door):
    """Who one is, and what one reaches."""

    may = {"GET": ""}

    @extend_schema(operation_id="me", responses={200: ME})
    def get(self, request: Request) -> Response:
        """The caller's name, roles and reach; null is everything."""
        user: Any = request.user
        reach = reach_of(user)
        return Response({
            "username": user.get_username(),
            "roles": sorted(user.groups.values_list("name", flat=True)),
            "shops": None if reach.shops is None else sorted(reach.shops),
            "warehouses": None if reach.warehouses is None else sorted(reach.warehouses),
        })  # fmt: skip


def signed_in(door: Door, request: Request) -> tuple[Device, str, str]:
    """(device, access token, refresh token) for {username, password, device}; 401 for a wrong one, 429 for too many tries."""
    body = object_of(request)
    name, password = text_of(body, "username", 150), body.get("password")
    device = text_of(body, "device", 80, needed=False) or "?"
    if not isinstance(password, str):
        password = ""
    for caller, limit in (
        (f"sign-in-from:{address_of(request)}", limits.SIGN_IN_FROM),
        (f"sign-in-as:{name.lower()}"[:100], limits.SIGN_IN_AS),
    ):
        door.standing = limits.count(caller, limit, limits.SIGN_IN_WINDOW)
        if door.standing.over:
            raise Throttled(wait=door.standing.reset)
    try:
        return tokens.sign_in(request._request, name, password, device)
    except tokens.Refused:
        raise Problem(401, "wrong_password", _("Name or password is wrong.")) from None


def _told(device: Device, access: str, refresh: str) -> Response:
    return Response({
        "token_type": "Bearer", "access": access, "refresh": refresh, "device": str(device.pk),
        "expires_in": int(tokens.ACCESS.total_seconds()),
    })  # fmt: skip


def _person(request: Request) -> Any:
    return request.user
