"""A shop's session: one refresh for a call that finds it expired, and many reads by a small pool of threads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from orderhub.integrations import http, oauth
from orderhub.integrations.clients.base import Client
from orderhub.integrations.errors import PlatformError
from orderhub.integrations.importance import Pool
from orderhub.integrations.models import Call, Connection

T = TypeVar("T")


class SessionClient(Client):
    """Base of the clients whose shop is authorised by its owner. `refresh=False` for threads of a pool."""

    def __init__(self, connection: Connection, refresh: bool = True) -> None:
        super().__init__(connection)
        self._refresh = refresh

    @property
    def access_token(self) -> str:
        return str(self.connection.token.get("access_token", ""))

    def in_session(self, once: Callable[[], T]) -> T:
        """What `once` gives; where it finds the session expired it is refreshed once and `once` is done again.

        A refused session has no effect, so the repetition is safe. A second refusal waits for the shop's owner.
        """
        used = self.access_token
        try:
            return once()
        except PlatformError as error:
            if error.kind != "reauthorise" or not self._refresh:
                raise
        oauth.refresh(self.connection, used)
        try:
            return once()
        except PlatformError as error:
            if error.kind == "reauthorise":
                oauth.mark_needs_authorisation(self.connection, error.message)
            raise

    def read_many(
        self, wanted: Iterable[str], read: Callable[[Any, str], T], threads: int = 4
    ) -> dict[str, T | PlatformError]:
        """`read(client, name)` of many names by a small pool; one that can't be read carries its error.

        An expired session is refreshed by the calling thread and what it stopped is read again.
        """
        names = list(dict.fromkeys(wanted))
        found = self._pooled(names, read, threads)
        stopped = [
            name
            for name, got in found.items()
            if isinstance(got, PlatformError) and got.kind == "reauthorise"
        ]
        if stopped:
            oauth.refresh(self.connection)
            found.update(self._pooled(stopped, read, threads))
        return {name: found[name] for name in names}

    def _pooled(
        self, names: Sequence[str], read: Callable[[Any, str], T], threads: int
    ) -> dict[str, T | PlatformError]:
        def one(name: str) -> tuple[str, T | PlatformError, list[Call]]:
            with http.collecting() as rows:  # pool threads never touch the database
                try:
                    return name, read(type(self)(self.connection, refresh=False), name), rows
                except PlatformError as error:
                    return name, error, rows

        found: dict[str, T | PlatformError] = {}
        calls: list[Call] = []
        with Pool(max_workers=max(1, min(threads, 8))) as pool:
            for name, got, rows in pool.map(one, names):
                found[name] = got
                calls += rows
        http.write_calls(calls)
        return found
