"""Who calls the API: a shop by its token or a person by theirs (kept as keyed hashes), or a person by session."""

from __future__ import annotations

import hmac
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from orderhub import crypto
from orderhub.models import Connection


class ShopCaller:
    """A shop's own system, as DRF's user: it may do what the shop may."""

    is_authenticated = True
    is_active = True
    pk = None

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def get_username(self) -> str:
        return self.connection.code


class ShopTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`; the token's keyed hash is in the connection's options."""

    def authenticate(self, request: Request) -> tuple[Any, str] | None:
        scheme, _, token = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if token.strip().startswith("oha_"):
            return self.person(token.strip())
        hashed = crypto.keyed_hash(token.strip())
        found = Connection.objects.filter(options__api_token_hash=hashed, state="ok").first()
        if found is None or not hmac.compare_digest(found.options.get("api_token_hash", ""), hashed):
            raise AuthenticationFailed("unknown or revoked token")
        return ShopCaller(found), "shop"

    def person(self, token: str) -> tuple[Any, Any]:
        """The person of a living access token, and the device that it is of."""
        from orderhub.api import tokens

        device = tokens.holder(token)
        if device is None:
            raise AuthenticationFailed("unknown or revoked token")
        return device.user, device

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class ShopTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the API's schema speaks of a shop's token."""

    target_class = "orderhub.api.authentication.ShopTokenAuthentication"
    name = "shopToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """A bearer token in the Authorization header."""
        return {"type": "http", "scheme": "bearer"}
