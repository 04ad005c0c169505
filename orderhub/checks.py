"""Start-up checks: a misspelt dotted name fails `manage.py check`, not a night shift."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.core.checks import Error, register

from orderhub.dotted import resolve

#: Lifecycles by dotted name: their touches' functions are resolved here.
LIFECYCLES = ("orders.lifecycle.LIFECYCLE", "logistics.lifecycle.LIFECYCLE", "finance.lifecycle.LIFECYCLE")

#: Tables of dotted names by dotted name: functions of apps above that say facts.
TABLES = ("orders.operations.watching.FACTS",)


def dotted_names() -> Iterator[tuple[str, str]]:
    """(where it stands, the name) of every function that a table names."""
    from orderhub import scope
    from orderhub.admin.webhook import EVENTS
    from orderhub.admin_site.registry import names as admin_names
    from orderhub.admin_site.sidebar import badges
    from orderhub.inbound.registry import PAYLOAD_KINDS
    from orderhub.integrations.oauth import SHAPES
    from orderhub.integrations.registry import CLIENTS
    from orderhub.outbox.registry import KINDS
    from orderhub.rules import registry as rules

    for name in (scope.SHOPS, scope.WAREHOUSES, scope.VISIBLE, scope.ACCOUNTS, scope.SYSTEMS, EVENTS):
        yield "scope", name
    for name in LIFECYCLES:
        lifecycle = resolve(name)
        for attribute in ("on_move", "set_aside"):
            if getattr(lifecycle, attribute):
                yield f"{name} {attribute}", getattr(lifecycle, attribute)
        for touch in lifecycle.touches:  # type: ignore[attr-defined]
            for function in (touch.by, *touch.guards, *touch.locks):
                yield f"{name} touch {touch.code}", function
    for kind in KINDS.values():
        for function in filter(None, (kind.send, kind.ask, kind.answered)):
            yield f"outbox kind {kind.code}", function
    for kind_name, function in PAYLOAD_KINDS.items():
        yield f"payload kind {kind_name}", function
    for function in admin_names():
        yield "admin registry", function
    for function in badges():
        yield "sidebar", function
    for platform, function in CLIENTS.items():
        yield f"client {platform}", function
    for platform, shape in SHAPES.items():
        yield f"authorisation {platform}", shape.grant
    for name in TABLES:
        for function in resolve(name):  # type: ignore[attr-defined]
            yield name, function
    for function in rules.names():
        yield "decision point", function


@register()
def names_resolve(**_: Any) -> list[Error]:
    """Every dotted name in a table leads to something."""
    found: list[Error] = []
    try:
        for where, name in dotted_names():
            try:
                resolve(name)
            except (ImportError, AttributeError) as error:
                found.append(Error(f"{where}: {name} does not resolve: {error}", id="orderhub.E001"))
    except (ImportError, AttributeError) as error:
        found.append(Error(f"a lifecycle does not load: {error}", id="orderhub.E002"))
    return found


@register()
def tasks_exist(app_configs: Any, **_: Any) -> list[Error]:
    """Every scheduled task is registered."""
    from orderhub.celery import app
    from orderhub.schedule import SCHEDULE

    for config in apps.get_app_configs():  # not through Celery's loader, which would run these checks again
        if find_spec(f"{config.name}.tasks"):
            import_module(f"{config.name}.tasks")
    return [
        Error(f"schedule row {row.name!r} names {row.task}, which is no task", id="orderhub.E003")
        for row in SCHEDULE
        if row.task not in app.tasks
    ]
