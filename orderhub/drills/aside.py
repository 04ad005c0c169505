"""Drills and measurements never touch a database in use: elsewhere they make one beside it and run there."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection


def elsewhere(purpose: str, arguments: Sequence[str]) -> int | None:
    """None when this process is on a database of that purpose; else the exit code of a run on a fresh one."""
    name = str(connection.settings_dict["NAME"])
    if name.endswith(f"_{purpose}") or name.startswith("test_"):
        return None
    connection.close()
    from orderhub.launch import house

    env = house.side_database(purpose)
    house.prepare_tables(env)
    return house.manage(env, purpose, *arguments)


KEPT = ("django_migrations", "django_content_type", "auth_permission")


def emptied(purpose: str) -> None:
    """Empty a database of that purpose between two runs; any other is refused."""
    name = str(connection.settings_dict["NAME"])
    if not name.endswith(f"_{purpose}"):
        raise RuntimeError(f"{name} is no database for a {purpose}")
    with connection.cursor() as cursor:
        cursor.execute("SET orderhub.emptying = 'on'")  # closed orders can't be truncated away otherwise
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = ", ".join(f'"{table}"' for (table,) in cursor.fetchall() if table not in KEPT)
        cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        cursor.execute("RESET orderhub.emptying")
