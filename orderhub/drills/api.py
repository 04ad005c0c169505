"""The API held to its own schema by `schemathesis run` on a running site: every operation, every check, as person and as shop.

Examples, boundary values, made-up calls, and walks along the schema's links (`stateful`). Access tokens live for fifteen
minutes, so that each caller's run ends before. Needs the test requirements (`make test` or `bootstrap.py setup dev`).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from orderhub.drills import api_cast
from orderhub.drills.site import site
from orderhub.testing import api_run

#: Seconds and examples an operation, of each caller.
SHORT, LONG = (40, 5), (600, 100)
#: What a run is made of: {word: (phases, share of the seconds)}.
PARTS = {"calls": ("examples,coverage,fuzzing", 0.6), "walks": ("stateful", 0.4)}


def run(*, long: bool) -> dict[str, Any]:
    """Both callers, one after the other; `long` is up to 600 s each, and has to reach every operation with 2xx."""
    seconds, examples = LONG if long else SHORT
    cast = api_cast.set_up(600)
    told = b"{}"
    runs: dict[str, dict[str, Any]] = {}
    with site("orderhub.drills.api_site:application") as url, tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "schema.json"
        for caller in ("person", "shop"):
            access, device = api_cast.signed_in(url)
            cast.real.kept = [device]
            told = api_cast.schema(url, access)
            file.write_bytes(told)
            token = access if caller == "person" else api_cast.TOKEN
            for what, (phases, share) in PARTS.items():
                runs[f"{caller}, {what}"] = api_run.ask(
                    url, f"Bearer {token}", file, cast.real,
                    phases=phases, seconds=round(seconds * share), examples=examples,
                )  # fmt: skip
    for name, each in runs.items():
        if name.endswith("calls") and each.get("operations") != each.get("of"):
            each["ok"] = False  # the time was too short for every operation
        if each["ok"]:
            del each["said"]
    walked = {one for name, each in runs.items() if name.endswith("walks") for one in each.get("reached", ())}
    reached = walked.union(*(each.pop("reached", ()) for each in runs.values()))
    every = api_cast.operations(told)
    return {
        "ok": all(each["ok"] for each in runs.values()) and (not long or reached >= every),
        "reached": f"{len(reached)} of {len(every)} operations with 2xx, {len(walked)} of them in walks",
        "never": sorted(every - reached),
        "never_in_walks": sorted(every - walked),
        "cases": sum(each.get("cases", 0) for each in runs.values()),
        "failures": sum(each.get("failures", 0) for each in runs.values()),
        "runs": runs,
    }
