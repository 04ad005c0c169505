"""Alipay's notices: the signature first, then the raw notice is kept, then Alipay gets its answer."""

from __future__ import annotations

import json
import logging

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orderhub.inbound import keeping
from orderhub.integrations.registry import client
from orderhub.models import Connection
from orderhub.nudge import nudge

log = logging.getLogger(__name__)


@csrf_exempt
@require_POST
def alipay_notify(request: HttpRequest, code: str) -> HttpResponse:
    """Answer `success` once the notice is kept; a forged one gets `fail` and leaves only a log line."""
    connection = get_object_or_404(Connection, code=code, platform="alipay")
    params = {name: value for name, value in request.POST.items() if isinstance(value, str)}
    if not client(connection).verify_notify(dict(params)):
        log.warning("alipay notice with a wrong signature from %s", request.META.get("REMOTE_ADDR"))
        return HttpResponse("fail", content_type="text/plain", status=400)
    raw = json.dumps(params, ensure_ascii=False, sort_keys=True).encode("utf-8", "replace")
    external = params.get("notify_id") or f"{params.get('trade_no', '')}:{params.get('trade_status', '')}"
    keeping.keep(connection.id, "payment", external, "1", raw, "push")
    nudge("orderhub.read_payloads", "payment")
    return HttpResponse("success", content_type="text/plain")
