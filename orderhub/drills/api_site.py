"""The site as the API's drills ask it: as it is, but nobody is stopped for calling too often (that is tested elsewhere)."""

from __future__ import annotations

from orderhub.api import limits
from orderhub.wsgi import application

for _name in ("PERSON", "SHOP", "ANYBODY", "SIGN_IN_FROM", "SIGN_IN_AS"):
    setattr(limits, _name, 10**9)

__all__ = ["application"]
