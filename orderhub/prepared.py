"""Statements that the server keeps planned: for a long statement that runs thousands of times a second, planning is half."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connection


def run(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows of one statement, in the open transaction if there is one; raises Django's database errors.

    Values are sent apart from the text, so each needs a type in it (`%(name)s::bigint`).
    """
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    raw = connection.connection
    if (
        raw.prepare_threshold is None
    ):  # Django's own cursors never prepare, so this is for the statements here
        raw.prepare_threshold = 5
    with connection.wrap_database_errors, psycopg.Cursor(raw) as cursor:
        cursor.execute(sql, params, prepare=True)
        return cursor.fetchall()
