"""`schemathesis run` on a running site: every operation of the served schema, every check, both callers."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings

from orderhub.testing.api_cases import CONFIG, Real

PHASES = "examples,coverage,fuzzing,stateful"


def ask(
    url: str,
    caller: str,
    schema: Path,
    real: Real,
    *,
    phases: str = PHASES,
    seconds: int,
    examples: int,
    paths: str = "",
) -> dict[str, Any]:
    """One caller's run, at most so long. `caller` is the Authorization header, `schema` a file of the served schema,
    `paths` a pattern of the addresses that are asked ("" is all).

    Returns {"ok", "operations" (asked), "of", "cases", "failures", "errors", "phases", "links" (walked), "reached" (answered
    with 2xx at least once), "seconds", "said"}; `said` is what was printed.
    """
    with tempfile.TemporaryDirectory() as folder:
        told, kept = Path(folder) / "report.json", Path(folder) / "real.json"
        kept.write_text(
            json.dumps(
                {name: value for name, value in asdict(real).items() if name not in ("turn", "learned")}
            )
        )
        reached = Path(folder) / "reached"
        reached.touch()
        command = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG), "run", str(schema), "--url", url,
            "--header", f"Authorization: {caller}", "--phases", phases, "--checks", "all", "--mode", "all", "--max-examples",
            str(examples), "--max-time", str(seconds), "--continue-on-failure", "--no-color", "--report-json-path", str(told),
            "--seed", "7", "--warnings", "off", "--generation-database", "none",
            *(["--include-path-regex", paths] if paths else []),
        ]  # fmt: skip
        env = {
            **os.environ,
            "PYTHONPATH": str(settings.BASE_DIR),
            "SCHEMATHESIS_HOOKS": "orderhub.testing.api_hooks",
            "API_REAL": str(kept),
            "API_REACHED": str(reached),
        }
        done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
        report = json.loads(told.read_text()) if told.exists() else {}
        good = sorted(set(reached.read_text().split()))
    if not report:
        return {"ok": False, "said": done.stdout + done.stderr}
    links = re.search(r"API Links: +(\d+) covered", done.stdout)
    made, found = report["test_cases"], report["operations"]
    ok = done.returncode == 0 and not report["errors"]
    return {
        "ok": ok, "operations": found["tested"], "of": found["total"], "cases": made["generated"],
        "failures": made["unique_failures"],
        "errors": len(report["errors"]), "phases": {name: each["status"] for name, each in report["phases"].items()},
        "seconds": round(report["running_time"], 1), "links": int(links[1]) if links else 0,
        "reached": good, "said": done.stdout + done.stderr,
    }  # fmt: skip
