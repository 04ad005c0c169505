"""Making and renewing databases on any PostgreSQL, embedded or given by DATABASE_URL.

Decision: a database is only ever dropped when this launcher made it for a demonstration, measurement or drill
(it carries a comment that says so), or when it holds no orders; anything else is refused by name.
This module runs under the virtual environment's Python, since it speaks through psycopg.
"""

from __future__ import annotations

import sys
from urllib.parse import quote, unquote, urlsplit, urlunsplit

MARK = "OrderHub: made for a demonstration, may be dropped"


def with_database(url: str, name: str, scheme: str = "") -> str:
    """The same server's address with another database (and scheme)."""
    parts = urlsplit(url)
    query = "" if scheme else parts.query
    return urlunsplit((scheme or parts.scheme, parts.netloc, "/" + quote(name), query, ""))


def name_of(url: str) -> str:
    """The database that an address names."""
    return unquote(urlsplit(url).path.lstrip("/"))


def broker_url(url: str) -> str:
    """The address of the broker's own database beside this one."""
    return with_database(url, f"{name_of(url)}_broker", scheme="pgmq")


def _libpq(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(("postgresql", *parts[1:]))


def ensure(url: str, mark: bool = False) -> bool:
    """Create the database when there is none; True when it was created."""
    import psycopg
    from psycopg import sql

    name = name_of(url)
    with psycopg.connect(_libpq(with_database(url, "postgres")), autocommit=True) as server:
        if server.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
            return False
        server.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        if mark:
            server.execute(
                sql.SQL("comment on database {} is {}").format(sql.Identifier(name), sql.Literal(MARK))
            )
    return True


def renew(url: str, force: bool = False) -> None:
    """Drop the database when that loses nobody's work, and create it anew, marked."""
    import psycopg
    from psycopg import sql

    if ensure(url, mark=True):
        return
    name = name_of(url)
    with psycopg.connect(_libpq(with_database(url, "postgres")), autocommit=True) as server:
        question = "select shobj_description(oid, 'pg_database') from pg_database where datname = %s"
        row = server.execute(question, [name]).fetchone()
        if not force and (row is None or row[0] != MARK) and _holds_orders(url):
            raise SystemExit(
                f"the database {name} holds orders that no demonstration made, so it is not dropped. "
                "Point DATABASE_URL elsewhere, or say that it may go:  FRESH=1 make demo"
            )
        server.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    ensure(url, mark=True)


def _holds_orders(url: str) -> bool:
    import psycopg

    with psycopg.connect(_libpq(url), autocommit=True) as database:
        row = database.execute("select to_regclass('orders_order') is not null").fetchone()
        if not row or not row[0]:
            return False
        return database.execute("select 1 from orders_order limit 1").fetchone() is not None


def install_queue(url: str) -> None:
    """Put the message queue's tables and functions into the broker's database, once."""
    import psycopg
    from pgmq.install import install_pgmq_from_sql

    with psycopg.connect(_libpq(url), autocommit=True) as database:
        if database.execute("select 1 from pg_namespace where nspname = 'pgmq'").fetchone():
            return
    install_pgmq_from_sql(dsn=_libpq(url))


def main(arguments: list[str]) -> None:
    """`prepare URL BROKER_URL` creates what is missing; `renew URL BROKER_URL [force]` begins anew."""
    verb, url, broker, *rest = arguments
    own_broker = broker.startswith("pgmq:")
    if verb == "renew":
        renew(url, force="force" in rest)
        if own_broker:
            renew(broker, force=True)
    else:
        ensure(url)
        if own_broker:
            ensure(broker)
    if own_broker:
        install_queue(broker)


if __name__ == "__main__":
    import psycopg

    try:
        main(sys.argv[1:])
    except psycopg.Error as error:
        raise SystemExit(f"PostgreSQL answered: {error}") from error
