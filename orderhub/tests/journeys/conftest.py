"""One sandbox for all journeys, and houses: the product on an empty database with real transactions."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django.live_server_helper import LiveServer

from orderhub.integrations import http
from orderhub.testing.sandbox import RunningSandbox, running_sandbox
from orderhub.tests.journeys import house as houses
from orderhub.tests.journeys.house import DAYS, ORDERS, SEED, House


@pytest.fixture(scope="package", name="outside")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """The outside world in a process of its own."""
    folder = Path(tmp_path_factory.mktemp("journeys"))
    with running_sandbox(folder, seed=SEED, orders=ORDERS, days=DAYS) as running:
        yield running


def only_a_test_database() -> None:
    """Journeys empty their database: refuse, before a single statement, whatever is not the tests' own."""
    here = connections["default"]
    name = str(here.settings_dict["NAME"])
    own = str(here.settings_dict.get("TEST", {}).get("NAME") or "")
    if not name.startswith("test_") or (own and name != own):
        pytest.exit(f"a journey empties its database; {name} is not one of the tests'", returncode=3)


@pytest.fixture(scope="session", name="test_database")
def make_test_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """The tests' database: pytest-django makes none where no collected test is marked as using one."""
    made = None
    if not str(connections["default"].settings_dict["NAME"]).startswith("test_"):
        with django_db_blocker.unblock():
            made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    only_a_test_database()
    yield
    if made is not None:
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@contextmanager
def lived_in(outside: RunningSandbox, blocker: Any) -> Iterator[House]:
    """A house whose database is real and emptied at the end; its server answers while the block lasts."""
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    only_a_test_database()
    outside.reset()
    with blocker.unblock():
        server = LiveServer("127.0.0.1")
        try:
            yield houses.build(outside, server.url)
        finally:
            server.stop()
            http.client().close()
            http._pool.clear()
            connections.close_all()
            only_a_test_database()
            call_command("flush", verbosity=0, interactive=False)
            houses.forget()
            outside.reset()


@pytest.fixture(scope="module", name="whole")
def module_house(outside: RunningSandbox, test_database: None, django_db_blocker: Any) -> Iterator[House]:
    """A house shared by the tests of a module: the first lives in it, the others look at what happened."""
    with lived_in(outside, django_db_blocker) as made:
        yield made


@pytest.fixture(name="house")
def fresh_house(outside: RunningSandbox, test_database: None, django_db_blocker: Any) -> Iterator[House]:
    """A house of one test's own."""
    with lived_in(outside, django_db_blocker) as made:
        yield made
