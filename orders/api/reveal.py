"""Opening one receiver: with the right, a reason and the day's quota; the log line is committed before the text is read."""

from __future__ import annotations

import json

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from orderhub import crypto
from orderhub.api.frame import Door, object_of, text_of
from orderhub.api.problems import Problem
from orderhub.api.schema import sent
from orders.api import shapes
from orders.api.views import find
from orders.models import Receiver
from orders.operations.revealing import REVEALS_A_DAY, log_reveal


class RevealView(Door):
    """One receiver in plain text."""

    may = {"POST": "orders.reveal_receiver"}
    own_keys = True  # each look is logged; none is replayed

    @extend_schema(
        operation_id="receiver_reveal",
        request=sent(shapes.LOOK),
        parameters=[shapes.AT],
        responses={200: shapes.PLAIN},
    )
    def post(self, request: Request, number: str) -> Response:
        """{reason}: the plain receiver of the own shop's orders; channels that mask theirs have none here."""
        reason, order = text_of(object_of(request), "reason", 200), find(request, number)
        receiver = Receiver.objects.filter(order=order).first()
        if receiver is None or receiver.visibility != "plain" or not receiver.plain_enc:
            text = _("This channel keeps the receiver masked; its plain text never comes here.")
            raise Problem(409, "masked", text)
        if not log_reveal(request.user, order, reason, REVEALS_A_DAY):
            text = _("You have opened %(n)d receivers today, which is the limit.") % {"n": REVEALS_A_DAY}
            raise Problem(403, "quota", text)
        return Response(json.loads(crypto.decrypt(bytes(receiver.plain_enc))))
