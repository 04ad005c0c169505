"""Fixtures for tests that let the product's clients speak to a running sandbox; import them by name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orderhub.integrations.registry import client
from orderhub.testing.connections import connection
from orderhub.testing.sandbox import RunningSandbox, running_sandbox

SEED, ORDERS = 7, 60


@pytest.fixture(scope="module", name="sandbox_world")
def start_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    """One sandbox process for the tests of a module."""
    with running_sandbox(Path(tmp_path_factory.mktemp("sandbox")), seed=SEED, orders=ORDERS) as running:
        yield running


@pytest.fixture(name="sandbox")
def fresh_sandbox(sandbox_world: RunningSandbox) -> Iterator[RunningSandbox]:
    """The module's sandbox without faults and effects of the test before."""
    sandbox_world.reset()
    yield sandbox_world
    sandbox_world.reset()


def speak(platform: str, sandbox: RunningSandbox, **changes: Any) -> Any:
    """A client of a platform of the sandbox, over a saved connection (changes as in `connection`)."""
    return client(connection(platform, sandbox.url, **changes))
