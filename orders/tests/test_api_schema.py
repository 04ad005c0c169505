"""The API held to its own schema by Schemathesis: capped here, in full with `API_EXAMPLES=…` (examples an operation)."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from django.core import signals
from django.core.handlers.wsgi import WSGIHandler
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode, checks

from orderhub import crypto
from orderhub.api import limits
from orders.models import Hold
from orders.tests.api_cast import bearer, make_world, person  # noqa: F401  a fixture

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
EXAMPLES = int(os.environ.get("API_EXAMPLES", "3"))
CHECKS = (
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.missing_required_header,
    checks.unsupported_method,
    checks.ignored_auth,
    checks.allow_header_conformance,
    checks.use_after_free,
    checks.ensure_resource_availability,
    checks.object_level_authorization,
)


@pytest.fixture
def one_connection() -> Iterator[None]:
    """The calls run in this test's transaction, as Django's own client has it."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("caller", ["person", "shop"])
def test_that_every_operation_answers_as_its_schema_says(
    caller: str, world: dict[str, Any], one_connection: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PERSON", 10**9)
    monkeypatch.setattr(limits, "ANYBODY", 10**9)
    heads = {"Authorization": bearer(person("operations"))["HTTP_AUTHORIZATION"]}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema?format=json", WSGIHandler(), headers=heads)
    if caller == "shop":
        account = world["own"].shop.connection
        account.options, account.state = {"api_token_hash": crypto.keyed_hash("shop-token")}, "ok"
        account.save()
        heads = {"Authorization": "Bearer shop-token"}
    order = world["own"]
    real = {
        "number": order.number, "hold": Hold.objects.get(order=order).pk, "touch": "cancel",
        "ticket": world["tickets"][order.pk].pk, "item": world["reviews"][order.pk].pk,
    }  # fmt: skip
    turn = itertools.count()
    seen = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path == "/api/v1/devices/{device}":
            continue  # it would sign this test out
        seen += 1

        @settings(
            max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck), derandomize=True,
        )  # fmt: skip
        def answers(case: Any) -> None:
            if next(turn) % 3:  # else it is whatever was made up
                known = {name: real[name] for name in case.path_parameters or {} if name in real}
                case.path_parameters = {**(case.path_parameters or {}), **known}
            case.call_and_validate(headers=heads, checks=list(CHECKS))

        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            with contextlib.suppress(
                Unsatisfiable
            ):  # an operation that takes nothing has nothing wrong to be sent
                given(case=operation.as_strategy(generation_mode=mode))(answers)()
    assert seen > 20
