"""What every address of the API does alike: who may, how often, what it may say, once, and errors as problems.

A `Door` says per method which permission a person needs (`may`; "" is: signed in is enough) and which methods a shop's
token may use (`shop`). What is in neither is closed.
"""

from __future__ import annotations

import hashlib
import json
import re
from functools import partial
from typing import Any, ClassVar

from django.db import connection
from django.utils.translation import gettext as _
from rest_framework.exceptions import (
    AuthenticationFailed,
    ParseError,
    PermissionDenied,
    Throttled,
    UnsupportedMediaType,
)
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.views import APIView

from orderhub import strict_json
from orderhub.api import limits
from orderhub.api.authentication import ShopCaller
from orderhub.api.once import checked, once
from orderhub.api.problems import Problem, TooLarge, invalid, moved
from orderhub.reached_from import address_of

MOST_BYTES = 1024 * 1024
PUBLIC = "public"
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]|\\\\u0000")


class StrictJSON(JSONParser):
    """JSON of one meaning that our database can hold: UTF-8, each name once, finite numbers, no NUL, no half of a
    surrogate pair, no nesting that breaks the reader."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        """The parsed body; 400 where it can't be read, 415 where it is in another charset."""
        request: Request = (parser_context or {})["request"]
        json_only(request)
        try:
            found = strict_json.loads(stream.read().decode())
            told = json.dumps(found, ensure_ascii=False)
        except (ValueError, RecursionError) as error:
            raise ParseError() from error
        if not storable(told):
            raise ParseError()
        return found


def json_only(request: Request) -> None:
    """415 for a body that is said to be anything but JSON in UTF-8."""
    kind, said = request._request.content_type, request._request.content_params or {}
    if kind != "application/json" or said.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(str(request.content_type))


def storable(text: str) -> bool:
    """Whether PostgreSQL can hold it."""
    return _UNSTORABLE.search(text) is None


class May(BasePermission):
    """The table of the view decides; what it does not name is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Whether this caller may use this method here."""
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        if view.may.get(method) == PUBLIC:
            return True
        user: Any = request.user
        known = user is not None and user.is_authenticated
        if method not in view.allowed_methods and (known or PUBLIC in view.may.values()):
            return True  # 405 follows
        if not known:
            return False
        if isinstance(user, ShopCaller):
            return method in view.shop
        if method not in view.may:
            return False
        return not view.may[method] or user.has_perm(view.may[method])


class Door(APIView):
    """One address of the API."""

    may: ClassVar[dict[str, str]] = {}
    shop: ClassVar[frozenset[str]] = frozenset()
    #: whether a POST without an Idempotency-Key is refused
    keyed: ClassVar[bool] = False
    #: its operation keeps keys by itself
    own_keys: ClassVar[bool] = False
    permission_classes = [May]
    parser_classes = [StrictJSON]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Size, words in the address, sign-in and permission, then the limit."""
        if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
            raise TooLarge(MOST_BYTES)
        for name, text in [*request.query_params.items(), *kwargs.items()]:
            if not storable(str(text)):
                raise invalid(name, _("This holds a character that can't be stored."))
        super().initial(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Who calls. A token that is none is counted at its address, so that nobody tries them without end."""
        try:
            super().perform_authentication(request)
        except AuthenticationFailed:
            self._count(request)
            raise

    def check_permissions(self, request: Request) -> None:
        """The limit, then the table: what is refused is a call as well."""
        self._count(request)
        super().check_permissions(request)

    def check_throttles(self, request: Request) -> None:
        """Counted before the permission."""

    def _count(self, request: Request) -> None:
        """Count the call; 429 with the headers where the limit is reached."""
        user: Any = request.user
        if isinstance(user, ShopCaller):
            standing = limits.count(caller_of(request), limits.SHOP)
        elif user is not None and user.is_authenticated:
            standing = limits.count(caller_of(request), limits.PERSON)
        else:
            standing = limits.count(f"from:{address_of(request)}", limits.ANYBODY)
        self.standing = standing
        if standing.over:
            raise Throttled(wait=standing.reset)

    def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
        """The limit's headers on every answer, and nothing kept by caches."""
        done = super().finalize_response(request, response, *args, **kwargs)
        for name, value in (self.standing.headers() if hasattr(self, "standing") else {}).items():
            done[name] = value
        done.setdefault("Cache-Control", "no-store")
        return done

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """A POST with an Idempotency-Key is answered once."""
        handler = getattr(self, "post", None)
        if request.method == "POST" and handler is not None and not self.own_keys:
            setattr(self, "post", partial(self._once, handler))  # noqa: B010  the method of this one call
        return super().dispatch(request, *args, **kwargs)

    def _once(self, handler: Any, request: Request, **named: Any) -> Response:
        if "Idempotency-Key" not in request.headers and not self.keyed:
            return handler(request, **named)  # type: ignore[no-any-return]
        key = checked(request.headers.get("Idempotency-Key", ""))
        body = json.dumps(request.data, sort_keys=True, ensure_ascii=False)
        said = f"POST {request.path}\n{request.headers.get('If-Match', '')}\n{body}".encode()
        return once(caller_of(request), key, said, lambda: handler(request, **named))


def caller_of(request: Request) -> str:
    """Who calls, as keys and limits count them."""
    user: Any = request.user
    if isinstance(user, ShopCaller):
        return f"shop:{user.connection.pk}"
    return f"user:{user.pk}" if user is not None else ""


def object_of(request: Request) -> dict[str, Any]:
    """The body as an object; 422 where it is something else."""
    if not isinstance(request.data, dict):
        raise invalid("", _("Send a JSON object."))
    return request.data


def text_of(body: dict[str, Any], name: str, most: int = 300, *, needed: bool = True) -> str:
    """A text of the body, trimmed; 422 where it is missing, too long or no text."""
    value = body.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise invalid(f"/{name}", _("Give a text of at most %(n)d characters.") % {"n": most})
    if needed and not value.strip():
        raise invalid(f"/{name}", _("This is needed."))
    return value.strip()


def whole_of(value: Any) -> int | None:
    """A whole number of a body, which JSON may write as 2.0 too; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return None
    return int(value)


def etag(shown: Any) -> str:
    """A strong ETag of what is shown."""
    return etag_of(json.dumps(shown, sort_keys=True, cls=JSONEncoder, ensure_ascii=False).encode())


def etag_of(body: bytes) -> str:
    """A strong ETag of these bytes."""
    return '"' + hashlib.sha256(body).hexdigest()[:32] + '"'


def must_match(request: Request, shown: Any, allowed: list[str]) -> None:
    """A decision names the version it was made on: 428 without If-Match, 409 with what is allowed now."""
    said = request.headers.get("If-Match", "")
    if said.strip() in ("", "*"):  # any version is none
        raise Problem(428, "needs_if_match", _("Send If-Match with the ETag of what you decided on."))
    if etag(shown) not in [part.strip() for part in said.split(",")]:
        raise moved(_("It changed since you read it. Read it again, then decide."), allowed)


def lock(table: str, identity: int) -> None:
    """Lock one row of a table of ours until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT 1 FROM "{table}" WHERE id = %s FOR UPDATE', [identity])


__all__ = [
    "PUBLIC",
    "Door",
    "PermissionDenied",
    "caller_of",
    "etag",
    "lock",
    "must_match",
    "object_of",
    "text_of",
    "whole_of",
]
