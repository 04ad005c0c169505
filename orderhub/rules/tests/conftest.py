"""A decision point of the tests' own beside the product's, published as it ships."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User

from orderhub.rules import engine, failing, registry, seeding


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The point is declared; nothing is in the database."""
    monkeypatch.setattr(registry, "POINTS", [*registry.POINTS, "orderhub.rules.tests.toy.TOY"])
    for each in (registry, engine, failing):
        each.forget()
    yield
    monkeypatch.undo()
    for each in (registry, engine, failing):
        each.forget()


@pytest.fixture
def seeded(toy: None, db: None) -> None:
    seeding.seed()
    engine.forget()


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_superuser("boss")


@pytest.fixture
def clerk(db: None) -> User:
    return User.objects.create_user("clerk")
