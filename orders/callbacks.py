"""Gateways' notices and channels' messages: the signature first, then the raw bytes are kept, then comes the answer."""

from __future__ import annotations

import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orderhub.inbound import keeping
from orderhub.inbound.refusing import refuse
from orderhub.integrations.errors import Forged, PlatformError
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.nudge import nudge
from orderhub.reached_from import address_of
from orders.operations import letters
from orders.providers import PROVIDERS
from orders.providers.base import Unreadable


@csrf_exempt
@require_POST
def alipay_notify(request: HttpRequest, code: str) -> HttpResponse:
    """Answer `success` once the notice is kept; a forged one gets `fail` and leaves only a count."""
    connection = get_object_or_404(Connection, code=code, platform="alipay")
    params = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    if not client(connection).verify_notify(dict(params)):
        refuse(connection.id, "payment", "signature", address_of(request))
        return HttpResponse("fail", content_type="text/plain", status=400)
    raw = json.dumps(params, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    external = params.get("notify_id") or f"{params.get('trade_no', '')}:{params.get('trade_status', '')}"
    _keep(connection, external, raw)
    return HttpResponse("success", content_type="text/plain")


@csrf_exempt
@require_POST
def wechatpay_notify(request: HttpRequest, code: str) -> HttpResponse:
    """Answer 204 once the notice is kept, sealed as it came; one that may not be believed gets FAIL and a count."""
    connection = get_object_or_404(Connection, code=code, platform="wechatpay")
    try:
        external = client(connection).believed(request.headers, request.body)
    except PlatformError as error:
        refuse(connection.id, "payment", error.code, address_of(request))
        return JsonResponse({"code": "FAIL", "message": error.message}, status=401)
    _keep(connection, external, request.body)
    return HttpResponse(status=204)


def _keep(connection: Connection, external: str, raw: bytes) -> None:
    keeping.keep(connection.id, "payment", external, "1", raw, "push")
    nudge("orderhub.read_payloads", "payment")


@csrf_exempt
@require_POST
def channel_push(request: HttpRequest, code: str) -> HttpResponse:
    """Messages of a sales channel, answered in its words once they are kept; a forged push leaves only a count."""
    account = get_object_or_404(Connection, code=code, platform__in=list(PROVIDERS))
    try:
        reply = letters.receive(account, dict(request.headers), request.body)
    except Forged as error:
        refuse(account.id, "order", error.code, address_of(request))
        return HttpResponse("forged", content_type="text/plain", status=403)
    except Unreadable as error:
        refuse(account.id, "order", error.code, address_of(request))
        return HttpResponse("unreadable", content_type="text/plain", status=400)
    return HttpResponse(reply, content_type="application/json")
