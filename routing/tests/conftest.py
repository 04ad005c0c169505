"""Fresh caches for every test, and the house of the cast."""

import pytest

from orderhub import modules
from routing import fences, known
from routing.operations import capacity
from routing.tests.cast import House


@pytest.fixture(autouse=True)
def fresh_caches(monkeypatch):
    """Nothing that one test cached is seen by the next, and changes are seen at once."""
    fences.forget()
    known.forget()
    modules.forget()
    capacity._seen.clear()
    monkeypatch.setattr(fences, "CHECK_EVERY", 0.0)
    monkeypatch.setattr(known, "CHECK_EVERY", 0.0)


@pytest.fixture
def house(db):
    return House()
