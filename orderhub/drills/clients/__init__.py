"""Clients made from the served schema by others' generators: they compile, and a smoke run works with them.

TypeScript: openapi-typescript and tsc, strict; Python: openapi-python-client. Both are installed into a folder that is
thrown away, pinned (package-lock.json, requirements.txt with hashes). Needs npm and the two registries.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

from django.utils import timezone

from orderhub.drills import api_cast
from orderhub.drills.site import site
from orders.models import Hold, HoldType

HERE = Path(__file__).parent


def run(*, long: bool) -> dict[str, Any]:
    """Both clients; `long` changes nothing."""
    cast = api_cast.set_up(200)
    with site("orderhub.drills.api_site:application") as url, tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        access, _device = api_cast.signed_in(url)
        (folder / "schema.json").write_bytes(api_cast.schema(url, access))
        asked = [url, api_cast.NAME, api_cast.PASSWORD, api_cast.NUMBER]
        made = {"typescript": _typescript(folder / "ts", folder / "schema.json", asked)}
        Hold.objects.filter(order=cast.order, released_at=None).update(released_at=timezone.now())
        Hold.objects.create(order=cast.order, type=HoldType.RISK, reason="odd", opened_by="drill")
        made["python"] = _python(folder / "py", folder / "schema.json", asked)
    return {"ok": all(each["ok"] for each in made.values()), **made}


def _typescript(folder: Path, schema: Path, asked: list[str]) -> dict[str, Any]:
    folder.mkdir()
    for file in ("package.json", "package-lock.json", "tsconfig.json", "smoke.ts"):
        shutil.copy(HERE / file, folder / file)
    node = "node_modules/.bin"
    return _steps(folder, {
        "installed": ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        "generated": [f"{node}/openapi-typescript", str(schema), "-o", "schema.ts"],
        "compiled": [f"{node}/tsc", "--project", "."],
        "smoke": ["node", "built/smoke.js", *asked],
    })  # fmt: skip


def _python(folder: Path, schema: Path, asked: list[str]) -> dict[str, Any]:
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    shutil.copy(HERE / "smoke.py", folder / "smoke.py")
    return _steps(folder, {
        "installed": [python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(HERE / "requirements.txt")],
        "generated": [
            str(folder / "bin" / "openapi-python-client"), "generate", "--path", str(schema), "--meta", "none",
            "--output-path", "order_hub_client", "--fail-on-warning",
        ],
        "compiled": [python, "-W", "error", "-m", "compileall", "-q", "order_hub_client"],
        "smoke": [python, "smoke.py", *asked],
    })  # fmt: skip


def _steps(folder: Path, steps: dict[str, list[str]]) -> dict[str, Any]:
    """Run them in turn until one fails: {step: seconds}, what the smoke run told, or what the failed one said."""
    env = {**os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "NO_PROXY": "127.0.0.1"}
    done: dict[str, Any] = {"ok": False}
    for name, command in steps.items():
        begun = time.monotonic()
        try:
            said = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=600)
        except FileNotFoundError:
            return {**done, "failed": name, "said": f"{command[0]} is not installed"}
        if said.returncode:
            return {**done, "failed": name, "said": (said.stdout + said.stderr)[-3000:]}
        done[name] = round(time.monotonic() - begun, 1)
        if name == "smoke":
            done.update(ok=True, told=json.loads(said.stdout.splitlines()[-1]))
    return done
