"""The API held to its own schema by Schemathesis, all checks: capped here, more with `API_EXAMPLES=…` (examples an operation).

`manage.py drill api --long` is the full run, against a running site, with every boundary value.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from django.test import Client
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup

from orderhub.api import limits
from orderhub.testing import api_run
from orderhub.testing.api_cases import CONFIG, Real
from orders.tests.api_cast import make_world, person, real_of  # noqa: F401  a fixture

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
#: Walks of each caller, and the seconds after which no other one begins.
WALKS, LONGEST = EXAMPLES, 5 * EXAMPLES
#: Where they go here; in full they go everywhere.
WALKED = "/(orders|holds|tickets|sign-in|refresh)"
#: So many of their operations answer with 2xx at least once.
REACHED = {"person": 12, "shop": 6}


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The calls run in this test's transaction, as Django's own client has it."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.fixture(params=["person", "shop"])
def api(
    request: pytest.FixtureRequest,
    world: dict[str, Any],
    one_connection: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[tuple[Any, dict[str, str]]]:
    """(the served schema, the caller's headers), where made-up calls find rows that are there."""
    unlimited(monkeypatch)
    real, heads = real_of(world, person("operations"))

    def put(context: Any, case: Any, kwargs: Any) -> None:
        Real.put(real, case)

    schemathesis.hook("before_call")(put)
    schema = schemathesis.openapi.from_wsgi(
        "/api/v1/schema?format=json",
        WSGIHandler(),
        headers={"Authorization": heads["person"]},
        config=schemathesis.Config.from_path(CONFIG),
    )
    yield schema, {"Authorization": heads[request.param]}
    schemathesis.hooks.unregister(put)


def usual(examples: int) -> Any:
    """Hypothesis' settings: the same calls at each run."""
    return settings(
        max_examples=examples, deadline=None, database=None, derandomize=True,
        phases=[Phase.explicit, Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip


@pytest.mark.django_db
def test_that_every_operation_answers_as_its_schema_says(api: tuple[Any, dict[str, str]]) -> None:
    schema, heads = api
    seen, faults = [], []
    for found in schema.get_all_operations():
        operation = found.ok()
        seen.append(operation.definition.raw["operationId"])

        @usual(EXAMPLES)
        def answers(case: Any) -> None:
            case.call_and_validate(headers=heads)

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # an operation that takes nothing has nothing wrong to be sent
            with contextlib.suppress(Unsatisfiable):
                try:
                    given(case=operation.as_strategy(generation_mode=mode))(answers)()
                except (Failure, FailureGroup) as fault:
                    faults.append(f"{operation.label} ({mode.value}): {fault}")
    assert not faults, "\n\n".join(faults)
    assert len(seen) == len(set(seen)) > 35


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("caller", ["person", "shop"])
def test_that_calls_that_follow_from_answers_hold(
    caller: str, world: dict[str, Any], live_server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Walks along the schema's links: from the list to an order, its holds and touches, from a token to the next."""
    unlimited(monkeypatch)
    real, heads = real_of(world, person("operations"))
    answer = Client().get("/api/v1/schema?format=json", headers={"Authorization": heads["person"]})
    (tmp_path / "schema.json").write_bytes(answer.content)
    for seconds in (LONGEST, 8 * LONGEST):  # a machine that has much to do gets nowhere in the first
        told = api_run.ask(
            live_server.url, heads[caller], tmp_path / "schema.json", real,
            phases="stateful", seconds=seconds, examples=WALKS, paths=WALKED,
        )  # fmt: skip
        assert told["ok"], told["said"]
        far = told["phases"]["stateful"] == "success" and told["cases"] > 5 and told["operations"] > 2
        far = far and len(told["reached"]) >= REACHED[caller]
        if far:
            break
    assert far, (told.get("reached"), told["said"])


def unlimited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is stopped for calling too often; test_api_calls.py has the limits."""
    for name in ("PERSON", "ANYBODY", "SHOP", "SIGN_IN_FROM", "SIGN_IN_AS"):
        monkeypatch.setattr(limits, name, 10**9)
