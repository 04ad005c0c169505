"""What `schemathesis run` reads (SCHEMATHESIS_HOOKS): made-up calls get what is in the file that API_REAL names."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import schemathesis

from orderhub.testing.api_cases import Real

REAL = Real(**json.loads(Path(os.environ["API_REAL"]).read_text()))


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Before every call."""
    REAL.put(case)


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """After every call: what it tells, and that it was reached."""
    REAL.learn(case, response)
    if REAL.reached(case, response):
        with Path(os.environ["API_REACHED"]).open("a") as told:
            told.write(f"{case.operation.definition.raw['operationId']}\n")
