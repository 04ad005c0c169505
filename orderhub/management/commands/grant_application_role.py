"""Gives an existing database role what the application needs, and nothing with which it could lift a guard."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from psycopg import sql

#: Read and write rows, draw numbers. No TRUNCATE, no TRIGGER, no REFERENCES, no ownership, no CREATE.
GRANTS = (
    "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {role}",
    "REVOKE CREATE ON SCHEMA {schema} FROM PUBLIC, {role}",
    "GRANT USAGE ON SCHEMA {schema} TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
    "GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {role}",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA {schema} GRANT USAGE, SELECT, UPDATE ON SEQUENCES TO {role}",
)


class Command(BaseCommand):
    help = "Grant the application role NAME its rights (see orderhub/decisions/0002-application-role.md). Repeatable."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="an existing role that owns nothing and is no superuser")
        parser.add_argument("--sql", action="store_true", help="print the statements instead of running them")

    def handle(self, *args: Any, name: str, sql: bool, **options: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            statements = _statements(cursor.fetchone()[0], name)
            if sql:
                for statement in statements:
                    self.stdout.write(statement.as_string(cursor.cursor) + ";")
                return
            cursor.execute("SELECT rolsuper, rolname = current_user FROM pg_roles WHERE rolname = %s", [name])
            found = cursor.fetchone()
            if found is None:
                raise CommandError(f"there is no role {name}: CREATE ROLE {name} LOGIN PASSWORD '…' first")
            if found[0] or found[1]:
                raise CommandError(f"{name} is a superuser or owns the tables: it could lift every guard")
            for statement in statements:
                cursor.execute(statement)
        if options["verbosity"]:
            self.stdout.write(f"{name} may read and write rows, and nothing else")


def _statements(schema: str, role: str) -> list[sql.Composed]:
    names = {"schema": sql.Identifier(schema), "role": sql.Identifier(role)}
    return [sql.SQL(text).format(**names) for text in GRANTS]
