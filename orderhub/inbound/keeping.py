"""Keep what came, as bytes, sealed, before anybody reads it; the same version is kept once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from orderhub import crypto

#: Legal in JSON, but no text that PostgreSQL can hold: NUL, and halves of a character.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(value: Any) -> Any:
    """The same value with what no database text can hold replaced, in texts at every depth; the raw bytes keep it."""
    if isinstance(value, str):
        return UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {storable(name): storable(inner) for name, inner in value.items()}
    return [storable(inner) for inner in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Kept:
    """One payload to keep. `version` orders versions of the same outside record; `source` is pull, push or api."""

    kind: str
    external_id: str
    version: str
    raw: bytes
    source: str = "pull"


def keep_many(connection_id: int, rows: Sequence[Kept]) -> dict[tuple[str, str, str], int]:
    """Store payloads; returns {(kind, external id, version): id} of those that were new. One statement."""
    if not rows:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO orderhub_payload (connection_id, kind, external_id, version, raw_enc, source)
               SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::text[])
               ON CONFLICT (connection_id, kind, external_id, version) DO NOTHING
               RETURNING kind, external_id, version, id""",
            [
                connection_id,
                [row.kind for row in rows],
                [storable(row.external_id)[:80] for row in rows],
                [storable(row.version)[:64] for row in rows],
                [crypto.encrypt(row.raw) for row in rows],
                [row.source for row in rows],
            ],
        )
        return {
            (kind, external, version): identity for kind, external, version, identity in cursor.fetchall()
        }


def keep(
    connection_id: int, kind: str, external_id: str, version: str, raw: bytes, source: str
) -> int | None:
    """Store one payload; its id, or None when this version is here already."""
    kept = keep_many(connection_id, [Kept(kind, external_id, version, raw, source)])
    return next(iter(kept.values()), None)
