"""Idempotency-Key: the same key and body get the same answer, made once; another body is refused.

The key's row is written first, in the transaction of the work. A duplicate that comes at the same time waits on it, and
then finds the answer; a call that failed leaves no row, so it may be repeated.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable

from django.db import connection, transaction
from django.utils.translation import gettext as _
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from orderhub import crypto
from orderhub.api.models import KeptAnswer
from orderhub.api.problems import Problem, invalid

_CONTEXT = b"api.answer"
KEY = re.compile(r"[!-~]{8,80}")


def once(caller: str, key: str, said: bytes, work: Callable[[], Response]) -> Response:
    """Do the work unless this key has its answer. `said` is what the fingerprint is of: method, path and body."""
    checked(key)
    print_ = hashlib.sha256(said).hexdigest()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                """INSERT INTO orderhub_keptanswer (caller, key, fingerprint, status, etag) VALUES (%s, %s, %s, 0, '')
                   ON CONFLICT (caller, key) DO NOTHING RETURNING id""",
                [caller, key, print_],
            )
            made = cursor.fetchone()
        if made is None:
            return _again(KeptAnswer.objects.get(caller=caller, key=key), print_)
        response = work()
        body = json.dumps(response.data, cls=JSONEncoder, ensure_ascii=False).encode()
        KeptAnswer.objects.filter(pk=made[0]).update(
            status=response.status_code,
            body_enc=crypto.encrypt(body, _CONTEXT),
            etag=response.headers.get("ETag", ""),
        )
        return response


def checked(key: str) -> str:
    """A key that can be kept; 422 where it is missing, too short or long, or has other signs than visible ASCII."""
    if KEY.fullmatch(key) is None:
        raise invalid("Idempotency-Key", _("Send a key of 8 to 80 characters."))
    return key


def _again(kept: KeptAnswer, print_: str) -> Response:
    if kept.fingerprint != print_:
        raise Problem(
            422, "key_reused", _("This Idempotency-Key was used with another request. Take a new one.")
        )
    headers = {"Idempotency-Replayed": "true", **({"ETag": kept.etag} if kept.etag else {})}
    body = json.loads(crypto.decrypt(bytes(kept.body_enc or b""), _CONTEXT))
    return Response(body, status=kept.status, headers=headers)
