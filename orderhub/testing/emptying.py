"""Emptying the database after a test with real transactions, by deleting the few rows that it left.

Decision: Django truncates, which makes the files of 122 tables and of their indexes anew: a tenth of a second of the
server for rows that are deleted in a hundredth. What TRUNCATE promises is kept: every table is locked first, so that a
transaction that is still open is waited for and its rows go too; foreign keys and triggers have no say. A table that
has grown is truncated, with all the others.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations

#: A table larger than this, in bytes on the disk, is truncated: what is deleted leaves its room behind.
GROWN = 512 * 1024
EMPTY = """DO $emptying$
DECLARE
    names CONSTANT text[] := ARRAY[{names}];
    name text;
BEGIN
    LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE;
    IF EXISTS (SELECT FROM unnest(names) AS one WHERE pg_relation_size(one::regclass) > {grown}) THEN
        {truncate}
    ELSE
        SET LOCAL session_replication_role = replica;
        FOREACH name IN ARRAY names LOOP
            EXECUTE 'DELETE FROM ' || name;
        END LOOP;
    END IF;
END $emptying$"""

_truncating = DatabaseOperations.sql_flush


def deleting(
    self: DatabaseOperations,
    style: Any,
    tables: Any,
    *,
    reset_sequences: bool = False,
    allow_cascade: bool = False,
) -> list[str]:
    """The statements that empty these tables; where numbers are to begin anew, or cascade, Django's own."""
    truncate: list[str] = _truncating(
        self, style, tables, reset_sequences=reset_sequences, allow_cascade=allow_cascade
    )
    if reset_sequences or allow_cascade or not tables:
        return truncate
    quoted = [self.quote_name(table) for table in tables]
    names = ", ".join(f"'{name}'" for name in quoted)
    (whole,) = truncate
    return [EMPTY.format(names=names, tables=", ".join(quoted), grown=GROWN, truncate=whole)]


def install() -> None:
    """From now on a flush of this process deletes, where the role is a superuser (as in the clusters that tests make)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            DatabaseOperations.sql_flush = deleting  # type: ignore[method-assign, assignment]
