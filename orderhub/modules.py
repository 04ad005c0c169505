"""Capabilities that can be switched on one after the other; orders already there go on from where they are."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Module:
    """One switch. `always` modules are the first golden triangle: pay, stock, ship."""

    code: str
    label: Any
    always: bool = False


MODULES = (
    Module("payment", _("Payment check"), always=True),
    Module("stock", _("Stock reservation"), always=True),
    Module("shipping", _("Shipping"), always=True),
    Module("routing", _("Smart routing")),
    Module("address", _("Address review")),
    Module("tracking", _("Tracking")),
    Module("aftersale", _("After-sales")),
    Module("invoice", _("Invoices")),
    Module("finance", _("Receivables")),
)
ALWAYS = frozenset(module.code for module in MODULES if module.always)
#: A change is live on every worker within this many seconds.
FRESH_FOR = 2.0
_cache: tuple[float, frozenset[str]] | None = None


def enabled(code: str) -> bool:
    """Whether the module is on, as of at most two seconds ago."""
    return code in ALWAYS or code not in _off()


def _off() -> frozenset[str]:
    global _cache
    if _cache is None or time.monotonic() - _cache[0] > FRESH_FOR:
        from orderhub.models import ModuleSwitch

        _cache = (
            time.monotonic(),
            frozenset(ModuleSwitch.objects.filter(enabled=False).values_list("code", flat=True)),
        )
    return _cache[1]


def switch(code: str, on: bool) -> None:
    """Switch a module on or off. Raises KeyError for an unknown code, ValueError for one that is always on."""
    global _cache
    if code not in {module.code for module in MODULES}:
        raise KeyError(code)
    if code in ALWAYS and not on:
        raise ValueError(f"{code} is part of the first chain and is always on")
    from orderhub.models import ModuleSwitch

    ModuleSwitch.objects.update_or_create(code=code, defaults={"enabled": on})
    _cache = None


def forget() -> None:
    """Drop the cached switches (a test, or a forked worker)."""
    global _cache
    _cache = None
