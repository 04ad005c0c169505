"""Everything that must hold before a change goes in, each with its time.

Decision: the tests begin at once, and what reads the sources runs one after another beside them, in the time that they
leave over (the types alone keep one of two cores idle for a minute). A failing check hides no other; the end lists
what failed and, by name, what could not run on this machine, so that a green end never hides an unrun test.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orderhub.launch import databases, environment, house, venv
from orderhub.launch.cluster import Cluster
from orderhub.launch.places import ROOT, VAR, say

TEST_CLUSTER = "postgres-test"
TEST_DATABASE = "test_orderhub_make"
REPORT = VAR / "test" / "pytest.xml"
PRODUCT = ["orderhub", "orders", "inventory", "logistics", "routing", "finance"]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def browser() -> str:
    """The Chromium that browser tests use: CHROMIUM, or the one on the path."""
    wished = os.environ.get("CHROMIUM", "")
    return wished or next((found for name in BROWSERS if (found := shutil.which(name))), "")


def test_environment() -> dict[str, str]:
    """Variables for the checks and tests: a database server, and nothing of the running house."""
    url = house.given_database() or Cluster(TEST_CLUSTER, throw_away=True).url()
    kept = {key: value for key, value in os.environ.items() if key not in environment.generated()}
    kept.pop("PYTHONPATH", None)
    return {
        "ORDERHUB_TEST_DB": TEST_DATABASE,
        **kept,
        "DATABASE_URL": url,
        "CHROMIUM": browser(),
        "DJANGO_SETTINGS_MODULE": "orderhub.settings.test",
        "PYTHONUNBUFFERED": "1",
    }


def production_environment(env: dict[str, str]) -> dict[str, str]:
    """What a real shop would set, for the deployment check."""
    return {
        **env,
        **environment.generated(),
        "SECRET_KEY": secrets.token_urlsafe(64),
        "DJANGO_SETTINGS_MODULE": "orderhub.settings.production",
        "BROKER_URL": databases.broker_url(env["DATABASE_URL"]),
        "PUBLIC_URL": "https://orderhub.example",
        "ALLOWED_HOSTS": "orderhub.example",
        "DEBUG": "0",
    }


def phases(env: dict[str, str]) -> list[tuple[str, list[str], dict[str, str]]]:
    """The checks beside the tests: name, command, environment."""
    python, ruff = venv.python(), venv.tool("ruff")
    check = [python, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return [
        ("lint", [ruff, "check", "."], env),
        ("format", [ruff, "format", "--check", "."], env),
        ("types", [venv.tool("mypy")], env),
        ("import contracts", [venv.tool("lint-imports")], env),
        ("deployment check", check, production_environment(env)),
        ("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"], env),
    ]


def pytest_command(*arguments: str) -> list[str]:
    """pytest over two (at most four) processes, with its report for the list of what could not run."""
    workers = os.environ.get("TEST_WORKERS") or str(min(4, max(2, os.cpu_count() or 2)))
    command = [
        venv.python(),
        "-m",
        "pytest",
        "--create-db",
        f"--junitxml={REPORT}",
        "-n",
        workers,
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",  # conftest.py has put the long files first; xdist puts files of one long test last
    ]
    return [*command, *arguments]


def not_run(report: Path = REPORT) -> list[str]:
    """The skipped tests of a pytest report, by name with the reason."""
    if not report.exists():
        return []
    found = []
    for case in ET.parse(report).getroot().iter("testcase"):
        for skipped in case.iter("skipped"):
            if skipped.get("type") != "pytest.xfail":
                name = f"{case.get('classname')}.{case.get('name')}"
                found.append(f"{name}: {skipped.get('message') or 'skipped'}")
    return found


def run(arguments: list[str], only_tests: bool = False) -> int:
    """All checks and tests; 0 when nothing failed."""
    venv.setup(development=True)
    server = None if house.given_database() else Cluster(TEST_CLUSTER, throw_away=True)
    started_here = False
    if server is not None:
        if not server.pid():
            server.remove()  # left over from a run that was broken off
        started_here = server.start()
    try:
        env = test_environment()
        if server is not None and not only_tests:
            house.database(cluster=TEST_CLUSTER)
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.unlink(missing_ok=True)
        with ThreadPoolExecutor(1) as aside:
            begun = [] if only_tests else [aside.submit(_aside, *phase) for phase in phases(env)]
            tests = _timed("tests", pytest_command(*arguments), env)
            return _summary([*(each.result() for each in begun), tests])
    finally:
        if server is not None and started_here:
            server.stop()


def _timed(name: str, command: list[str], env: dict[str, str]) -> tuple[str, float, int]:
    say(f"\n=== {name}: {' '.join(_short(command))}")
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env=env).returncode
    took = time.monotonic() - started
    say(f"=== {name}: {'passed' if code == 0 else f'FAILED (exit code {code})'} in {took:.1f} s")
    return name, took, code


def _aside(name: str, command: list[str], env: dict[str, str]) -> tuple[str, float, int]:
    """A check beside the tests: it gives way to them, and says what it found in one piece when it is done."""
    started = time.monotonic()
    polite = [*(["nice", "-n", "10"] if shutil.which("nice") else []), *command]
    done = subprocess.run(
        polite,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    took = time.monotonic() - started
    said = "passed" if done.returncode == 0 else f"FAILED (exit code {done.returncode})"
    say(f"\n=== {name}: {' '.join(_short(command))}\n{done.stdout}=== {name}: {said} in {took:.1f} s")
    return name, took, done.returncode


def _short(command: list[str]) -> list[str]:
    return [word.replace(f"{ROOT}/", "") for word in command]


def _summary(ran: list[tuple[str, float, int]]) -> int:
    skipped = not_run()
    say("\n=== summary")
    for name, took, code in ran:
        say(f"  {'passed' if code == 0 else 'FAILED':7} {took:7.1f} s  {name}")
    say(f"  {'':7} {sum(took for _, took, _ in ran):7.1f} s  in all")
    say(f"\nCould not run here: {len(skipped) or 'nothing, every test ran'}")
    for line in skipped:
        say(f"  {line}")
    failed = [name for name, _, code in ran if code]
    if failed:
        say(f"\nFAILED: {', '.join(failed)}")
    return 1 if failed else 0
