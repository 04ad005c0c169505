"""The phone page's sign-in: the access token goes into the page's memory, the refresh token into a cookie no script reads.

The cookie is HttpOnly, SameSite=Strict and sent to this one address. Nobody is known here by anything but it, so that an
admin who is signed in beside the page is not asked for a form's token; a foreign page can send neither the cookie nor a
JSON body.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub.api import tokens
from orderhub.api.frame import PUBLIC, Door
from orderhub.api.models import Device
from orderhub.api.problems import Problem
from orderhub.api.schema import IDENTITY, WHOLE, WORD, link, named, sent, shape
from orderhub.api.views import WHO, signed_in

PAGE = named(
    "PageSession", shape(token_type=WORD, access=WORD, device=IDENTITY, username=WORD, expires_in=WHOLE)
)
link("session_begin", 200, "goes_on", "session_go_on")
link("session_go_on", 200, "signs_out", "session_end")
COOKIE, PATH = "oh_refresh", "/api/v1/session"


class SessionView(Door):
    """Signing in, going on and signing out, for a page of this site."""

    may = {"POST": PUBLIC, "PUT": PUBLIC, "DELETE": PUBLIC}
    own_keys = True  # a replayed answer would hand out tokens
    authentication_classes = []

    @extend_schema(operation_id="session_begin", request=sent(WHO), responses={200: PAGE}, auth=[])
    def post(self, request: Request) -> Response:
        """Sign in by {username, password, device}: the access token, and the refresh token as a cookie."""
        return _told(request, *signed_in(self, request))

    @extend_schema(operation_id="session_go_on", request=None, responses={200: PAGE}, auth=[])
    def put(self, request: Request) -> Response:
        """A new access token for the cookie, which is spent and set anew; its second use ends the device."""
        try:
            return _told(request, *tokens.refresh(request.COOKIES.get(COOKIE, "")))
        except tokens.Refused:
            raise Problem(
                401, "not_signed_in", _("Sign in again: the token is missing, over or revoked.")
            ) from None

    @extend_schema(operation_id="session_end", request=None, responses={204: None}, auth=[])
    def delete(self, request: Request) -> Response:
        """Sign out: the cookie's device is revoked with all its tokens, and the cookie is taken back."""
        tokens.end(request.COOKIES.get(COOKIE, ""))
        answer = Response(status=204)
        answer.delete_cookie(COOKIE, path=PATH, samesite="Strict")
        return answer


def _told(request: Request, device: Device, access: str, again: str) -> Response:
    user: Any = device.user
    answer = Response({
        "token_type": "Bearer", "access": access, "device": str(device.pk), "username": user.get_username(),
        "expires_in": int(tokens.ACCESS.total_seconds()),
    })  # fmt: skip
    answer.set_cookie(
        COOKIE, again, max_age=int(tokens.REFRESH.total_seconds()), path=PATH, secure=request.is_secure(),
        httponly=True, samesite="Strict",
    )  # fmt: skip
    return answer
