"""Signing in to the admin: wrong tries are counted by name and by address, together with those at the API."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from unfold.forms import AuthenticationForm

from orderhub.api import limits
from orderhub.reached_from import address_of

#: Addresses of a proxy on this machine: everybody comes from there, so one person's wrong tries may not shut all out.
PROXIES = ("", "127.0.0.1", "::1")


class LimitedForm(AuthenticationForm):
    """Name and password; after too many wrong ones nothing is asked of the password until the window ends."""

    def clean(self) -> Any:
        """The signed-in person's fields. ValidationError for a wrong password, and for too many."""
        address = address_of(self.request) if self.request is not None else ""
        name = str(self.cleaned_data.get("username") or "")
        callers = [(f"sign-in-as:{name.lower()}"[:100], limits.SIGN_IN_AS)]
        if address not in PROXIES:
            callers.append((f"sign-in-from:{address}", limits.SIGN_IN_FROM))
        if any(limits.spent(caller, limits.SIGN_IN_WINDOW) >= limit for caller, limit in callers):
            raise ValidationError(_("Too many tries. Come again in a quarter of an hour."))
        try:
            return super().clean()
        except ValidationError:
            for caller, limit in callers:
                limits.count(caller, limit, limits.SIGN_IN_WINDOW)
            raise
