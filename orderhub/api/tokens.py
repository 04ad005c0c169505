"""Signing in by token: short access tokens, refresh tokens that are used once, devices that can be revoked.

Only keyed hashes are kept. A refresh token that comes a second time was stolen, or its answer was lost: nobody can tell
which of the two holders is the right one, so the device is revoked and the person signs in again.
"""

from __future__ import annotations

import datetime as dt
import hmac
import secrets
from typing import Any

from django.contrib.auth import authenticate
from django.db import transaction
from django.utils import timezone

from orderhub import crypto
from orderhub.api.models import ApiToken, Device

ACCESS, REFRESH = dt.timedelta(minutes=15), dt.timedelta(days=30)


class Refused(Exception):
    """No sign-in: wrong name or password, or a refresh token that is over, unknown or used."""


def sign_in(request: Any, username: str, password: str, name: str) -> tuple[Device, str, str]:
    """(device, access token, refresh token) of staff who know their password."""
    user = authenticate(request, username=username, password=password)
    if user is None or not user.is_active or not getattr(user, "is_staff", False):
        raise Refused
    with transaction.atomic():
        device = Device.objects.create(user=user, name=name, stamp=user.get_session_auth_hash())  # type: ignore[misc]
        return device, *pair(device)


def refresh(token: str) -> tuple[Device, str, str]:
    """A new pair for a refresh token, which is spent by it. Its second use revokes the device, committed."""
    with transaction.atomic():
        found = (
            ApiToken.objects.select_for_update(of=("self",))
            .select_related("device__user")
            .filter(hashed=hashed(token), kind="refresh", device__revoked_at=None)
            .first()
        )
        if found is not None and found.used_at is not None:
            revoke([found.device_id], "reuse")
            found = None
        now = timezone.now()
        if found is not None and found.expires_at > now and _good(found.device):
            found.used_at = now
            found.save(update_fields=["used_at"])
            ApiToken.objects.filter(device=found.device, kind="access").delete()
            Device.objects.filter(pk=found.device_id).update(used_at=now)
            return found.device, *pair(found.device)
    raise Refused


def holder(token: str) -> Device | None:
    """The device of a living access token, with its user."""
    found = (
        ApiToken.objects.select_related("device__user")
        .filter(hashed=hashed(token), kind="access", expires_at__gt=timezone.now(), device__revoked_at=None)
        .first()
    )
    return found.device if found is not None and _good(found.device) else None


def revoke(device_ids: list[Any], why: str) -> int:
    """End devices and all their tokens; how many were alive."""
    return Device.objects.filter(id__in=device_ids, revoked_at=None).update(
        revoked_at=timezone.now(), revoked_why=why
    )


def end(token: str) -> int:
    """Revoke the device of a refresh token, used or not; how many were alive."""
    found = ApiToken.objects.filter(hashed=hashed(token), kind="refresh").values_list("device_id", flat=True)
    return revoke(list(found), "owner")


def hashed(token: str) -> str:
    """The keyed hash under which a token is kept."""
    return crypto.keyed_hash(f"api:{token}")


def _good(device: Device) -> bool:
    """Whether its person is still staff who may sign in, by the same password."""
    user = device.user
    return (
        user.is_active
        and getattr(user, "is_staff", False)
        and hmac.compare_digest(device.stamp, user.get_session_auth_hash())
    )


def pair(device: Device) -> tuple[str, str]:
    """A new access and refresh token of this device."""
    access, again = "oha_" + secrets.token_urlsafe(32), "ohr_" + secrets.token_urlsafe(32)
    now = timezone.now()
    ApiToken.objects.bulk_create(
        [
            ApiToken(device=device, kind="access", hashed=hashed(access), expires_at=now + ACCESS),
            ApiToken(device=device, kind="refresh", hashed=hashed(again), expires_at=now + REFRESH),
        ]
    )
    return access, again
