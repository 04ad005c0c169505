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
