"""Connecting a shop: away to the platform with a one-use state in the session, back with a code, once.

The state is compared in constant time and dropped whatever comes of it, so that a code can't be brought by
anyone but the person who left.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from orderhub.admin_site.base import need
from orderhub.admin_site.marks import ago
from orderhub.integrations import oauth
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.models import Connection

SESSION = "oauth_state"
PERMISSION = "orderhub.change_connection"
#: A visit to the platform that takes longer has to begin anew.
LONGEST_VISIT = 15 * 60


def can_connect(connection: Connection) -> bool:
    """Whether the platform's owner can be asked for a token."""
    return connection.platform in oauth.SHAPES


@require_POST
def connect(request: HttpRequest, connection_id: int) -> HttpResponse:
    """Leave for the platform's page where the shop's owner agrees."""
    need(request, PERMISSION)
    connection = get_object_or_404(Connection, pk=connection_id)
    state = secrets.token_urlsafe(24)
    wanted = request.POST.get("next", "")
    ours = (
        wanted if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure()) else ""
    )
    request.session[SESSION] = {
        "state": state,
        "connection": connection.pk,
        "next": ours,
        "left": int(time.time()),
    }
    try:
        return HttpResponseRedirect(
            oauth.authorise_url(connection, state, address_of_return(request, connection))
        )
    except PlatformError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(ours or reverse("admin:orderhub_connection_changelist"))


@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Back from the platform: the state must be the one we sent this session away with."""
    need(request, PERMISSION)
    left: dict[str, Any] = request.session.pop(SESSION, {})
    home = left.get("next") or reverse("admin:orderhub_connection_changelist")
    given = request.GET.get("state", "")
    expected = str(left.get("state", ""))
    if not expected or not constant_time_compare(given, expected):
        messages.error(
            request, _("This authorisation was not started here, or was used already. Press “Connect” again.")
        )
        return HttpResponseRedirect(home)
    if time.time() - int(left["left"]) > LONGEST_VISIT:
        messages.error(request, _("The visit to the platform took too long. Press “Connect” again."))
        return HttpResponseRedirect(home)
    code = request.GET.get("code", "")
    if not code:
        said = request.GET.get("error_description") or request.GET.get("error") or _("no code")
        messages.error(request, _("The platform did not agree: %(said)s") % {"said": str(said)[:200]})
        return HttpResponseRedirect(home)
    connection = get_object_or_404(Connection, pk=left["connection"])
    try:
        connection = oauth.exchange(connection, code, address_of_return(request, connection))
    except PlatformError as error:
        messages.error(request, _("The shop could not be connected: %(why)s") % {"why": error.message})
        return HttpResponseRedirect(home)
    life = ago(connection.token_expires_at) if connection.token_expires_at else _("no end given")
    messages.success(
        request,
        _("%(shop)s is connected. The token ends %(when)s.") % {"shop": connection.name, "when": life},
    )
    return HttpResponseRedirect(home)


def address_of_return(request: HttpRequest, connection: Connection) -> str:
    """The registered return address, or this site's own."""
    registered = connection.options.get("redirect_uri")
    return str(registered or request.build_absolute_uri(reverse("admin:oauth_callback")))
