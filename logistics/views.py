"""Where platforms speak to us: kept raw first, believed only when signed, answered in the platform's own words."""

from __future__ import annotations

import hashlib
import json

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from orderhub.inbound.keeping import keep
from orderhub.integrations.clients.kuaidi100 import Kuaidi100
from orderhub.integrations.clients.qimen import Qimen
from orderhub.integrations.errors import Forged
from orderhub.integrations.jsontext import Unreadable
from orderhub.models import Connection
from orderhub.nudge import nudge


@csrf_exempt
@require_POST
def qimen(request: HttpRequest, code: str) -> HttpResponse:
    """A confirm of a warehouse: one payload a message id, answered success once the bytes are kept."""
    connection = get_object_or_404(Connection, code=code, platform="qimen")
    query = {name: str(request.GET[name]) for name in request.GET}
    client = Qimen(connection)
    body = request.body
    try:
        content = client.parse_confirm(query, body)
        method = str(content["method"])
    except Forged as error:
        return _xml(Qimen.answer(False, error.message), 403)
    except Unreadable:
        content, method = {}, query.get("method", "").removeprefix("taobao.qimen.")
    head = content.get("deliveryOrder") or content.get("returnOrder") or {}
    number = str(head.get("deliveryOrderCode") or head.get("returnOrderCode") or "?")
    digest = hashlib.blake2b(body, digest_size=12).hexdigest()
    raw = json.dumps({"method": method, "body": body.decode("utf-8", "replace")}, ensure_ascii=False).encode()
    keep(
        connection.id,
        "confirm",
        f"{method.split('.')[0]}:{number}",
        str(head.get("outBizCode") or digest),
        raw,
        "push",
    )
    nudge("orderhub.read_payloads", "confirm")
    return _xml(Qimen.answer(True))


def _xml(body: bytes, status: int = 200) -> HttpResponse:
    return HttpResponse(body, status=status, content_type="text/xml; charset=utf-8")


@csrf_exempt
@require_POST
def kuaidi100(request: HttpRequest, code: str) -> HttpResponse:
    """A push of traces; any answer but success is sent again, so only what is kept is called a success."""
    connection = get_object_or_404(Connection, code=code, platform="kuaidi100")
    param, sign = request.POST.get("param", ""), request.POST.get("sign", "")
    salt = str(connection.options.get("salt") or connection.secrets.get("salt") or "")
    if not param or not Kuaidi100.verify_callback(param, sign, salt):
        return JsonResponse({"result": False, "returnCode": "500", "message": "签名错误"}, status=403)
    digest = hashlib.blake2b(param.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    keep(connection.id, "trace", _number(param), digest, param.encode("utf-8", "surrogatepass"), "push")
    nudge("orderhub.read_payloads", "trace")
    return JsonResponse({"result": True, "returnCode": "200", "message": "成功"})


def _number(param: str) -> str:
    """The waybill number in a callback, "?" where it can't be read: the bytes are kept all the same."""
    try:
        found = json.loads(param)
        return str((found.get("lastResult") or {}).get("nu") or "?")
    except (ValueError, AttributeError, RecursionError):
        return "?"
