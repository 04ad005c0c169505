"""The client of a connection, by the table of platforms."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from orderhub.integrations.clients.base import Client
from orderhub.integrations.models import Connection
from orderhub.integrations.platforms import PLATFORMS

CLIENTS: dict[str, str] = {word: platform.client for word, platform in PLATFORMS.items()}


def client(connection: Connection) -> Any:
    """The client of a connection; LookupError for a platform that is not built."""
    dotted = CLIENTS.get(connection.platform)
    if dotted is None:
        raise LookupError(f"no client is built for the platform {connection.platform!r}")
    module, _dot, name = dotted.rpartition(".")
    made: type[Client] = getattr(import_module(module), name)
    return made(connection)
